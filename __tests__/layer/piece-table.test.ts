import { describe, expect, it } from 'vitest';
import { isGap } from '../../src/layer/chunk-table.ts';
import { gapTable } from '../../src/layer/gap-table.ts';
import { pieceTable } from '../../src/layer/piece-table.ts';

/** One chunk of 5 bytes at 10 and one at 30, digests full of ones and twos. */
const layer = {
  innerOffsets: undefined,
  table: {
    digests: Uint8Array.from({ length: 64 }, (_, index) => (index < 32 ? 1 : 2)),
    offsets: Float64Array.of(10, 30),
    compressedSizes: Float64Array.of(5, 5),
    sizes: Float64Array.of(50, 60),
    firstChunk: Uint32Array.of(0, 1, 2),
  },
};

function pieces(dataEnd: number, innerOffsets?: Float64Array) {
  const gaps = gapTable(layer, 50);
  if (gaps.kind === 'whole') throw new Error(gaps.reason);
  const nameOf = ({ start }: { start: number }) => new Uint8Array(32).fill(100 + start);
  return pieceTable({ ...layer, innerOffsets }, gaps, { dataEnd, nameOf });
}

describe('pieceTable', () => {
  it('has chunks under their digests and gaps under the names of their places', () => {
    const table = pieces(50);
    expect([...table.offsets]).toEqual([0, 10, 15, 30, 35]);
    expect([...table.compressedSizes]).toEqual([10, 5, 15, 5, 15]);
    expect([...table.sizes]).toEqual([10, 50, 15, 60, 15]);
    expect([...table.offsets.keys()].map((index) => isGap(table, index))).toEqual([
      true,
      false,
      true,
      false,
      true,
    ]);
    expect([0, 1, 2, 3, 4].map((index) => table.digests[32 * index])).toEqual([100, 1, 115, 2, 135]);
    expect([0, 1, 2, 3, 4].map((index) => table.digests[32 * index + 31])).toEqual([100, 1, 115, 2, 135]);
    expect([...table.firstChunk]).toEqual([0, 5]);
    expect(table.innerOffsets).toBeUndefined();
  });

  it('cuts the last gap where the TOC begins, so that the TOC is a piece of its own', () => {
    const table = pieces(40);
    expect([...table.offsets]).toEqual([0, 10, 15, 30, 35, 40]);
    expect([...table.compressedSizes].slice(-2)).toEqual([5, 10]);
    expect(isGap(table, 5)).toBe(true);
  });

  it('has chunks at the beginning of their members where the dialect has members', () => {
    expect([...(pieces(50, Float64Array.of(0, 0)).innerOffsets ?? [])]).toEqual([0, 0, 0, 0, 0]);
  });
});
