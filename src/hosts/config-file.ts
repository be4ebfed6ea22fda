// Configuration files of this machine: read whole, with a cap, and refused by name.
import { constants, open, readdir } from 'node:fs/promises';
import { PullError } from '../errors.ts';

/** Bytes of one file. The largest real ones are bundles of all public authorities, of about 250 KiB. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

/** Takes what the user should know, one line each. */
export type Note = (text: string) => void;

/** CONFIG_INVALID with the name of the file in front. */
export function invalidConfig(file: string, why: string, details: { hint?: string; cause?: unknown } = {}) {
  return new PullError('CONFIG_INVALID', `${file}: ${why}`, details);
}

/**
 * The bytes of a file; undefined where there is none.
 * Throws CONFIG_INVALID for one that cannot be read; where there is a `skip`, one that this user may not read is noted instead.
 */
export async function readConfigFile(path: string, skip?: Note): Promise<Uint8Array | undefined> {
  try {
    // A pipe must not be waited for.
    await using file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const status = await file.stat();
    if (!status.isFile()) throw invalidConfig(path, 'it is not a file');
    if (status.size > MAX_FILE_BYTES)
      throw invalidConfig(path, `its ${status.size} bytes exceed the limit of ${MAX_FILE_BYTES}`);
    return await file.readFile();
  } catch (error) {
    return unlessExpected(error, path, skip);
  }
}

/** Names of what is in a directory, sorted; undefined where there is none. Throws as `readConfigFile`. */
export async function listDirectory(path: string, skip?: Note): Promise<readonly string[] | undefined> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => entry.name)
      .sort();
  } catch (error) {
    return unlessExpected(error, path, skip);
  }
}

/** UTF-8 text without a byte order mark. Throws CONFIG_INVALID. */
export function decodeConfig(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw invalidConfig(file, 'it is not UTF-8', { cause });
  }
}

function unlessExpected(error: unknown, path: string, skip: Note | undefined): undefined {
  if (error instanceof PullError) throw error;
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
  if (!skip || (code !== 'EACCES' && code !== 'EPERM'))
    throw invalidConfig(path, 'it cannot be read', { cause: error });
  skip(`${path} is left out: this user may not read it`);
  return undefined;
}
