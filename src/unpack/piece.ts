// Decodes stored bytes that are not exactly one chunk: a chunk inside of a gzip member or zstd frame, or a gap between chunks.
import zlib from 'node:zlib';
import { decompress, sniffCompression } from '../compression/decompress.ts';
import { isZstdMagic, scanFrames } from '../compression/zstd-frames.ts';
import { PullError } from '../errors.ts';
import type { ProgressBoard } from '../workers/progress-board.ts';
import { type BlobInput, type InputFiles, readBlob } from './inputs.ts';

type Sink = (bytes: Uint8Array) => void;

export interface StoredPiece {
  readonly files: InputFiles;
  readonly board: ProgressBoard;
  readonly blob: BlobInput;
}

/** Stored bytes up to this are decoded at one go, if what comes out is small as well: most gaps are a few hundred bytes. */
const SMALL_STORED = 256 << 10;
const SMALL_OUTPUT = 8 << 20;
/** What follows the chunk is nobody's business, and may be of any size. */
const COMPLETE = Symbol('all of the chunk has come');

/**
 * Emits `size` bytes of what one gzip member or zstd frame decodes to, from `innerOffset` on. Throws TAR_INVALID where there are
 * fewer, and what `sink` throws.
 */
export async function decodeMember(
  piece: StoredPiece,
  { innerOffset, size }: { readonly innerOffset: number; readonly size: number },
  sink: Sink,
): Promise<void> {
  const end = innerOffset + size;
  let position = 0;
  const cut = (bytes: Uint8Array) => {
    const part = bytes.subarray(Math.max(0, innerOffset - position), Math.max(0, end - position));
    position += bytes.length;
    if (part.length > 0) sink(part);
    // Stopping at once would spare the checksum of a member that holds the chunk and nothing else.
    if (position > end) throw COMPLETE;
  };
  await decodePiece(piece, cut).catch((error: unknown) => {
    if (error !== COMPLETE) throw error;
  });
  if (position < end)
    throw new PullError('TAR_INVALID', `a chunk ends ${end - position} bytes before it should`);
}

/**
 * Emits all that whole gzip members or zstd frames decode to. Nobody knows beforehand how much: no more than a buffer is held, and
 * the consumer has a limit for the stream. Throws TAR_INVALID, and what `sink` throws.
 */
export async function decodePiece({ files, board, blob }: StoredPiece, sink: Sink): Promise<void> {
  if (blob.compressedSize <= SMALL_STORED) {
    const output = decodeSmall(files.read(blob.file, blob.offset, blob.compressedSize));
    if (output) {
      for (const bytes of output) sink(bytes);
      return;
    }
  }
  await decompress(compressed(readBlob(files, blob, board)), sink);
}

/** undefined where too much would come out. */
function decodeSmall(stored: Buffer): Buffer[] | undefined {
  checkCompressed(stored);
  try {
    if (isZstdMagic(stored)) return decodeFrames(stored);
    return [zlib.gunzipSync(stored, { maxOutputLength: SMALL_OUTPUT })];
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return undefined;
    if (cause instanceof PullError) throw cause;
    throw new PullError('TAR_INVALID', 'a part of the layer cannot be decoded', { cause });
  }
}

function decodeFrames(stored: Buffer): Buffer[] | undefined {
  const output: Buffer[] = [];
  let [at, left] = [0, SMALL_OUTPUT];
  for (const { compressedSize, skippable } of scanFrames(stored)) {
    const frame = stored.subarray(at, at + compressedSize);
    at += compressedSize;
    if (skippable) continue;
    if (left === 0) return undefined;
    const bytes = zlib.zstdDecompressSync(frame, { maxOutputLength: left });
    left -= bytes.length;
    output.push(bytes);
  }
  return output;
}

/** A layer may be an archive that is not compressed; a piece of a chunked one never is. */
async function* compressed(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let isFirst = true;
  for await (const bytes of input) {
    if (isFirst) checkCompressed(bytes);
    isFirst = false;
    yield bytes;
  }
}

function checkCompressed(head: Uint8Array): void {
  if (sniffCompression(head) === 'none')
    throw new PullError('TAR_INVALID', 'a part of the layer is neither gzip nor zstd');
}
