// Can this user work with a store? One that another user has made may be closed to others.
import { access, constants } from 'node:fs/promises';
import { leasesDirectory, packsDirectory, stagingDirectory } from './places.ts';

/** Throws the system's error where a directory of the store is there and may not be read and written. */
export async function checkUsable(storeDirectory: string): Promise<void> {
  const places = [packsDirectory, stagingDirectory, leasesDirectory].map((place) => place(storeDirectory));
  for (const directory of [storeDirectory, ...places])
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      },
    );
}
