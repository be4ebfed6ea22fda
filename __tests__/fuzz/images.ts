// Stacks as layers of an image, each in one of the formats that layers have.

import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { digestOf } from '../../src/integrity/hash.ts';
import { buildChunkedLayer, type ChunkedItem, type ChunkedLayerOptions } from '../support/chunked-layer.ts';
import { bytesOf } from '../support/tar-builder.ts';
import type { BuiltLayer } from '../support/write-layout.ts';
import { type ByteEdit, byteEdit, editBytes } from './byte-edits.ts';
import { encodeEntry, tarsOf } from './encode.ts';
import type { LayerEntry, Stack } from './entry.ts';
import { editJson, type JsonEdit, jsonEdit } from './json-edits.ts';
import type { StackWish } from './wish.ts';

type LayerFormat = 'none' | 'gzip' | 'zstd' | 'zstd:chunked';

const TAR = 'application/vnd.oci.image.layer.v1.tar';
/** Longer files have two chunks. */
const ONE_CHUNK = 1024;

/** Used for one layer after the other, over and over. */
export const layerFormats: fc.Arbitrary<readonly LayerFormat[]> = fc.oneof(
  fc.constant(['zstd:chunked'] as const),
  fc.array(fc.constantFrom('none', 'gzip', 'zstd', 'zstd:chunked'), { minLength: 1, maxLength: 5 }),
);

/** Tools refuse to write sparse files and global headers as zstd:chunked. */
export function forChunked(wish: StackWish): StackWish {
  const layers = wish.layers.map((wishes) =>
    wishes.map((each) => ({ ...each, encoding: { ...each.encoding, sparse: undefined, global: false } })),
  );
  return { ...wish, layers };
}

export function imageLayers(stack: Stack, formats: readonly LayerFormat[]): BuiltLayer[] {
  const tars = tarsOf(stack);
  return stack.layers.map((entries, index) => {
    const format = formats[index % formats.length] ?? 'none';
    return format === 'zstd:chunked'
      ? chunkedLayer(entries)
      : plainLayer(tars[index] ?? Buffer.alloc(0), format);
  });
}

function plainLayer(tar: Buffer, format: Exclude<LayerFormat, 'zstd:chunked'>): BuiltLayer {
  const diffId = digestOf(tar);
  if (format === 'gzip') return { blob: gzipSync(tar, { level: 1 }), mediaType: `${TAR}+gzip`, diffId };
  if (format === 'zstd') return { blob: zstdCompressSync(tar), mediaType: `${TAR}+zstd`, diffId };
  return { blob: tar, mediaType: TAR, diffId };
}

export function chunkedLayer(entries: readonly LayerEntry[], options: ChunkedLayerOptions = {}): BuiltLayer {
  const items = entries.map(encodeEntry).map(inChunks);
  const { blob, descriptor, diffId } = buildChunkedLayer(items, options);
  return { blob, mediaType: descriptor.mediaType, annotations: descriptor.annotations, diffId };
}

function inChunks({ body, ...item }: ChunkedItem): ChunkedItem {
  const bytes = bytesOf(body ?? '');
  if (bytes.length <= ONE_CHUNK) return { ...item, body: bytes };
  return { ...item, chunks: [bytes.subarray(0, ONE_CHUNK), bytes.subarray(ONE_CHUNK)] };
}

/** Damage to what a chunked layer says of itself, or to what it holds. The digests of the result are right again. */
export interface ChunkedDamage {
  readonly toc: readonly JsonEdit[];
  readonly tocText: readonly ByteEdit[];
  readonly tarSplit: readonly JsonEdit[];
  readonly data: readonly ByteEdit[];
  readonly annotation: readonly [at: number, value: string] | undefined;
}

const few = <T>(edit: fc.Arbitrary<T>) => fc.array(edit, { maxLength: 2 });
const none = fc.constant([]);
export const chunkedDamage: fc.Arbitrary<ChunkedDamage> = fc.record({
  toc: few(jsonEdit),
  tocText: fc.oneof({ weight: 4, arbitrary: none }, { weight: 1, arbitrary: few(byteEdit) }),
  tarSplit: few(jsonEdit),
  data: fc.oneof({ weight: 3, arbitrary: none }, { weight: 1, arbitrary: few(byteEdit) }),
  annotation: fc.option(
    fc.tuple(
      fc.nat(10),
      fc.constantFrom('', '0:0:0', '8:1:1:1', `sha256:${'ab'.repeat(32)}`, '1000000:1:1:1'),
    ),
    { nil: undefined, freq: 5 },
  ),
});

export function damageOptions(damage: ChunkedDamage): ChunkedLayerOptions {
  const { toc, tocText, tarSplit, data, annotation } = damage;
  return {
    editToc: (document) => editJson(document, toc) ?? null,
    editTocText: (text) => tocText.reduce<Buffer>(editBytes, Buffer.from(text)).toString(),
    editTarSplit: (lines) => {
      const edited = editJson(lines, tarSplit);
      return Array.isArray(edited) ? edited : [edited ?? null];
    },
    editData: (bytes) => data.reduce<Buffer>(editBytes, bytes),
    editAnnotations: (annotations) => {
      const keys = Object.keys(annotations);
      const key = keys[(annotation?.[0] ?? 0) % keys.length];
      if (annotation && key !== undefined) annotations[key] = annotation[1];
    },
  };
}
