// The exact tar stream of a layer that has no tar-split: everything that is stored, in order. Chunks whose stored bytes hold nothing
// but the chunk may come from anywhere by their digest; all else, the gaps (headers, padding), has to come from the blob itself.
import type { ByteRange } from '../bytes/range.ts';
import { type ChunkTable, chunkCount } from './chunk-table.ts';

/**
 * Segments as columns, in the order of the stream: their ranges of the blob follow one another from 0 to its end without a hole.
 * What they decode to, one after the other, is the tar stream; whether it is the right one, the diffId decides.
 */
export interface GapTable {
  readonly kind: 'gaps';
  /** The chunk that the segment is, or NO_CHUNK for a gap. */
  readonly chunks: Int32Array;
  /** Compressed side. A gap is whole gzip members or zstd frames, one or several. */
  readonly offsets: Float64Array;
  readonly compressedSizes: Float64Array;
  /** Compressed bytes of the chunks: what need not be fetched at best. */
  readonly chunkBytes: number;
}

const NO_CHUNK = -1;

/** Why there is nothing to gain. */
export type WholeReason =
  /** No file has any content. */
  | 'no chunks'
  /** Behind every chunk, headers are stored with it: eStargz whose files are all smaller than its chunk size. */
  | 'no chunk stands alone'
  /** Chunks are stored together: eStargz with a minimal chunk size. */
  | 'chunks share members'
  /** Chunks overlap, or lie outside of the stream. */
  | 'chunks out of order';

export interface NoGapTable {
  readonly kind: 'whole';
  readonly reason: WholeReason;
}

export type Segment =
  | { readonly kind: 'chunk'; readonly index: number; readonly range: ByteRange }
  | { readonly kind: 'gap'; readonly range: ByteRange };

export interface StoredChunks {
  readonly table: ChunkTable;
  /** Of a stargz TOC; see LayerToc. */
  readonly innerOffsets: Float64Array | undefined;
}

/** `streamEnd`: the tar stream is what [0, streamEnd) of the blob decodes to. Linear. */
export function gapTable(layer: StoredChunks, streamEnd: number): GapTable | NoGapTable {
  const { table, innerOffsets } = layer;
  const count = chunkCount(table);
  if (count === 0) return { kind: 'whole', reason: 'no chunks' };
  const alone = innerOffsets ? loneChunks(table, innerOffsets) : undefined;
  if (alone?.some((one) => one === 1) === false)
    return { kind: 'whole', reason: sharesMembers(layer) ? 'chunks share members' : 'no chunk stands alone' };
  const segments = new Segments(2 * count + 1);
  for (let index = 0; index < count; index++) {
    const start = table.offsets[index] as number;
    const end = start + (table.compressedSizes[index] as number);
    if (alone?.[index] === 0) continue;
    const isInOrder = start >= segments.end && start < end && end <= streamEnd;
    if (!isInOrder) return { kind: 'whole', reason: 'chunks out of order' };
    segments.add(NO_CHUNK, start);
    segments.add(index, end);
  }
  segments.add(NO_CHUNK, streamEnd);
  return segments.finish();
}

/** Are there chunks that cannot be fetched one without the other? */
export function sharesMembers({ table: { offsets }, innerOffsets }: StoredChunks): boolean {
  return innerOffsets?.some((inner, index) => inner > 0 || offsets[index] === offsets[index + 1]) ?? false;
}

export function* segmentsOf({ chunks, offsets, compressedSizes }: GapTable): Generator<Segment> {
  for (let at = 0; at < chunks.length; at++) {
    const start = offsets[at] as number;
    const range = { start, end: start + (compressedSizes[at] as number) };
    const index = chunks[at] as number;
    yield index === NO_CHUNK ? { kind: 'gap', range } : { kind: 'chunk', index, range };
  }
}

/**
 * By chunk: 1 where its member holds nothing else. A member goes on until the next chunk begins, so that is certain only where
 * the next chunk is of the same file: behind the last chunk of a file come its padding and the headers of what follows.
 */
function loneChunks({ offsets, firstChunk }: ChunkTable, innerOffsets: Float64Array): Uint8Array {
  const alone = new Uint8Array(offsets.length);
  for (let entry = 0; entry + 1 < firstChunk.length; entry++) {
    const last = (firstChunk[entry + 1] as number) - 1;
    for (let index = firstChunk[entry] as number; index < last; index++)
      if (innerOffsets[index] === 0 && innerOffsets[index + 1] === 0) alone[index] = 1;
  }
  return alone;
}

class Segments {
  readonly #chunks: Int32Array;
  readonly #offsets: Float64Array;
  readonly #compressedSizes: Float64Array;
  #count = 0;
  #chunkBytes = 0;
  /** Where the last segment ends. */
  end = 0;

  constructor(capacity: number) {
    this.#chunks = new Int32Array(capacity);
    this.#offsets = new Float64Array(capacity);
    this.#compressedSizes = new Float64Array(capacity);
  }

  /** From the end of the last segment to `end`; nothing if that is empty. */
  add(chunk: number, end: number): void {
    if (end === this.end) return;
    this.#chunks[this.#count] = chunk;
    this.#offsets[this.#count] = this.end;
    this.#compressedSizes[this.#count] = end - this.end;
    this.#count++;
    if (chunk !== NO_CHUNK) this.#chunkBytes += end - this.end;
    this.end = end;
  }

  finish(): GapTable {
    return {
      kind: 'gaps',
      chunks: this.#chunks.slice(0, this.#count),
      offsets: this.#offsets.slice(0, this.#count),
      compressedSizes: this.#compressedSizes.slice(0, this.#count),
      chunkBytes: this.#chunkBytes,
    };
  }
}
