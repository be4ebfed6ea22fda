import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ByteRange, containsRange, rangeLength } from '../../src/bytes/range.ts';
import { type CoalesceCosts, coalesce, keptBytes, splitWhole } from '../../src/plan/coalesce.ts';

const COSTS: CoalesceCosts = { maxGap: 1000, wasteBudget: 0, maxRanges: 100, maxRangeBytes: 1000 };
const range = (start: number, end: number): ByteRange => ({ start, end });
const ranges = (pieces: readonly ByteRange[], costs: Partial<CoalesceCosts> = {}) =>
  coalesce(pieces, { ...COSTS, ...costs }).map((found) => found.range);

describe('coalesce', () => {
  it('makes nothing of nothing', () => expect(coalesce([], COSTS)).toEqual([]));

  it('keeps apart what lies apart', () => {
    expect(ranges([range(0, 10), range(20, 30)])).toEqual([range(0, 10), range(20, 30)]);
  });

  it('joins neighbours into one piece', () => {
    expect(coalesce([range(5, 10), range(10, 30), range(30, 31)], COSTS)).toEqual([
      { range: range(5, 31), pieces: [range(5, 31)] },
    ]);
  });

  it('fetches a gap that the budget bears, and says what to keep', () => {
    expect(coalesce([range(0, 10), range(12, 30)], { ...COSTS, wasteBudget: 2 })).toEqual([
      { range: range(0, 30), pieces: [range(0, 10), range(12, 30)] },
    ]);
  });

  it('spends the budget on the cheapest gaps', () => {
    const pieces = [range(0, 10), range(15, 20), range(22, 30), range(33, 40)];
    expect(ranges(pieces, { wasteBudget: 5 })).toEqual([range(0, 10), range(15, 40)]);
    expect(ranges(pieces, { wasteBudget: 4 })).toEqual([range(0, 10), range(15, 30), range(33, 40)]);
    expect(ranges(pieces, { wasteBudget: 10 })).toEqual([range(0, 40)]);
  });

  it('fetches gaps beyond the budget rather than too many ranges', () => {
    const pieces = [range(0, 10), range(15, 20), range(22, 30), range(33, 40)];
    expect(ranges(pieces, { maxRanges: 2 })).toEqual([range(0, 10), range(15, 40)]);
    expect(ranges(pieces, { maxRanges: 1 })).toEqual([range(0, 40)]);
  });

  it('fetches no gap that costs more than a request, whatever the budget', () => {
    const pieces = [range(0, 10), range(15, 20), range(22, 30)];
    expect(ranges(pieces, { wasteBudget: 100, maxGap: 5 })).toEqual([range(0, 30)]);
    expect(ranges(pieces, { wasteBudget: 100, maxGap: 4 })).toEqual([range(0, 10), range(15, 30)]);
    expect(ranges(pieces, { wasteBudget: 100, maxGap: 1 })).toEqual(pieces);
  });

  it('takes the first ones where not all gaps of one length fit into the budget', () => {
    const pieces = [range(0, 10), range(12, 20), range(22, 30), range(32, 40)];
    expect(ranges(pieces, { wasteBudget: 5 })).toEqual([range(0, 30), range(32, 40)]);
  });

  it('ends a range where it is told to, gap or no gap', () => {
    const pieces = [range(0, 10), range(10, 20), range(22, 30)];
    const costs = { ...COSTS, wasteBudget: 100 };
    const found = (...cuts: number[]) => coalesce(pieces, costs, new Set(cuts)).map((one) => one.range);
    expect(found(0)).toEqual([range(0, 10), range(10, 30)]);
    expect(found(1)).toEqual([range(0, 20), range(22, 30)]);
    expect(found(0, 1, 2)).toEqual(pieces);
  });

  it('cuts a long run at the end of a piece', () => {
    const pieces = Array.from({ length: 6 }, (_, index) => range(index * 400, index * 400 + 400));
    expect(ranges(pieces)).toEqual([range(0, 800), range(800, 1600), range(1600, 2400)]);
  });

  it('does not fetch a gap where it cuts', () => {
    const pieces = [range(0, 600), range(610, 1200)];
    expect(ranges(pieces, { wasteBudget: Number.POSITIVE_INFINITY })).toEqual(pieces);
  });

  it('does not cut a piece', () => {
    expect(ranges([range(0, 5000), range(5000, 5001)])).toEqual([range(0, 5000), range(5000, 5001)]);
  });
});

const pieces = fc
  .array(fc.tuple(fc.oneof(fc.constant(0), fc.nat(40)), fc.integer({ min: 1, max: 60 })), { maxLength: 40 })
  .map((steps) => {
    let at = 0;
    return steps.map(([gap, length]) => {
      const start = at + gap;
      at = start + length;
      return range(start, at);
    });
  });
const costs = fc.record({
  maxGap: fc.oneof(fc.nat(50), fc.constant(Number.POSITIVE_INFINITY)),
  wasteBudget: fc.oneof(fc.nat(300), fc.constant(Number.POSITIVE_INFINITY)),
  maxRanges: fc.integer({ min: 1, max: 20 }),
  maxRangeBytes: fc.oneof(fc.integer({ min: 1, max: 500 }), fc.constant(Number.POSITIVE_INFINITY)),
});

describe('whatever is needed, coalesce', () => {
  const holds = (check: (needed: ByteRange[], given: CoalesceCosts) => void) =>
    fc.assert(fc.property(pieces, costs, check));

  it('puts every piece into exactly one range', () =>
    holds((needed, given) => {
      const kept = coalesce(needed, given).flatMap((found) => found.pieces);
      for (const piece of needed) expect(kept.filter((one) => containsRange(one, piece))).toHaveLength(1);
      const sum = (all: readonly ByteRange[]) => all.reduce((total, one) => total + rangeLength(one), 0);
      expect(sum(kept)).toBe(sum(needed));
    }));

  it('gives ranges in order, apart from each other, flush with what they keep', () =>
    holds((needed, given) => {
      let end = 0;
      for (const found of coalesce(needed, given)) {
        expect(found.range.start).toBeGreaterThanOrEqual(end);
        expect(found.range.start).toBe(found.pieces[0]?.start);
        expect(found.range.end).toBe(found.pieces.at(-1)?.end);
        found.pieces.slice(1).forEach((piece, index) => {
          expect(piece.start).toBeGreaterThan(found.pieces[index]?.end ?? Number.NaN);
        });
        end = found.range.end;
      }
    }));

  it('wastes no more than the budget unless there would be too many ranges', () =>
    holds((needed, given) => {
      const found = coalesce(needed, given);
      const waste = found.reduce((sum, one) => sum + rangeLength(one.range) - keptBytes(one), 0);
      if (waste > given.wasteBudget) expect(found.length).toBeGreaterThanOrEqual(given.maxRanges);
    }));

  it('fetches no gap that costs more than a request unless there would be too many ranges', () =>
    holds((needed, given) => {
      const found = coalesce(needed, given);
      const longest = Math.max(
        0,
        ...found.flatMap((one) =>
          one.pieces.slice(1).map((piece, index) => piece.start - (one.pieces[index]?.end ?? 0)),
        ),
      );
      if (longest > given.maxGap) expect(found.length).toBeGreaterThanOrEqual(given.maxRanges);
    }));

  it('gives no more ranges than allowed, long ones aside', () =>
    holds((needed, given) => {
      const found = coalesce(needed, { ...given, maxRangeBytes: Number.POSITIVE_INFINITY });
      expect(found.length).toBeLessThanOrEqual(given.maxRanges);
    }));

  it('gives no range that is too long, single pieces aside', () =>
    holds((needed, given) => {
      for (const { range: found } of coalesce(needed, given)) {
        const inside = needed.filter((piece) => containsRange(found, piece));
        if (inside.length > 1) expect(rangeLength(found)).toBeLessThanOrEqual(given.maxRangeBytes);
      }
    }));
});

describe('splitWhole', () => {
  it.each([
    [0, []],
    [1, [range(0, 1)]],
    [10, [range(0, 10)]],
    [11, [range(0, 10), range(10, 11)]],
    [30, [range(0, 10), range(10, 20), range(20, 30)]],
  ])('cuts %i bytes', (size, expected) => {
    expect(splitWhole(size, 10)).toEqual(expected.map((one) => ({ range: one, pieces: [one] })));
  });
});
