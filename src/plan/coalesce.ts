// Joins the pieces of a blob that are needed into the ranges that are worth a request. Pure.
import { type ByteRange, rangeLength } from '../bytes/range.ts';

/** A range to request, and what of it is kept. */
export interface FetchRange {
  readonly range: ByteRange;
  /** Ascending, disjoint, first and last flush with `range`. */
  readonly pieces: readonly ByteRange[];
}

export interface CoalesceCosts {
  /** Bytes between pieces that may be fetched in vain, in all. */
  readonly wasteBudget: number;
  /** Above this many ranges the cheapest gaps are fetched whatever they cost: a request is never free. */
  readonly maxRanges: number;
  /** No range is longer, unless a single piece is: so that several connections share the work. */
  readonly maxRangeBytes: number;
}

/** `pieces`: ascending and disjoint. Every piece ends up in exactly one range. */
export function coalesce(pieces: readonly ByteRange[], costs: CoalesceCosts): FetchRange[] {
  const bridged = cheapGaps(pieces, costs);
  const ranges: FetchRange[] = [];
  let current: ByteRange[] = [];
  pieces.forEach((piece, index) => {
    current.push(piece);
    const next = pieces[index + 1];
    const length = (next?.end ?? 0) - (current[0] as ByteRange).start;
    if (next && bridged.has(index) && length <= costs.maxRangeBytes) return;
    ranges.push(toRange(joinTouching(current)));
    current = [];
  });
  return ranges;
}

/** Cuts a blob that is needed whole into ranges of equal length. */
export function splitWhole(size: number, maxRangeBytes: number): FetchRange[] {
  const ranges: FetchRange[] = [];
  for (let start = 0; start < size; start += maxRangeBytes) {
    ranges.push(toRange([{ start, end: Math.min(size, start + maxRangeBytes) }]));
  }
  return ranges;
}

/** Neighbours without a gap become one piece. */
function joinTouching(pieces: readonly ByteRange[]): ByteRange[] {
  const joined: ByteRange[] = [];
  for (const piece of pieces) {
    const last = joined.at(-1);
    if (last && last.end === piece.start) joined[joined.length - 1] = { start: last.start, end: piece.end };
    else joined.push(piece);
  }
  return joined;
}

/** Indexes of the pieces whose gap to the next one is fetched along with it: the cheapest first. */
function cheapGaps(pieces: readonly ByteRange[], costs: CoalesceCosts): Set<number> {
  const gaps = pieces
    .slice(1)
    .map((piece, index) => ({ index, bytes: piece.start - (pieces[index] as ByteRange).end }));
  gaps.sort((a, b) => a.bytes - b.bytes);
  const bridged = new Set<number>();
  let waste = 0;
  for (const gap of gaps) {
    waste += gap.bytes;
    if (waste > costs.wasteBudget && pieces.length - bridged.size <= costs.maxRanges) break;
    bridged.add(gap.index);
  }
  return bridged;
}

function toRange(pieces: readonly ByteRange[]): FetchRange {
  const first = pieces[0] as ByteRange;
  return { range: { start: first.start, end: (pieces.at(-1) as ByteRange).end }, pieces };
}

export function keptBytes(range: FetchRange): number {
  return range.pieces.reduce((sum, piece) => sum + rangeLength(piece), 0);
}
