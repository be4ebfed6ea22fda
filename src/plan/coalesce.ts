// Joins the pieces of a blob that are needed into the ranges that are worth a request. Pure.
import { type ByteRange, rangeLength } from '../bytes/range.ts';

/** A range to request, and what of it is kept. */
export interface FetchRange {
  readonly range: ByteRange;
  /** Ascending, disjoint, first and last flush with `range`. */
  readonly pieces: readonly ByteRange[];
}

export interface CoalesceCosts {
  /** A longer gap costs more than a request of its own. */
  readonly maxGap: number;
  /** Bytes between pieces that may be fetched in vain, in all. */
  readonly wasteBudget: number;
  /** Above this many ranges the cheapest gaps are fetched whatever they cost: a request is never free. */
  readonly maxRanges: number;
  /** No range is longer, unless a single piece is: so that several connections share the work. */
  readonly maxRangeBytes: number;
}

/** `pieces`: ascending and disjoint. Every piece ends up in exactly one range. `cuts`: indexes of pieces that end their range. */
export function coalesce(
  pieces: readonly ByteRange[],
  costs: CoalesceCosts,
  cuts: ReadonlySet<number> = new Set(),
): FetchRange[] {
  const isBridged = cheapGaps(pieces, costs);
  const ranges: FetchRange[] = [];
  let current: ByteRange[] = [];
  pieces.forEach((piece, index) => {
    current.push(piece);
    const next = pieces[index + 1];
    const length = (next?.end ?? 0) - (current[0] as ByteRange).start;
    if (next && isBridged[index] && length <= costs.maxRangeBytes && !cuts.has(index)) return;
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

/** By piece: is the gap to the next one fetched along with it? The cheapest are, and of equal ones the first. */
function cheapGaps(pieces: readonly ByteRange[], costs: CoalesceCosts): Uint8Array {
  const gaps = Float64Array.from(
    { length: Math.max(0, pieces.length - 1) },
    (_, index) => (pieces[index + 1] as ByteRange).start - (pieces[index] as ByteRange).end,
  );
  const { limit, atLimit } = dearestGap(gaps, pieces.length, costs);
  let left = atLimit;
  return Uint8Array.from(gaps, (gap) => {
    if (gap < limit) return 1;
    return gap === limit && left-- > 0 ? 1 : 0;
  });
}

/** Gaps shorter than `limit` are worth fetching, and of those just as long the first `atLimit`. */
function dearestGap(
  gaps: Float64Array,
  pieces: number,
  costs: CoalesceCosts,
): { limit: number; atLimit: number } {
  const sorted = gaps.toSorted();
  let [bridged, waste] = [0, 0];
  for (; bridged < sorted.length; bridged++) {
    const gap = sorted[bridged] as number;
    waste += gap;
    const isTooDear = gap > costs.maxGap || waste > costs.wasteBudget;
    if (isTooDear && pieces - bridged <= costs.maxRanges) break;
  }
  const limit = sorted[bridged - 1] ?? -1;
  return { limit, atLimit: bridged - sorted.indexOf(limit) };
}

function toRange(pieces: readonly ByteRange[]): FetchRange {
  const first = pieces[0] as ByteRange;
  return { range: { start: first.start, end: (pieces.at(-1) as ByteRange).end }, pieces };
}

export function keptBytes(range: FetchRange): number {
  return range.pieces.reduce((sum, piece) => sum + rangeLength(piece), 0);
}
