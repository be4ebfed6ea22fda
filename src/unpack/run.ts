// Which chunks of a layer are decoded together, and how their stored bytes are brought together.
import type { InputFiles } from './inputs.ts';

/** By chunk of a layer, in tar order: where its stored bytes are, and since when. Same columns as the plan's ChunkSources. */
export interface ChunkColumns {
  readonly files: Uint32Array;
  readonly offsets: Float64Array;
  readonly compressedSizes: Float64Array;
  /** Bytes after decoding. */
  readonly sizes: Float64Array;
  readonly groups: Int32Array;
  readonly ready: Float64Array;
  /** Where the chunk begins in what its stored bytes decode to; below zero, or absent, where they decode to it and nothing else. */
  readonly innerOffsets?: Float64Array;
  /** 1 for gaps, which decode to nobody knows how much. */
  readonly gaps?: Uint8Array;
}

/** Runs of this size, stored and decoded, decode as fast as larger ones, and leave less behind in the allocator; see release.ts for the figures. */
export const RUN_BYTES = 256 << 10;
const RUN_OUTPUT = 1 << 20;
/** A chunk larger than this is streamed. Only runs of zeros grow so large in practice. */
const LARGE_CHUNK = 32 << 20;

/** Is it decoded by itself, rather than along with its neighbours? */
export function isAlone(
  { sizes, compressedSizes, innerOffsets, gaps }: ChunkColumns,
  index: number,
): boolean {
  return (
    (sizes[index] as number) > LARGE_CHUNK ||
    (compressedSizes[index] as number) > LARGE_CHUNK ||
    (innerOffsets?.[index] ?? -1) >= 0 ||
    gaps?.[index] === 1
  );
}

/**
 * One past the last of the chunks from `first` on that are decoded together, wherever they are stored. In a layer that is kept whole
 * the headers of the tar stream lie between any two of them; while runs ended there, and each chunk was decoded by a call of its own,
 * an update of the reference image took 9.0 s in place of 5.9, and 11.9 s of processor time in place of 8.0. To read the headers along,
 * in place of a read for each chunk, made no difference.
 */
export function runEnd(columns: ChunkColumns, first: number): number {
  const { compressedSizes, sizes } = columns;
  let end = first;
  let stored = 0;
  let output = 0;
  do {
    stored += compressedSizes[end] as number;
    output += sizes[end] as number;
    end++;
  } while (
    end < sizes.length &&
    stored + (compressedSizes[end] as number) <= RUN_BYTES &&
    output + (sizes[end] as number) <= RUN_OUTPUT &&
    !isAlone(columns, end)
  );
  return end;
}

/** Reads the stored bytes of the chunks [first, end) into `memory`, one right after the other, and fills it. Throws STORE_FAILED. */
export function gatherRun(
  columns: ChunkColumns,
  first: number,
  end: number,
  files: InputFiles,
  memory: Buffer,
): void {
  let fill = 0;
  for (let index = first; index < end; ) {
    const { next, length } = stretch(columns, index, end);
    const offset = columns.offsets[index] as number;
    files.readInto(memory.subarray(fill, fill + length), columns.files[index] as number, offset);
    fill += length;
    index = next;
  }
}

/** The chunks from `first` on that one read brings. */
function stretch(columns: ChunkColumns, first: number, end: number): { next: number; length: number } {
  const { files, offsets, compressedSizes } = columns;
  let next = first;
  let length = 0;
  do length += compressedSizes[next++] as number;
  while (next < end && files[next] === files[first] && offsets[next] === (offsets[first] as number) + length);
  return { next, length };
}
