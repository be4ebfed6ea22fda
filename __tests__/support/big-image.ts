// A large zstd:chunked image of random files, quickly: its frames hold the bytes as they are.

import { constants, zstdCompressSync } from 'node:zlib';
import { buildChunkedLayer } from './chunked-layer.ts';
import { seededRandom } from './registry-faults.ts';
import { type BuiltLayer, writeLayout } from './write-layout.ts';

export interface BigImage {
  /** Compressed bytes of what is in the layer, each chunk counted once. */
  readonly size: number;
  readonly files: readonly { readonly name: string; readonly size: number }[];
}

const CHUNK = 64 * 1024;
const CHUNKS_OF_A_FILE = 64;

/**
 * One layer of about `megabytes` million bytes, tag `v1`, for linux/amd64. `copies` of each file: with two, half of the layer
 * need not be fetched, so that it is worth while to take it apart.
 */
export function writeBigImage(layout: string, { megabytes, copies }: BigLayer): BigImage {
  const { layer, ...image } = buildBigLayer({ megabytes, copies }, 'file');
  writeLayout(layout, 'v1', [layer]);
  return image;
}

/** Tag `v2`: the layer of a `v1`, and one of `megabytes` on top of it. Returns what is in that. */
export function writeBigUpdate(layout: string, base: BigLayer, megabytes: number): BigImage {
  const { layer, ...image } = buildBigLayer({ megabytes, copies: 1 }, 'more');
  writeLayout(layout, 'v2', [buildBigLayer(base, 'file').layer, layer]);
  return image;
}

interface BigLayer {
  readonly megabytes: number;
  readonly copies: number;
}

function buildBigLayer({ megabytes, copies }: BigLayer, name: string): BigImage & { layer: BuiltLayer } {
  const random = seededRandom(megabytes);
  const count = Math.ceil((megabytes * 1e6) / (CHUNK * CHUNKS_OF_A_FILE));
  const items = Array.from({ length: count }, (_, index) => {
    const chunks = Array.from({ length: CHUNKS_OF_A_FILE }, () => randomBytes(random));
    return Array.from({ length: copies }, (_, copy) => ({ name: `${name}${index}-${copy}`, chunks }));
  }).flat();
  const level = { params: { [constants.ZSTD_c_compressionLevel]: -5 } };
  const { blob, descriptor, diffId, chunks, dataEnd } = buildChunkedLayer(items, {
    compress: (content) => zstdCompressSync(content, level),
  });
  const { mediaType, annotations } = descriptor;
  const files = items.map(({ name }) => ({ name, size: CHUNK * CHUNKS_OF_A_FILE }));
  const unique = new Map(chunks.map(({ digest, start, end }) => [digest, end - start]));
  const size = [...unique.values()].reduce((sum, length) => sum + length, blob.length - dataEnd);
  return { size, files, layer: { blob, mediaType, ...(annotations ? { annotations } : {}), diffId } };
}

/** Incompressible, and the same for the same generator. */
function randomBytes(random: () => number): Buffer {
  const words = new Uint32Array(CHUNK / 4);
  for (let index = 0; index < words.length; index++) words[index] = random() * 2 ** 32;
  return Buffer.from(words.buffer);
}
