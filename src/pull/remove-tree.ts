// Removing a tree that this user owns.
import { rmSync } from 'node:fs';
import { chmod, lstat } from 'node:fs/promises';

/**
 * Closes a tree to others, then removes it. Synchronous, because only that removal goes by descriptors: the other one goes by path, and
 * as root could be led out of the tree by the owner of a directory in it.
 */
export async function removeOwnTree({ path }: { readonly path: string }): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isDirectory()) await chmod(path, 0o700).catch(() => undefined);
  rmSync(path, { recursive: true, force: true, maxRetries: 3 });
}
