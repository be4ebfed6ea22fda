// Is a store what pulls of this user make? Files are made and removed in it by name: a link would lead out of it, to files of somebody else.
import type { Stats } from 'node:fs';
import { lstat, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PullError, toPullError } from '../errors.ts';
import { leasesDirectory, packsDirectory, stagingDirectory } from './places.ts';

/**
 * What is there of the store's directories must be directories, no links, of this user, root, or whoever owns the one that holds them
 * all and could put others in their place anyway: on a runner with job containers root finds the runner's. That one is the user's
 * choice, and may be a link. Throws STORE_FAILED.
 */
export async function checkOwnDirectories(storeDirectory: string): Promise<void> {
  const holder = await stat(storeDirectory).catch(() => undefined);
  const packs = packsDirectory(storeDirectory);
  const within = [stagingDirectory(storeDirectory), leasesDirectory(storeDirectory)];
  for (const directory of [dirname(packs), packs, ...within]) {
    const why = faultOf(await look(directory), holder?.uid);
    if (why) throw new PullError('STORE_FAILED', `${directory} of the chunk store ${why}`);
  }
}

async function look(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (cause) {
    // Where a file is in the way of the store, making its directories fails, and tells better.
    if (['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw toPullError(cause, { code: 'STORE_FAILED', message: `${path} of the chunk store cannot be read` });
  }
}

function faultOf(found: Stats | undefined, holder: number | undefined): string | undefined {
  if (!found) return undefined;
  if (found.isSymbolicLink()) return 'is a link, and must be a directory';
  if (!found.isDirectory()) return 'is no directory';
  // Where there are no users, every file is said to be of number 0.
  const isOwn = found.uid === 0 || found.uid === holder || found.uid === process.geteuid?.();
  return isOwn ? undefined : `belongs to the user with the number ${found.uid}`;
}
