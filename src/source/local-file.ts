// Bytes that lie in a file of this machine: a whole file, or a member of an archive. Read in place.
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { type ByteRange, rangeLength } from '../bytes/range.ts';
import { PullError, toPullError } from '../errors.ts';
import { throwIfAborted } from '../http/abort.ts';

export interface FileAt {
  /** Absolute, without symbolic links. */
  readonly path: string;
  /** Of its first byte in the file. */
  readonly offset: number;
  readonly size: number;
}

/** Large enough that calls cost nothing, small enough to be held by every connection of a pull. */
const PIECE_BYTES = 1 << 20;

/** All of it. Throws LIMIT_EXCEEDED before it reads, LAYOUT_INVALID where it cannot be read. `what` names it in messages. */
export async function readSmall(file: FileAt, maxBytes: number, what: string): Promise<Buffer> {
  if (file.size > maxBytes)
    throw new PullError('LIMIT_EXCEEDED', `${what}: ${file.size} bytes, more than ${maxBytes}`, {
      hint: 'No sound image has one so large.',
    });
  return readPiece(file, { start: 0, end: file.size });
}

/** `range`: within the file. Throws LAYOUT_INVALID where it cannot be read or is shorter by now. */
export async function readPiece(file: FileAt, range: ByteRange): Promise<Buffer> {
  await using handle = await openLocal(file.path);
  const bytes = Buffer.allocUnsafeSlow(rangeLength(range));
  await fill(handle, bytes, { path: file.path, position: file.offset + range.start });
  return bytes;
}

/** In order, in fresh memory. Throws LAYOUT_INVALID, and ABORTED once the signal fires. */
export async function* streamFile(
  file: FileAt,
  range: ByteRange,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  await using handle = await openLocal(file.path);
  for (let at = range.start; at < range.end; at += PIECE_BYTES) {
    if (signal) throwIfAborted(signal);
    const bytes = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, range.end - at));
    await fill(handle, bytes, { path: file.path, position: file.offset + at });
    yield bytes;
  }
}

/** What is there may have been swapped since it was looked at: a link is not followed, and a pipe would block. Throws LAYOUT_INVALID. */
export async function openLocal(path: string): Promise<FileHandle> {
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if ((await handle.stat()).isFile()) return handle;
  } catch (cause) {
    await handle?.close();
    throw unreadable(path, cause);
  }
  await handle.close();
  throw new PullError('LAYOUT_INVALID', `${path} is no file`);
}

/** Fills `bytes` from there on. Throws LAYOUT_INVALID. */
export async function fill(
  handle: FileHandle,
  bytes: Buffer,
  { path, position }: { path: string; position: number },
): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await handle
      .read(bytes, done, bytes.length - done, position + done)
      .catch((cause: unknown) => {
        throw unreadable(path, cause);
      });
    if (bytesRead === 0)
      throw new PullError('LAYOUT_INVALID', `${path} ends at byte ${position + done}, before it should`);
    done += bytesRead;
  }
}

export function unreadable(path: string, cause: unknown): PullError {
  return toPullError(cause, { code: 'LAYOUT_INVALID', message: `${path} cannot be read` });
}
