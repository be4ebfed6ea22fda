// Keeps the store within a size: packs that were not used for the longest time go first. When a pack was last used is its mtime.
import { lstat, lutimes, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { toPullError } from '../errors.ts';
import { readLeases } from './lease.ts';
import { checkOwnDirectories } from './own-directories.ts';
import { keyOfPackName, packsDirectory } from './places.ts';

/** A clock of a file system may be behind the system's by this much. */
const CLOCK_SLACK_MS = 1000;

export interface PackOnDisk {
  readonly key: string;
  readonly path: string;
  /** File size in bytes. */
  readonly size: number;
  /** When it was made or last used, milliseconds since the epoch. */
  readonly usedAt: number;
}

export interface EvictOptions {
  /** Bytes of all packs together that may stay. */
  readonly maxBytes: number;
  /** The lease of the caller, who is done with the packs. */
  readonly lease?: string | undefined;
  /** Paths of packs that somebody else will want. */
  readonly spare?: ReadonlySet<string>;
}

export interface Eviction {
  readonly packs: number;
  readonly bytes: number;
  /** Bytes of the packs that are left: more than was asked for where running pulls may be reading them. */
  readonly left: number;
  /** Why a pack could not be removed; absent where each could that is not in use. */
  readonly refusal?: unknown;
}

/** Every file that is called like a pack. None where there is no store. Throws STORE_FAILED. */
export async function listPackFiles(storeDirectory: string): Promise<PackOnDisk[]> {
  const directory = packsDirectory(storeDirectory);
  const packs: PackOnDisk[] = [];
  for (const name of (await listNames(directory)).sort()) {
    const key = keyOfPackName(name);
    const path = join(directory, name);
    const found = key === undefined ? undefined : await lstat(path).catch(() => undefined);
    if (key !== undefined && found?.isFile())
      packs.push({ key, path, size: found.size, usedAt: found.mtimeMs });
  }
  return packs;
}

async function listNames(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw toPullError(cause, { code: 'STORE_FAILED', message: `${directory} cannot be read` });
  }
}

/** Never throws: a pack of another user may not be touched, and then seems older than it is. */
export async function markUsed(paths: Iterable<string>): Promise<void> {
  const now = new Date();
  await Promise.all([...paths].map((path) => lutimes(path, now, now).catch(() => undefined)));
}

/**
 * Several processes may do this at once. A pull marks the packs that it is going to read, so those that were used since a pull began
 * which is still running stay. Throws STORE_FAILED.
 */
export async function evict(
  storeDirectory: string,
  { maxBytes, lease, spare = new Set() }: EvictOptions,
): Promise<Eviction> {
  await checkOwnDirectories(storeDirectory);
  const packs = await listPackFiles(storeDirectory);
  let left = packs.reduce((sum, { size }) => sum + size, 0);
  if (left <= maxBytes) return { packs: 0, bytes: 0, left };
  const others = (await readLeases(storeDirectory)).filter(({ id, isHeld }) => isHeld && id !== lease);
  const inUseSince = Math.min(...others.map(({ started }) => started)) - CLOCK_SLACK_MS;
  const evictable = packs.filter(({ path, usedAt }) => usedAt < inUseSince && !spare.has(path));
  let [count, bytes] = [0, 0];
  let refusal: unknown;
  for (const pack of evictable.sort((a, b) => a.usedAt - b.usedAt)) {
    if (left <= maxBytes) break;
    const gone = await remove(pack);
    if (gone !== true) {
      if (gone !== false) refusal = gone.refusal;
      continue;
    }
    left -= pack.size;
    bytes += pack.size;
    count++;
  }
  return { packs: count, bytes, left, ...(refusal === undefined ? {} : { refusal }) };
}

/** Is it gone now? Not if somebody has come to use it meanwhile. */
async function remove({ path, usedAt }: PackOnDisk): Promise<boolean | { refusal: unknown }> {
  try {
    if ((await lstat(path)).mtimeMs !== usedAt) return false;
    await rm(path);
    return true;
  } catch (error) {
    // Windows calls it EBUSY where somebody reads the file.
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? true : code === 'EBUSY' ? false : { refusal: error };
  }
}
