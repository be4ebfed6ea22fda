// What a layer without tar-split is played from, as one table: its chunks that stand alone, and the gaps between them.
import type { ByteRange } from '../bytes/range.ts';
import { type ChunkTable, DIGEST_BYTES } from './chunk-table.ts';
import { type GapTable, type Segment, type StoredChunks, segmentsOf } from './gap-table.ts';

interface Naming {
  /** Behind the last chunk. A gap ends here even if the stream does not: what follows is the TOC, fetched before. */
  readonly dataEnd: number;
  /** 32 bytes that name a range of this blob, and of no other. */
  readonly nameOf: (range: ByteRange) => Uint8Array;
}

/**
 * Pieces in the order of the stream: played one after the other they are the tar stream. All pieces are one entry, because nobody asks which file they are of.
 */
export function pieceTable(
  { table, innerOffsets }: StoredChunks,
  gapTable: GapTable,
  { dataEnd, nameOf }: Naming,
): ChunkTable {
  const segments = [...segmentsOf(gapTable)].flatMap((segment) => splitGap(segment, dataEnd));
  const count = segments.length;
  const digests = new Uint8Array(count * DIGEST_BYTES);
  const gaps = new Uint8Array(count);
  const column = (value: (segment: Segment) => number) => Float64Array.from(segments, value);
  const sizeOf = ({ start, end }: ByteRange) => end - start;
  segments.forEach((segment, at) => {
    if (segment.kind === 'gap') gaps[at] = 1;
    const from = segment.kind === 'gap' ? 0 : segment.index * DIGEST_BYTES;
    const source = segment.kind === 'gap' ? nameOf(segment.range) : table.digests;
    digests.set(source.subarray(from, from + DIGEST_BYTES), at * DIGEST_BYTES);
  });
  return {
    digests,
    gaps,
    offsets: column(({ range }) => range.start),
    compressedSizes: column(({ range }) => sizeOf(range)),
    sizes: column((segment) =>
      segment.kind === 'gap' ? sizeOf(segment.range) : (table.sizes[segment.index] as number),
    ),
    firstChunk: Uint32Array.of(0, count),
    // Chunks that stand alone begin where their member does.
    ...(innerOffsets ? { innerOffsets: new Float64Array(count) } : {}),
  };
}

function splitGap(segment: Segment, at: number): Segment[] {
  const { start, end } = segment.range;
  if (segment.kind === 'chunk' || at <= start || at >= end) return [segment];
  return [
    { kind: 'gap', range: { start, end: at } },
    { kind: 'gap', range: { start: at, end } },
  ];
}
