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
import { DEFAULT_LIMITS } from './limits.ts';
import { decodeMember } from './piece.ts';
import { Quota } from './quota.ts';
import { blobOf, chunksInMember, memberEnd } from './run-reader.ts';

/**
 * Faults that another tar stream would not have, where a table of contents and a tar-split may not tell the truth. Without tar-split
 * every fault is one of these, because no digest covers a gap.
 */
const BLAME_STREAM: readonly ErrorCode[] = ['TAR_INVALID', 'DIGEST_MISMATCH'];
/** Faults of a chunk's bytes, or of the store that holds them. */
const BLAME_BYTES: readonly ErrorCode[] = ['TAR_INVALID', 'STORE_FAILED', 'LIMIT_EXCEEDED'];

export interface DiagnoseJob extends Pick<UnpackJob, 'files' | 'arriving' | 'board' | 'limits'> {
  readonly layer: LayerInput;
  readonly index: number;
  readonly error: ErrorData;
}

/** Throws the failure itself where all bytes are right and no other bytes could help. */
export async function diagnose({ layer, index, error, ...job }: DiagnoseJob): Promise<Detour> {
  const board = new ProgressBoard(job.board);
  const files = new InputFiles(job, board);
  const context = { files, board, quota: new Quota({ ...DEFAULT_LIMITS, ...job.limits }) };
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
  /** For what members decode to. */
  readonly quota: Quota;
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
    const end = memberEnd(layer.chunks, chunk);
    if (end > chunk + 1) {
      for (const one of await findCorruptInMember(layer, chunk, end, context)) chunks.push(one);
      chunk = end - 1;
      continue;
    }
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
async function isChunkIntact(layer: ChunkedInput, chunk: number, context: Context): Promise<boolean> {
  const { files, board } = context;
  const { sizes, innerOffsets } = layer.chunks;
  if ((innerOffsets?.[chunk] ?? -1) >= 0)
    return (await findCorruptInMember(layer, chunk, chunk + 1, context)).length === 0;
  const blob = blobOf(layer.chunks, chunk);
  const size = sizes[chunk] as number;
  const hasher = createHasher('sha256');
  let left = size;
  const take = (bytes: Uint8Array) => {
    left -= bytes.length;
    if (left < 0) throw new PullError('TAR_INVALID', 'a chunk is longer than it should be');
    hasher.update(bytes);
  };
  try {
    await decodeZstdStream(readBlob(files, blob, board), take);
  } catch (error) {
    if (error instanceof PullError && BLAME_BYTES.includes(error.code)) return false;
    throw error;
  }
  return left === 0 && hasher.digest() === digestOfKey(digestKey(layer.chunkDigests, chunk));
}

/** Those of the chunks [first, end) of one member that are not what they should be. Throws LIMIT_EXCEEDED too. */
async function findCorruptInMember(
  layer: ChunkedInput,
  first: number,
  end: number,
  { files, board, quota }: Context,
): Promise<number[]> {
  const { groups, ready } = layer.chunks;
  for (let chunk = first; chunk < end; chunk++)
    if (groups[chunk] !== -1) await board.waitFor(groups[chunk] as number, ready[chunk] as number);
  const corrupt: number[] = [];
  let [open, hasher] = [first, createHasher('sha256')];
  const checkUpTo = (chunk: number) => {
    for (; open < chunk; open++) {
      if (hasher.digest() !== digestOfKey(digestKey(layer.chunkDigests, open))) corrupt.push(open);
      hasher = createHasher('sha256');
    }
  };
  const take = (bytes: Uint8Array, chunk: number) => {
    checkUpTo(first + chunk);
    hasher.update(bytes);
  };
  const count = (bytes: number) => quota.countStream(bytes);
  const piece = { files, board, blob: blobOf(layer.chunks, first) };
  try {
    await decodeMember(piece, chunksInMember(layer.chunks, first, end), { take, count });
  } catch (error) {
    // What is too much is nobody's damage.
    quota.countStream(0);
    if (!(error instanceof PullError && BLAME_BYTES.includes(error.code))) throw error;
    for (; open < end; open++) corrupt.push(open);
  }
  checkUpTo(end);
  return corrupt;
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
