// Removes what pulls have left that were killed.
import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type FoundLease, readLeases } from './lease.ts';
import { checkOwnDirectories } from './own-directories.ts';
import { packsDirectory, stagingDirectory } from './places.ts';

/** Files that nobody is known to hold are removed after this long. */
const STALE_MS = 24 * 60 * 60 * 1000;

const UUID = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}';
/** What ChunkStore.stage makes, under a lease or under the number of a process that could take none. */
const STAGED = /^(\d{1,15}-\d{1,10}-[0-9a-f]{16}-[0-9a-f]{8}|\d{1,10})-[0-9a-f]{16}$/;
/** What a restore makes, and what its backend makes to fill that. */
const PARTIAL = new RegExp(`^([0-9a-f]{40}|head)(\\.${UUID}\\.partial){1,2}$`);

/**
 * Nothing but what pulls make is removed: who named the directory may have meant another one. Returns how many bytes were removed.
 * Throws STORE_FAILED as checkOwnDirectories.
 */
export async function removeLeftovers(storeDirectory: string): Promise<number> {
  await checkOwnDirectories(storeDirectory);
  const leases = await readLeases(storeDirectory);
  const staging = stagingDirectory(storeDirectory);
  let bytes = 0;
  for (const { id, path } of leases.filter(({ isHeld }) => !isHeld)) {
    bytes += await removeFrom(staging, (name) => STAGED.test(name) && name.startsWith(`${id}-`), 0);
    // Last: without it, what is left would be nobody's, and stay for a day.
    await rm(path, { force: true }).catch(() => undefined);
  }
  bytes += await removeFrom(staging, (name) => STAGED.test(name) && !isHeld(name, leases), STALE_MS);
  // What a restore was writing when its job was killed.
  return bytes + (await removeFrom(packsDirectory(storeDirectory), (name) => PARTIAL.test(name), STALE_MS));
}

function isHeld(name: string, leases: readonly FoundLease[]): boolean {
  return leases.some((lease) => lease.isHeld && name.startsWith(`${lease.id}-`));
}

async function removeFrom(
  directory: string,
  isWanted: (name: string) => boolean,
  staleMs: number,
): Promise<number> {
  let bytes = 0;
  for (const name of (await readdir(directory).catch(() => [])).filter(isWanted)) {
    const path = join(directory, name);
    const found = await lstat(path).catch(() => undefined);
    if (!found || (staleMs > 0 && Date.now() - found.mtimeMs <= staleMs)) continue;
    await rm(path).then(
      () => {
        bytes += found.size;
      },
      () => undefined,
    );
  }
  return bytes;
}
