// The unpack job: applies the layers of an image to a directory, from files that may still be growing. Runs in a worker.

import { decompress } from '../compression/decompress.ts';
import { decodeZstdStream } from '../compression/zstd.ts';
import { describeError, PullError } from '../errors.ts';
import { createHasher } from '../integrity/hash.ts';
import { digestKey } from '../layer/chunk-table.ts';
import { type Digest, digestAlgorithm, parseDigest } from '../oci/digest.ts';
import { digestOfKey } from '../oci/digest-key.ts';
import { ProgressBoard } from '../workers/progress-board.ts';
import { HashLane } from './hash-lane.ts';
import { type BlobInput, InputFiles, readBlob } from './inputs.ts';
import { rebuildTar } from './rebuild.ts';
import { type ChunkColumns, RunReader } from './run-reader.ts';
import { createUnpacker, type Unpacker, type UnpackOptions, type UnpackReport } from './unpacker.ts';

export interface UnpackJob extends UnpackOptions {
  /** Paths of the files that hold chunks and blobs. */
  readonly files: readonly string[];
  readonly board: SharedArrayBuffer;
  /** Ring to a thread that runs hashStreams with the algorithms of the diffIds. */
  readonly ring: SharedArrayBuffer;
  readonly layers: readonly LayerInput[];
}

export type LayerInput = {
  /** Of the tar stream. */
  readonly diffId: Digest;
  /** Of the compressed layer. */
  readonly digest: Digest;
} & (
  | {
      readonly kind: 'chunked';
      readonly chunks: ChunkColumns;
      /** Of each chunk's content, 32 bytes each. */
      readonly chunkDigests: Uint8Array;
      readonly firstChunk: Uint32Array;
      readonly tarSplit: BlobInput;
      readonly tarSplitDigest: Digest | undefined;
    }
  | {
      readonly kind: 'plain';
      readonly blob: BlobInput;
      /** Hash the blob as it is stored, too. */
      readonly verifyDigest: boolean;
    }
);

export interface LayerOutcome {
  readonly entries: number;
  readonly milliseconds: number;
}

/** What does not hash to its name: chunks by index, the tar-split, or a plain layer's blob. */
export interface Corruption {
  readonly chunks: readonly number[];
  readonly tarSplit: boolean;
  readonly blob: boolean;
}

export type UnpackOutcome =
  | { readonly kind: 'done'; readonly layers: readonly LayerOutcome[]; readonly report: UnpackReport }
  /** Some bytes are wrong; with others the layer may be fine. */
  | { readonly kind: 'corrupt'; readonly layer: number; readonly found: Corruption; readonly reason: string }
  /** All bytes are what the TOC says, and yet they do not make up the layer: only the whole layer can tell. */
  | { readonly kind: 'inconsistent'; readonly layer: number; readonly reason: string };

export type UnpackEvent = { readonly layer: number; readonly entries: number };

/** Throws PullError where the fault is the image's or this machine's, and fetching again would not help. */
export async function unpackImage(
  job: UnpackJob,
  report: (event: UnpackEvent) => void,
): Promise<UnpackOutcome> {
  const files = new InputFiles(job.files);
  const unpacker = createUnpacker(job);
  const lane = new HashLane(job.ring);
  const layers: LayerOutcome[] = [];
  try {
    const context = { files, board: new ProgressBoard(job.board), unpacker, lane };
    for (const [index, layer] of job.layers.entries()) {
      const started = performance.now();
      unpacker.beginLayer(index);
      const detour = await applyLayer(layer, index, context);
      if (detour) return detour;
      const { entries } = unpacker.endLayer();
      layers.push({ entries, milliseconds: performance.now() - started });
      report({ layer: index, entries });
    }
    return { kind: 'done', layers, report: await unpacker.finish() };
  } finally {
    lane.stop();
    unpacker.abort();
    files.close();
  }
}

interface Context {
  readonly files: InputFiles;
  readonly board: ProgressBoard;
  readonly unpacker: Unpacker;
  readonly lane: HashLane;
}

async function applyLayer(
  layer: LayerInput,
  index: number,
  context: Context,
): Promise<UnpackOutcome | undefined> {
  try {
    const actual =
      layer.kind === 'chunked' ? await applyChunked(layer, context) : await applyPlain(layer, context);
    if (actual === layer.diffId) return undefined;
    throw new PullError(
      'DIGEST_MISMATCH',
      `layer ${layer.digest} unpacks to ${actual} instead of its diff_id ${layer.diffId}`,
      {
        hint: 'The image itself is inconsistent: its config names another diff_id than its layer has. Build and push it again.',
      },
    );
  } catch (error) {
    if (error instanceof PullError && (error.code === 'ABORTED' || error.code === 'DISK_FULL')) throw error;
    return diagnose(layer, index, { context, error });
  }
}

async function applyChunked(
  layer: LayerInput & { kind: 'chunked' },
  { files, board, unpacker, lane }: Context,
): Promise<Digest> {
  const tarSplit = files.read(layer.tarSplit.file, layer.tarSplit.offset, layer.tarSplit.compressedSize);
  const chunks = new RunReader(layer.chunks, files, board);
  await rebuildTar({ tarSplit, firstChunk: layer.firstChunk, sizes: layer.chunks.sizes, chunks }, (bytes) => {
    lane.update(bytes);
    unpacker.write(bytes);
  });
  return diffIdOf(layer, lane);
}

/** A blob that comes from the network is also hashed as it is stored: it will be kept under that name. */
async function applyPlain(
  layer: LayerInput & { kind: 'plain' },
  { files, board, unpacker, lane }: Context,
): Promise<Digest> {
  const stored = layer.verifyDigest ? createHasher(digestAlgorithm(layer.digest)) : undefined;
  await decompress(tee(readBlob(files, layer.blob, board), stored), (bytes) => {
    lane.update(bytes);
    unpacker.write(bytes);
  });
  const digest = stored?.digest();
  if (digest && digest !== layer.digest) throw blobMismatch(layer.digest, digest);
  return diffIdOf(layer, lane);
}

function diffIdOf(layer: LayerInput, lane: HashLane): Digest {
  return parseDigest(`${digestAlgorithm(layer.diffId)}:${lane.digest()}`, 'layer');
}

async function* tee(
  input: AsyncIterable<Uint8Array>,
  hasher: { update(bytes: Uint8Array): void } | undefined,
) {
  for await (const bytes of input) {
    hasher?.update(bytes);
    yield bytes;
  }
}

function blobMismatch(expected: Digest, actual: Digest): PullError {
  return new PullError('DIGEST_MISMATCH', `layer ${expected} hashes to ${actual}`);
}

/** Finds the culprit after a failure: wrong bytes can look like any other fault. Throws the failure itself where all bytes are right. */
async function diagnose(
  layer: LayerInput,
  index: number,
  { context, error }: { context: Context; error: unknown },
): Promise<UnpackOutcome> {
  const found =
    layer.kind === 'chunked'
      ? await findCorruptChunks(layer, context)
      : await findCorruptBlob(layer, context);
  const reason = describeError(error);
  if (found.blob || found.tarSplit || found.chunks.length > 0)
    return { kind: 'corrupt', layer: index, found, reason };
  const blamesStream =
    error instanceof PullError && ['TAR_INVALID', 'DIGEST_MISMATCH', 'LIMIT_EXCEEDED'].includes(error.code);
  if (layer.kind === 'chunked' && blamesStream) return { kind: 'inconsistent', layer: index, reason };
  throw error;
}

async function findCorruptBlob(
  layer: LayerInput & { kind: 'plain' },
  { files, board }: Context,
): Promise<Corruption> {
  const hasher = createHasher(digestAlgorithm(layer.digest));
  const readable = await consume(readBlob(files, layer.blob, board), (bytes) => hasher.update(bytes));
  return { chunks: [], tarSplit: false, blob: !readable || hasher.digest() !== layer.digest };
}

async function findCorruptChunks(
  layer: LayerInput & { kind: 'chunked' },
  context: Context,
): Promise<Corruption> {
  const { files, board } = context;
  const hasher = createHasher('sha256');
  const readable = await consume(readBlob(files, layer.tarSplit, board), (bytes) => hasher.update(bytes));
  const tarSplit =
    !readable || (layer.tarSplitDigest !== undefined && hasher.digest() !== layer.tarSplitDigest);
  const chunks: number[] = [];
  const { groups, ready, sizes } = layer.chunks;
  for (let chunk = 0; chunk < sizes.length; chunk++) {
    const group = groups[chunk] as number;
    if (group !== -1) await board.waitFor(group, ready[chunk] as number);
    if (!(await isChunkIntact(layer, chunk, context))) chunks.push(chunk);
  }
  return { chunks, tarSplit, blob: false };
}

/** Streamed, because a chunk may be as large as a file. Throws what is neither a damage of the bytes nor of the store. */
async function isChunkIntact(
  layer: LayerInput & { kind: 'chunked' },
  chunk: number,
  { files, board }: Context,
): Promise<boolean> {
  const { files: file, offsets, compressedSizes, sizes } = layer.chunks;
  const [index, offset, compressedSize] = [file[chunk], offsets[chunk], compressedSizes[chunk]] as [
    number,
    number,
    number,
  ];
  const hasher = createHasher('sha256');
  let left = sizes[chunk] as number;
  try {
    const stored = readBlob(files, { file: index, offset, compressedSize, groups: [], groupBytes: 1 }, board);
    await decodeZstdStream(stored, (bytes) => {
      left -= bytes.length;
      if (left < 0) throw new PullError('TAR_INVALID', 'a chunk is longer than it should be');
      hasher.update(bytes);
    });
  } catch (error) {
    if (error instanceof PullError && ['TAR_INVALID', 'STORE_FAILED', 'LIMIT_EXCEEDED'].includes(error.code))
      return false;
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
