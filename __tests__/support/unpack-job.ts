// Layers in files, and the jobs that unpack them, as a pull hands them to its threads.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { digestOf } from '../../src/integrity/hash.ts';
import { parseLayerToc } from '../../src/layer/layer-toc.ts';
import type { LayerInput, UnpackJob } from '../../src/unpack/job.ts';
import { ProgressBoard } from '../../src/workers/progress-board.ts';
import type { ChunkedLayer } from './chunked-layer.ts';

/** A layer, and the bytes of the file in which it is stored. */
export interface LayerFile {
  readonly stored: Buffer;
  readonly layer: LayerInput;
}

/** Waits for the board where it is given groups. */
interface Arrival {
  readonly groups: readonly number[];
  readonly groupBytes: number;
}

export function plainLayer(tar: Buffer, more: { isKept?: boolean; arrival?: Arrival } = {}): LayerFile {
  const stored = gzipSync(tar);
  const { isKept = false, arrival = { groups: [], groupBytes: 1 } } = more;
  const blob = { file: 0, offset: 0, compressedSize: stored.length, ...arrival };
  return {
    stored,
    layer: { kind: 'plain', diffId: digestOf(tar), digest: digestOf(stored), blob, isKept },
  };
}

export function chunkedLayer({ blob, descriptor, diffId, ...built }: ChunkedLayer): LayerFile {
  const toc = parseLayerToc(built.tocText, built.dataEnd);
  if (toc.kind !== 'toc') throw new Error(toc.reason);
  const { digests, firstChunk, offsets, compressedSizes, sizes } = toc.table;
  const position = descriptor.annotations['io.github.containers.zstd-chunked.tarsplit-position'] ?? '';
  const [offset = 0, compressedSize = 0] = position.split(':').map(Number);
  const groups = new Int32Array(sizes.length).fill(-1);
  const [files, ready] = [new Uint32Array(sizes.length), new Float64Array(sizes.length)];
  return {
    stored: Buffer.from(blob),
    layer: {
      kind: 'chunked',
      diffId,
      digest: descriptor.digest,
      chunks: { files, offsets, compressedSizes, sizes, groups, ready },
      chunkDigests: digests,
      firstChunk,
      tarSplit: { file: 0, offset, compressedSize, groups: [], groupBytes: 1 },
      tarSplitDigest: built.tarSplitDigest,
    },
  };
}

/** One byte of what is stored, turned over. */
export function damaged({ stored, layer }: LayerFile, at: number): LayerFile {
  const copy = Buffer.from(stored);
  copy[at] = (copy[at] ?? 0) ^ 0xff;
  return { stored: copy, layer };
}

/** In `directory`, which is empty: file n holds layer n; the root is there as a pull makes it. */
export function unpackJob(
  directory: string,
  layers: readonly LayerFile[],
  counters = 0,
): UnpackJob & { readonly progress: ProgressBoard } {
  const root = join(directory, 'rootfs');
  mkdirSync(root);
  chmodSync(root, 0o700);
  const files = layers.map(({ stored }, index) => {
    const path = join(directory, `layer-${index}`);
    writeFileSync(path, stored);
    return path;
  });
  const progress = ProgressBoard.create(counters);
  const placed = layers.map(({ layer }, file) => inFile(layer, file));
  return { root, owner: 'runner', files, board: progress.memory, layers: placed, progress };
}

function inFile(layer: LayerInput, file: number): LayerInput {
  if (layer.kind === 'plain') return { ...layer, blob: { ...layer.blob, file } };
  const chunks = { ...layer.chunks, files: new Uint32Array(layer.chunks.sizes.length).fill(file) };
  return { ...layer, chunks, tarSplit: layer.tarSplit && { ...layer.tarSplit, file } };
}
