// Making a directory with its parents.
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a directory and its missing parents, all with `mode`. Not `mkdir` with `recursive`: where a parent can never be made, as below /proc,
 * that of Node 24 tries again for ever. Throws the system's error.
 */
export async function makeDirectories(path: string, mode = 0o777): Promise<void> {
  try {
    return await makeOne(path, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) throw error;
  }
  await makeDirectories(dirname(path), mode);
  await makeOne(path, mode);
}

async function makeOne(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !(await stat(path)).isDirectory()) throw error;
  }
}
