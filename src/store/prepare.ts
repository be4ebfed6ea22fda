// Makes a store ready for use.
import { toPullError } from '../errors.ts';
import { removeLeftovers } from './leftovers.ts';
import { makeDirectories } from './make-directories.ts';
import { checkOwnDirectories } from './own-directories.ts';
import { packsDirectory, stagingDirectory } from './places.ts';

/** Makes the directories, and removes what killed pulls have left. Throws STORE_FAILED. */
export async function prepareStore(
  storeDirectory: string,
  staging = stagingDirectory(storeDirectory),
): Promise<void> {
  await checkOwnDirectories(storeDirectory);
  try {
    await makeDirectories(packsDirectory(storeDirectory), 0o700);
    await makeDirectories(staging, 0o700);
  } catch (cause) {
    throw toPullError(cause, {
      code: 'STORE_FAILED',
      message: `the chunk store ${storeDirectory} cannot be created`,
    });
  }
  await removeLeftovers(storeDirectory);
}
