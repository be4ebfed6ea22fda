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
/** What follows the last chunk is nobody's business, and may be of any size. */
const COMPLETE = Symbol('all of the chunk has come');

/** Where chunks lie in what their member decodes to. Columns: there may be a million of them. */
export interface ChunksInMember {
  /** Each chunk begins where the one before ends, or behind that. */
  readonly innerOffsets: Float64Array;
  readonly sizes: Float64Array;
}

export interface MemberConsumer {
  /** `chunk` counts within the member. */
  readonly take: (bytes: Uint8Array, chunk: number) => void;
  /** Is told how much has been decoded, also of what stands between chunks. */
  readonly count: (bytes: number) => void;
}

/**
 * Emits chunks of what one gzip member or zstd frame decodes to, for all of which it is decoded once. Throws TAR_INVALID where it is too
 * short, and what the consumer throws.
 */
export async function decodeMember(
  piece: StoredPiece,
  { innerOffsets, sizes }: ChunksInMember,
  { take, count }: MemberConsumer,
): Promise<void> {
  const startOf = (chunk: number) => innerOffsets[chunk] as number;
  const endOf = (chunk: number) => startOf(chunk) + (sizes[chunk] as number);
  const last = endOf(sizes.length - 1);
  let [position, chunk] = [0, 0];
  const cut = (bytes: Uint8Array) => {
    count(bytes.length);
    const reached = position + bytes.length;
    for (; chunk < sizes.length && startOf(chunk) < reached; chunk++) {
      const part = bytes.subarray(Math.max(0, startOf(chunk) - position), endOf(chunk) - position);
      if (part.length > 0) take(part, chunk);
      if (endOf(chunk) > reached) break;
    }
    position = reached;
    // Stopping at once would spare the checksum of a member that holds the chunks and nothing else.
    if (position > last) throw COMPLETE;
  };
  await decodePiece(piece, cut).catch((error: unknown) => {
    if (error !== COMPLETE) throw error;
  });
  if (position < last)
    throw new PullError('TAR_INVALID', `a chunk ends ${last - position} bytes before it should`);
}

/**
 * Emits all that whole gzip members or zstd frames decode to. Nobody knows beforehand how much: no more than a buffer is held, and
 * the consumer has a limit for the stream. Throws TAR_INVALID, and what `sink` throws.
 */
export async function decodePiece({ files, board, blob }: StoredPiece, sink: Sink): Promise<void> {
  if (blob.compressedSize <= SMALL_STORED) {
    await files.whenThere(blob.file, blob.offset + blob.compressedSize);
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
