// The diagnose job: finds the culprit after a layer has failed. Wrong bytes can look like any other fault.

import { decodeZstdStream } from '../compression/zstd-stream.ts';
import { type ErrorCode, type ErrorData, fromErrorData, PullError } from '../errors.ts';
import { createHasher } from '../integrity/hash.ts';
import { digestKey } from '../layer/chunk-table.ts';
import { digestAlgorithm } from '../oci/digest.ts';
import { digestOfKey } from '../oci/digest-key.ts';
import { ProgressBoard } from '../workers/progress-board.ts';
import { type BlobInput, InputFiles, readBlob } from './inputs.ts';
import type { ChunkedInput, Corruption, Detour, LayerInput, PlainInput, UnpackJob } from './job.ts';
import { decodeMember } from './piece.ts';
import { blobOf } from './run-reader.ts';

/**
 * Faults that another tar stream would not have, where a table of contents and a tar-split may not tell the truth. Without tar-split
 * every fault is one of these, because no digest covers a gap.
 */
const BLAME_STREAM: readonly ErrorCode[] = ['TAR_INVALID', 'DIGEST_MISMATCH'];
/** Faults of a chunk's bytes, or of the store that holds them. */
const BLAME_BYTES: readonly ErrorCode[] = ['TAR_INVALID', 'STORE_FAILED', 'LIMIT_EXCEEDED'];

export interface DiagnoseJob extends Pick<UnpackJob, 'files' | 'board'> {
  readonly layer: LayerInput;
  readonly index: number;
  readonly error: ErrorData;
}

/** Throws the failure itself where all bytes are right and no other bytes could help. */
export async function diagnose({ layer, index, error, ...job }: DiagnoseJob): Promise<Detour> {
  const files = new InputFiles(job.files);
  const context = { files, board: new ProgressBoard(job.board) };
  const reason = error.cause === undefined ? error.message : `${error.message}: ${error.cause}`;
  try {
    const found = await findDamage(layer, context);
    if (found.blob || found.tarSplit || found.chunks.length > 0)
      return { kind: 'corrupt', layer: index, found, reason };
    if (layer.kind === 'chunked' && (BLAME_STREAM.includes(error.code) || !layer.tarSplit))
      return { kind: 'inconsistent', layer: index, reason };
    throw fromErrorData(error);
  } finally {
    files.close();
  }
}

interface Context {
  readonly files: InputFiles;
  readonly board: ProgressBoard;
}

function findDamage(layer: LayerInput, context: Context): Promise<Corruption> {
  return layer.kind === 'chunked' ? findCorruptChunks(layer, context) : findCorruptBlob(layer, context);
}

async function findCorruptBlob(
  layer: LayerInput & PlainInput,
  { files, board }: Context,
): Promise<Corruption> {
  const hasher = createHasher(digestAlgorithm(layer.digest));
  const readable = await consume(readBlob(files, layer.blob, board), (bytes) => hasher.update(bytes));
  return { chunks: [], tarSplit: false, blob: !readable || hasher.digest() !== layer.digest };
}

async function findCorruptChunks(layer: ChunkedInput, context: Context): Promise<Corruption> {
  const { files, board } = context;
  const tarSplit = layer.tarSplit !== undefined && !(await isTarSplitIntact(layer, layer.tarSplit, context));
  const chunks: number[] = [];
  const { groups, ready, sizes, gaps } = layer.chunks;
  // A layer may repeat a chunk a million times.
  const seen = new Map<string, boolean>();
  for (let chunk = 0; chunk < sizes.length; chunk++) {
    const group = groups[chunk] as number;
    if (group !== -1) await board.waitFor(group, ready[chunk] as number);
    if (gaps?.[chunk] === 1) {
      const isReadable = await consume(readBlob(files, blobOf(layer.chunks, chunk), board), () => undefined);
      if (!isReadable) chunks.push(chunk);
      continue;
    }
    const name = `${digestKey(layer.chunkDigests, chunk)} ${sizes[chunk]}`;
    const isIntact = seen.get(name) ?? (await isChunkIntact(layer, chunk, context));
    seen.set(name, isIntact);
    if (!isIntact) chunks.push(chunk);
  }
  return { chunks, tarSplit, blob: false };
}

async function isTarSplitIntact(
  { tarSplitDigest }: ChunkedInput,
  tarSplit: BlobInput,
  { files, board }: Context,
): Promise<boolean> {
  const hasher = createHasher('sha256');
  const readable = await consume(readBlob(files, tarSplit, board), (bytes) => hasher.update(bytes));
  return readable && (tarSplitDigest === undefined || hasher.digest() === tarSplitDigest);
}

/** Streamed, because a chunk may be as large as a file. Throws what is neither a damage of the bytes nor of the store. */
async function isChunkIntact(
  layer: ChunkedInput,
  chunk: number,
  { files, board }: Context,
): Promise<boolean> {
  const { sizes, innerOffsets } = layer.chunks;
  const blob = blobOf(layer.chunks, chunk);
  const innerOffset = innerOffsets?.[chunk] ?? -1;
  const size = sizes[chunk] as number;
  const hasher = createHasher('sha256');
  let left = size;
  const take = (bytes: Uint8Array) => {
    left -= bytes.length;
    if (left < 0) throw new PullError('TAR_INVALID', 'a chunk is longer than it should be');
    hasher.update(bytes);
  };
  try {
    if (innerOffset >= 0) await decodeMember({ files, board, blob }, { innerOffset, size }, take);
    else await decodeZstdStream(readBlob(files, blob, board), take);
  } catch (error) {
    if (error instanceof PullError && BLAME_BYTES.includes(error.code)) return false;
    throw error;
  }
  return left === 0 && hasher.digest() === digestOfKey(digestKey(layer.chunkDigests, chunk));
}

/** false where the bytes cannot be read: for a store that is shared, that is a damage like any other. */
async function consume(
  input: AsyncIterable<Uint8Array>,
  sink: (bytes: Uint8Array) => void,
): Promise<boolean> {
  try {
    for await (const bytes of input) sink(bytes);
    return true;
  } catch (error) {
    if (error instanceof PullError && error.code === 'STORE_FAILED') return false;
    throw error;
  }
}
