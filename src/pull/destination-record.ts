// The record beside a root file system: it says which directory is ours to replace, and whether it is complete.
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, open, rename, writeFile } from 'node:fs/promises';
import { isInodeAt } from '../elevate/inode.ts';
import type { OwnerPolicy } from '../unpack/ownership.ts';

const RECORD_VERSION = 1;
/** A record is some 300 bytes. */
const MAX_RECORD_BYTES = 64 << 10;
/** No link is followed, and a FIFO does not keep us waiting. Windows knows neither flag. */
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

export interface DestinationRecord {
  readonly image: string;
  readonly platform: string;
  readonly ownership: OwnerPolicy;
}

/** Where the record of a pull lies: beside the root file system, never in it. */
export function recordPath(destination: string): string {
  return `${destination}.oci-pull.json`;
}

/** Was the directory at `destination` made by a pull? A directory that merely has the name of one is not. */
export async function isOurs(destination: string): Promise<boolean> {
  return (await findOurs(destination)) !== undefined;
}

/** Was it made by a pull, and may this user still be unable to remove it? */
export async function holdsForeignFiles(destination: string): Promise<boolean> {
  const ours = await findOurs(destination);
  const user = process.geteuid?.();
  if (!ours || user === undefined || user === 0) return false;
  return ours.ownership === 'preserve' || ours.uid !== user;
}

/** Has there ever been a pull to this destination, whatever became of the directory? */
export async function hasRecord(destination: string): Promise<boolean> {
  return (await readRecord(destination)) !== undefined;
}

async function findOurs(destination: string) {
  const record = await readRecord(destination);
  const found = await lstat(destination).catch(() => undefined);
  if (!record || !found) return undefined;
  for (const inode of record.inodes)
    if (await isInodeAt(destination, inode)) return { uid: found.uid, ownership: record.ownership };
  return undefined;
}

/** undefined where there is no record of ours; another user's is none. Records of early versions say nothing of ownership. */
async function readRecord(
  destination: string,
): Promise<{ inodes: readonly unknown[]; ownership: unknown } | undefined> {
  try {
    const text = await readOwnFile(recordPath(destination));
    const value = JSON.parse(text ?? 'null') as Record<string, unknown> | null;
    const isRecord = value?.tool === 'oci-pull' && value.version === RECORD_VERSION;
    return isRecord && Array.isArray(value.inodes)
      ? { inodes: value.inodes, ownership: value.ownership }
      : undefined;
  } catch {
    return undefined;
  }
}

/** undefined for what is no file, too large, or of a user who is neither this one nor root. Throws the system's error. */
async function readOwnFile(path: string): Promise<string | undefined> {
  await using file = await open(path, OPEN_FLAGS);
  const found = await file.stat();
  if (!found.isFile() || found.size > MAX_RECORD_BYTES) return undefined;
  const user = process.geteuid?.();
  if (user !== undefined && found.uid !== user && found.uid !== 0) return undefined;
  return await file.readFile('utf8');
}

/** Appears whole. `inodes`: of the directories that may stand at the destination and are ours. */
export async function writeRecord(
  destination: string,
  record: DestinationRecord & {
    readonly complete: boolean;
    readonly inodes: readonly (string | undefined)[];
  },
): Promise<void> {
  const file = recordPath(destination);
  const inodes = record.inodes.filter((inode) => inode !== undefined);
  const text = JSON.stringify({ tool: 'oci-pull', version: RECORD_VERSION, ...record, inodes }, undefined, 2);
  const temporary = `${file}.${randomBytes(6).toString('hex')}`;
  // Exclusive: a link that somebody has put there is not followed.
  await writeFile(temporary, `${text}\n`, { flag: 'wx' });
  await rename(temporary, file);
}
