// Removing a tree that this user owns.
import { constants, rmSync } from 'node:fs';
import { chmod, lstat, open } from 'node:fs/promises';

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
const OWNER_ONLY = 0o700;

/**
 * Closes a tree to others, then removes it. Synchronous, because only that removal goes by descriptors: the other one goes by path, and
 * as root could be led out of the tree by the owner of a directory in it.
 */
export async function removeOwnTree({ path }: { readonly path: string }): Promise<void> {
  await closeToOthers(path).catch(() => undefined);
  rmSync(path, { recursive: true, force: true, maxRetries: 3 });
}

/** By its descriptor: as root it would be led anywhere by a link that takes its name at the wrong moment. */
async function closeToOthers(path: string): Promise<void> {
  if (process.platform === 'win32') return closeByName(path);
  try {
    await using directory = await open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    await directory.chmod(OWNER_ONLY);
  } catch (error) {
    // Its owner may be unable to read it. Root never is, and nobody else can be led to what is not theirs.
    if ((error as NodeJS.ErrnoException).code === 'EACCES' && process.geteuid?.() !== 0)
      await closeByName(path);
  }
}

async function closeByName(path: string): Promise<void> {
  if ((await lstat(path)).isDirectory()) await chmod(path, OWNER_ONLY);
}
