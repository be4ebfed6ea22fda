import { describe, expect, it } from 'vitest';
import type { Link } from '../../src/bytes/link.ts';
import { gapCosts, isBetterWhole } from '../../src/plan/costs.ts';
import type { Located } from '../../src/plan/fetch-plan.ts';
import { planFetch } from '../../src/plan/plan.ts';
import { chunkedLayer, keyOf, OPTIONS, type SampleChunk } from '../support/plan-samples.ts';

const MiB = 1 << 20;
const LAYER = { dataEnd: 100 * MiB, metadataBytes: MiB, needed: 9 * MiB };
const costs = (link?: Link, connections = 8) => gapCosts(LAYER, { link, connections });
const shareOf = (link?: Link, connections?: number) => costs(link, connections).wasteBudget / (10 * MiB);

describe('a gap is fetched along', () => {
  it.each<[string, Link | undefined, number]>([
    ['of 8 KiB where nothing is known', undefined, 8 << 10],
    ['of 8 KiB where the bandwidth is not known', { roundTripMs: 20, bytesPerSecond: undefined }, 8 << 10],
    ['of 8 KiB where a request costs less', { roundTripMs: 0.5, bytesPerSecond: 100e6 }, 8 << 10],
    ['that takes as long as a request', { roundTripMs: 25, bytesPerSecond: 40e6 }, 100_000],
    ['of 256 KiB and no more', { roundTripMs: 300, bytesPerSecond: 1e9 }, 256 << 10],
    ['of 8 KiB whatever nonsense was measured', { roundTripMs: -5, bytesPerSecond: -1 }, 8 << 10],
  ])('%s', (_, link, expected) => expect(costs(link).maxGap).toBe(expected));

  it('sooner where fewer connections share the requests', () => {
    const link = { roundTripMs: 7, bytesPerSecond: 40e6 };
    expect([8, 4, 1, 0].map((connections) => costs(link, connections).maxGap)).toEqual([
      10_000, 20_000, 80_000, 80_000,
    ]);
  });

  it('whatever it costs where nearly all of the layer is needed', () => {
    const { maxGap, wasteBudget } = gapCosts({ ...LAYER, needed: 70 * MiB }, {});
    expect([maxGap, wasteBudget]).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
  });
});

describe('the share of bytes fetched in vain', () => {
  it.each<[string, Link | undefined, number]>([
    ['is 2 % where nothing is known', undefined, 0.02],
    ['is 2 % where the bandwidth is not known', { roundTripMs: 50, bytesPerSecond: undefined }, 0.02],
    ['is 2 % where latency is cheap', { roundTripMs: 5, bytesPerSecond: 100e6 }, 0.02],
    ['grows with the round trip', { roundTripMs: 13, bytesPerSecond: 100e6 }, 0.13],
    ['is about a quarter with 20 ms', { roundTripMs: 20, bytesPerSecond: 100e6 }, 0.24375],
    ['is no more than a quarter', { roundTripMs: 500, bytesPerSecond: 100e6 }, 0.25],
  ])('%s', (_, link, expected) => expect(shareOf(link)).toBeCloseTo(expected, 6));

  it('may be larger for a few bytes', () => {
    expect(gapCosts({ dataEnd: 1000, metadataBytes: 0, needed: 10 }, {}).wasteBudget).toBe(4096);
  });
});

/** New chunks in short runs, with anything from one to hundreds of old ones in between: so do files of updated packages lie. */
function updatedLayer() {
  let state = 1;
  const random = () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  const [chunks, stored] = [[] as SampleChunk[], new Map<string, Located>()];
  for (let isNew = false; chunks.length < 40_000; isNew = !isNew) {
    for (let left = isNew ? 8 * random() : 2 ** (9 * random()); left > 0; left--) {
      const [seed, compressedSize] = [chunks.length + 1, Math.ceil(200 + 3000 * random())];
      chunks.push({ seed, compressedSize, gap: 150 });
      if (!isNew)
        stored.set(keyOf(seed), { path: '/store/a', offset: 0, compressedSize, size: 3 * compressedSize });
    }
  }
  return { layer: chunkedLayer(chunks, 100), locate: (_: string, key: string) => stored.get(key) };
}

describe('an update of a layer', () => {
  const { layer, locate } = updatedLayer();
  const figures = (link?: Link) => {
    const { groups } = planFetch([layer], locate, { ...OPTIONS, ...(link ? { link, connections: 8 } : {}) });
    const kept = groups.reduce((sum, group) => sum + group.keptBytes, 0);
    const bytes = groups.reduce((sum, { range }) => sum + range.end - range.start, 0);
    return { requests: groups.length, kept, bytes, share: (bytes - kept) / kept };
  };

  it('takes fewer requests the dearer they are, for bytes that are limited', () => {
    const [near, middle, far] = [0.5, 10, 20].map((roundTripMs) =>
      figures({ roundTripMs, bytesPerSecond: 100e6 }),
    );
    expect(near).toEqual(figures());
    expect(middle?.requests).toBeLessThan(near?.requests ?? 0);
    expect(far?.requests).toBeLessThan(middle?.requests ?? 0);
    expect(middle?.share).toBeLessThanOrEqual(0.1);
    expect(far?.share).toBeLessThanOrEqual(0.25);
  });

  it('takes less time by the estimate', () => {
    const time = ({ requests, bytes }: { requests: number; bytes: number }) =>
      (requests * 0.02) / 8 + bytes / 100e6;
    expect(time(figures({ roundTripMs: 20, bytesPerSecond: 100e6 }))).toBeLessThan(0.8 * time(figures()));
  });
});

describe('a chunked layer is better fetched whole', () => {
  const chunks = Array.from({ length: 10 }, (_, index) => ({ seed: index + 1, compressedSize: MiB }));
  const layer = chunkedLayer(chunks);
  const held = (...seeds: number[]) => {
    const keys = new Set(seeds.map(keyOf));
    return (form: string, key: string, size: number) => form === 'frame' && keys.has(key) && size === 3 * MiB;
  };

  it.each([
    [[], true],
    [[1], true],
    [[8, 9, 10], true],
    [[1, 2, 3, 4], false],
    [[7, 8, 9, 10], false],
  ])('where so little is at hand: %j → %s', (seeds, expected) => {
    expect(isBetterWhole(layer, held(...seeds))).toBe(expected);
  });

  it('unless much of it is repeated in it', () => {
    const repeated = chunkedLayer(chunks.map((chunk, index) => ({ ...chunk, seed: index % 2 })));
    expect(isBetterWhole(repeated, held())).toBe(false);
  });

  it('unless it is small', () => {
    const small = chunkedLayer([{ seed: 1, compressedSize: 1000 }]);
    expect(isBetterWhole(small, held())).toBe(false);
  });

  it('and asks no longer than it takes to know better', () => {
    let asked = 0;
    isBetterWhole(layer, () => {
      asked++;
      return true;
    });
    expect(asked).toBe(4);
  });
});
