// Small helpers around files and blobs that are read at one go.
import { type FileHandle, open } from 'node:fs/promises';
import type { ByteRange } from '../../bytes/range.ts';
import { MAX_READ_BYTES } from '../blob-cache.ts';
import { CacheFault } from './fault.ts';
import type { RemoteBlob } from './remote-blob.ts';

/** undefined where the range reaches beyond the end. Throws as RemoteBlob.read, and a limit fault for more than MAX_READ_BYTES. */
export async function readAll(blob: RemoteBlob, range: ByteRange): Promise<Buffer | undefined> {
  const length = range.end - range.start;
  if (length < 0 || length > MAX_READ_BYTES)
    throw new CacheFault('limit', `${length} bytes are not read at once`);
  const bytes = Buffer.allocUnsafe(length);
  let done = 0;
  await blob.read(range, async (part) => {
    done += Buffer.from(part.buffer, part.byteOffset, part.length).copy(bytes, done);
  });
  return done === length ? bytes : undefined;
}

/** Closes the file whatever `work` does. */
export async function withFile<T>(
  path: string,
  flags: string,
  work: (file: FileHandle) => Promise<T>,
): Promise<T> {
  const file = await open(path, flags, 0o600);
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}
