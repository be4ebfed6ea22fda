// Layers to plan for, with blobs to go with them, and what a plan makes of those.
import type { ChunkTable } from '../../src/layer/chunk-table.ts';
import { digestKeyOfHex } from '../../src/oci/digest-key.ts';
import type { FetchPlan, Locate, Located, PlanLayer, PlanOptions } from '../../src/plan/fetch-plan.ts';
import { sampleDigest } from './descriptors.ts';

export interface SampleChunk {
  /** Names the content. */
  readonly seed: number;
  readonly compressedSize: number;
  readonly size?: number;
  /** Bytes between the chunk before and this one. */
  readonly gap?: number;
}

export const OPTIONS: PlanOptions = { pack: 0, packOffset: 0, packTarget: 64 << 20 };

export const keyOf = (seed: number): string => digestKeyOfHex(sampleDigest(seed).slice('sha256:'.length));

/** A chunk that does not say otherwise decodes to three times its size. */
export const sizeOfChunk = (chunk: SampleChunk): number => chunk.size ?? 3 * chunk.compressedSize;

export function chunkedLayer(chunks: readonly SampleChunk[], tail = 0): PlanLayer & { kind: 'chunked' } {
  let at = 0;
  const offsets = chunks.map(({ gap = 0, compressedSize }) => {
    const offset = at + gap;
    at = offset + compressedSize;
    return offset;
  });
  const digests = Buffer.concat(chunks.map(({ seed }) => Buffer.from(keyOf(seed), 'latin1')));
  const table: ChunkTable = {
    digests: new Uint8Array(digests),
    offsets: Float64Array.from(offsets),
    compressedSizes: Float64Array.from(chunks, (chunk) => chunk.compressedSize),
    sizes: Float64Array.from(chunks, sizeOfChunk),
    firstChunk: Uint32Array.from([...chunks.keys(), chunks.length]),
  };
  return { kind: 'chunked', table, dataEnd: at + tail, metadataBytes: 0 };
}

export function plainLayer(seed: number, compressedSize: number): PlanLayer & { kind: 'plain' } {
  return { kind: 'plain', digest: sampleDigest(seed), compressedSize };
}

/** A store that holds these; each lies in `/store/<pack>`. */
export function locateIn(
  stored: readonly (Partial<Located> & { form?: 'frame' | 'blob'; seed: number })[],
): Locate {
  const found = new Map(
    stored.map(({ form = 'frame', seed, ...where }) => [
      `${form} ${keyOf(seed)}`,
      { path: '/store/a', offset: 0, compressedSize: 1, size: 1, ...where },
    ]),
  );
  return (form, key) => found.get(`${form} ${key}`);
}

export const nothingStored: Locate = () => undefined;

/** The stored bytes of a chunk: never those of another one. */
export function bytesOfChunk(seed: number, compressedSize: number): Buffer {
  return Buffer.from(
    Array.from({ length: compressedSize }, (_, index) => (seed * 31 + index * 7 + compressedSize) & 0xff),
  );
}

/** The blob of a layer, gaps filled with 0xee. */
export function blobOf(layer: PlanLayer, chunks: readonly SampleChunk[]): Buffer {
  if (layer.kind === 'plain')
    return bytesOfChunk(Number.parseInt(layer.digest.slice(7), 16), layer.compressedSize);
  const blob = Buffer.alloc(layer.dataEnd, 0xee);
  chunks.forEach(({ seed, compressedSize }, index) => {
    bytesOfChunk(seed, compressedSize).copy(blob, layer.table.offsets[index]);
  });
  return blob;
}

/** Fetches what a plan says, by the letter: the packs it fills. */
export function fillPacks(plan: FetchPlan, blobs: readonly Buffer[]): Map<number, Buffer> {
  const packs = new Map<number, Buffer>();
  for (const { pack, packOffset, keptBytes } of plan.groups) {
    const end = packOffset + keptBytes;
    const old = packs.get(pack) ?? Buffer.alloc(0);
    if (old.length < end) packs.set(pack, Buffer.concat([old, Buffer.alloc(end - old.length)]));
  }
  for (const group of plan.groups) {
    let at = group.packOffset;
    for (const { start, end } of group.pieces) {
      blobs[group.layer]?.copy(packs.get(group.pack) ?? Buffer.alloc(0), at, start, end);
      at += end - start;
    }
  }
  return packs;
}
