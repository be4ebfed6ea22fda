// Removes what pulls have left that were killed.
import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type FoundLease, readLeases } from './lease.ts';
import { packsDirectory, stagingDirectory } from './places.ts';

/** Files that nobody is known to hold are removed after this long. */
const STALE_MS = 24 * 60 * 60 * 1000;

/** Returns how many bytes were removed. Never throws. */
export async function removeLeftovers(storeDirectory: string): Promise<number> {
  const leases = await readLeases(storeDirectory);
  const staging = stagingDirectory(storeDirectory);
  let bytes = 0;
  for (const { id, path } of leases.filter(({ isHeld }) => !isHeld)) {
    bytes += await removeFrom(staging, (name) => name.startsWith(`${id}-`), 0);
    // Last: without it, what is left would be nobody's, and stay for a day.
    await rm(path, { force: true }).catch(() => undefined);
  }
  bytes += await removeFrom(staging, (name) => !isHeld(name, leases), STALE_MS);
  // What a restore was writing when its job was killed.
  return (
    bytes + (await removeFrom(packsDirectory(storeDirectory), (name) => /\.partial$/.test(name), STALE_MS))
  );
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
