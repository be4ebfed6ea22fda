// The stream job: decodes the layers of an image to their tar streams, for the threads that hash and unpack them.

import { decompress } from '../compression/decompress.ts';
import { PullError, toErrorData } from '../errors.ts';
import { type Digest, type DigestAlgorithm, digestAlgorithm, parseDigest } from '../oci/digest.ts';
import { ProgressBoard } from '../workers/progress-board.ts';
import { InputFiles, readBlob } from './inputs.ts';
import type { ChunkedInput, LayerFailure, LayerInput, PlainInput, UnpackJob } from './job.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { Quota } from './quota.ts';
import { playPieces, rebuildTar } from './rebuild.ts';
import { type Reader, RingWriter } from './ring.ts';
import { RunReader } from './run-reader.ts';
import { streamChunks } from './stream-toc.ts';

export interface StreamJob extends Pick<UnpackJob, 'files' | 'arriving' | 'board' | 'layers' | 'limits'> {
  /** For the tar streams of all layers. */
  readonly ring: SharedArrayBuffer;
  /** For the blobs of the plain ones, as they are stored. */
  readonly stored: SharedArrayBuffer;
  /** Which of the two is read by the thread that writes; absent: the tar streams. */
  readonly reads?: 'ring' | 'stored' | undefined;
}

/** By plain layer: what its blob is hashed with. */
export function blobAlgorithms(layers: readonly LayerInput[]): DigestAlgorithm[] {
  return layers.flatMap(({ kind, digest }) => (kind === 'plain' ? [digestAlgorithm(digest)] : []));
}

/** By layer: what its tar stream is hashed with, if it is. */
export function streamAlgorithms(layers: readonly LayerInput[]): (DigestAlgorithm | undefined)[] {
  return layers.map((layer) => (needsDiffId(layer) ? digestAlgorithm(layer.diffId) : undefined));
}

function needsDiffId(layer: LayerInput): boolean {
  return layer.kind === 'chunked' ? !layer.entries : !layer.isKept;
}

/** Done once every layer has been what its digests say; none is begun before the one below it has been. */
export async function streamLayers(job: StreamJob): Promise<{ kind: 'done' } | LayerFailure> {
  const board = new ProgressBoard(job.board);
  const files = new InputFiles(job, board);
  const context = {
    files,
    board,
    ring: new RingWriter(job.ring, readersOf(job)),
    stored: new RingWriter(job.stored, job.reads === 'stored' ? ['apply', 'hash'] : ['hash']),
    // Who reads the tar streams counts as well, but not where they are only hashed.
    quota: job.reads === 'stored' ? new Quota({ ...DEFAULT_LIMITS, ...job.limits }) : undefined,
    // What is decoded and passed over no reader ever sees.
    members: new Quota({ ...DEFAULT_LIMITS, ...job.limits }),
  };
  let index = 0;
  try {
    for (const layer of job.layers) {
      await streamLayer(layer, context);
      index++;
    }
    return { kind: 'done' };
  } catch (error) {
    return { kind: 'failed', layer: index, error: toErrorData(error) };
  } finally {
    files.close();
  }
}

/** Nobody needs to hash where no stream is hashed. */
function readersOf({ layers, reads }: StreamJob): Reader[] {
  const readers: Reader[] = reads === 'stored' ? [] : ['apply'];
  return layers.some(needsDiffId) ? [...readers, 'hash'] : readers;
}

interface Context {
  readonly files: InputFiles;
  readonly board: ProgressBoard;
  readonly ring: RingWriter;
  readonly stored: RingWriter;
  readonly quota: Quota | undefined;
  readonly members: Quota;
}

async function streamLayer(layer: LayerInput, context: Context): Promise<void> {
  if (layer.kind === 'chunked') await streamChunked(layer, context);
  else await streamPlain(layer, context);
  if (needsDiffId(layer)) checkDiffId(layer, context.ring);
}

async function streamChunked(layer: ChunkedInput, { files, board, ring, members }: Context): Promise<void> {
  const chunks = new RunReader(layer.chunks, files, board, (bytes) => members.countStream(bytes));
  const sink = (bytes: Uint8Array) => ring.write(bytes);
  const { firstChunk, tarSplit: split } = layer;
  const { sizes } = layer.chunks;
  if (layer.entries) await streamChunks(layer, chunks, sink);
  else if (!split) await playPieces(chunks, sizes.length, sink);
  else {
    await files.whenThere(split.file, split.offset + split.compressedSize);
    const tarSplit = files.read(split.file, split.offset, split.compressedSize);
    await rebuildTar({ tarSplit, firstChunk, sizes, chunks }, sink);
  }
  ring.endStream();
}

/**
 * What is hashed is what is decoded, read once: the file may be one that others write to. By another thread, because a thread that
 * decodes and hashes keeps its decoder waiting: 6 % of a warm pull of the reference image.
 */
async function streamPlain(
  layer: LayerInput & PlainInput,
  { files, board, ring, stored, quota }: Context,
): Promise<void> {
  const pieces = tee(readBlob(files, layer.blob, board), stored);
  await decompress(pieces, (bytes) => {
    quota?.countStream(bytes.length);
    ring.write(bytes);
  });
  ring.endStream();
  stored.endStream();
  const actual: Digest = parseDigest(`${digestAlgorithm(layer.digest)}:${stored.digest()}`, 'layer');
  if (actual !== layer.digest)
    throw new PullError('DIGEST_MISMATCH', `layer ${layer.digest} hashes to ${actual}`);
}

async function* tee(input: AsyncIterable<Uint8Array>, copy: RingWriter): AsyncGenerator<Uint8Array> {
  for await (const bytes of input) {
    copy.write(bytes);
    yield bytes;
  }
}

function checkDiffId(layer: LayerInput, ring: RingWriter): void {
  const actual: Digest = parseDigest(`${digestAlgorithm(layer.diffId)}:${ring.digest()}`, 'layer');
  if (actual === layer.diffId) return;
  throw new PullError(
    'DIGEST_MISMATCH',
    `layer ${layer.digest} unpacks to ${actual} instead of its diff_id ${layer.diffId}`,
    {
      hint: 'The image itself is inconsistent: its config names another diff_id than its layer has. Build and push it again.',
    },
  );
}
