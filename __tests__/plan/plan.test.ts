import { describe, expect, it } from 'vitest';
import type { ChunkSources, FetchPlan } from '../../src/plan/fetch-plan.ts';
import { MAX_RANGE_BYTES, planFetch } from '../../src/plan/plan.ts';
import { sampleDigest } from '../support/descriptors.ts';
import {
  chunkedLayer,
  keyOf,
  locateIn,
  nothingStored,
  OPTIONS,
  plainLayer,
} from '../support/plan-samples.ts';

function sourcesOf(plan: FetchPlan, layer: number): ChunkSources {
  const planned = plan.layers[layer];
  if (planned?.kind !== 'chunked') throw new Error('not a chunked layer');
  return planned.sources;
}

const three = [
  { seed: 1, compressedSize: 100 },
  { seed: 2, compressedSize: 200, gap: 10 },
  { seed: 3, compressedSize: 300, gap: 10 },
];
const stored = [
  { seed: 1, path: '/store/a', offset: 1000, compressedSize: 90, size: 300 },
  { seed: 2, path: '/store/b', offset: 2000, compressedSize: 200, size: 600 },
  { seed: 3, path: '/store/a', offset: 3000, compressedSize: 300, size: 900 },
];

describe('a plan for a chunked layer', () => {
  it('fetches everything in one piece where nothing is at hand', () => {
    const plan = planFetch([chunkedLayer(three, 50)], nothingStored, OPTIONS);
    expect(plan.groups).toMatchObject([
      { range: { start: 0, end: 620 }, layer: 0, pack: 0, packOffset: 0, keptBytes: 600 },
    ]);
    expect(plan.files).toEqual([{ kind: 'new', pack: 0 }]);
    expect(plan.chunks).toEqual([
      { form: 'frame', digest: sampleDigest(1), pack: 0, offset: 0, compressedSize: 100, size: 300 },
      { form: 'frame', digest: sampleDigest(2), pack: 0, offset: 100, compressedSize: 200, size: 600 },
      { form: 'frame', digest: sampleDigest(3), pack: 0, offset: 300, compressedSize: 300, size: 900 },
    ]);
    expect(sourcesOf(plan, 0)).toMatchObject({
      files: Uint32Array.of(0, 0, 0),
      offsets: Float64Array.of(0, 100, 300),
      groups: Int32Array.of(0, 0, 0),
      ready: Float64Array.of(100, 300, 600),
    });
    expect(plan.bytes).toEqual([{ missing: 620, cached: 0 }]);
  });

  it('fetches nothing where everything is at hand', () => {
    const plan = planFetch([chunkedLayer(three)], locateIn(stored), OPTIONS);
    expect(plan.groups).toEqual([]);
    expect(plan.chunks).toEqual([]);
    expect(plan.files).toEqual([
      { kind: 'stored', path: '/store/a' },
      { kind: 'stored', path: '/store/b' },
    ]);
    expect(sourcesOf(plan, 0)).toMatchObject({
      files: Uint32Array.of(0, 1, 0),
      offsets: Float64Array.of(1000, 2000, 3000),
      compressedSizes: Float64Array.of(90, 200, 300),
      groups: Int32Array.of(-1, -1, -1),
    });
    expect(plan.bytes).toEqual([{ missing: 0, cached: 590 }]);
  });

  it('fetches only the chunk that is missing', () => {
    const plan = planFetch(
      [chunkedLayer(three, 10_000)],
      locateIn(stored.filter(({ seed }) => seed !== 2)),
      OPTIONS,
    );
    expect(plan.groups).toMatchObject([{ range: { start: 110, end: 310 }, keptBytes: 200 }]);
    expect(plan.chunks).toMatchObject([{ digest: sampleDigest(2) }]);
    expect([...sourcesOf(plan, 0).groups]).toEqual([-1, 0, -1]);
    expect(plan.bytes).toEqual([{ missing: 200, cached: 390 }]);
  });

  it('has no groups for a layer without chunks', () => {
    expect(planFetch([chunkedLayer([], 99)], nothingStored, OPTIONS)).toMatchObject({
      groups: [],
      bytes: [{ missing: 0, cached: 0 }],
    });
  });

  it('fetches a chunk that stands in a layer twice once', () => {
    const twice = [...three, { seed: 1, compressedSize: 100 }];
    const plan = planFetch([chunkedLayer(twice, 10_000)], nothingStored, OPTIONS);
    expect(plan.chunks.filter(({ digest }) => digest === sampleDigest(1))).toHaveLength(1);
    expect(sourcesOf(plan, 0)).toMatchObject({
      offsets: Float64Array.of(0, 100, 300, 0),
      ready: expect.objectContaining({ 0: 100, 3: 100 }),
    });
  });

  it('fetches a chunk that stands in two layers once', () => {
    const plan = planFetch([chunkedLayer(three), chunkedLayer(three)], nothingStored, OPTIONS);
    expect(plan.groups).toMatchObject([{ layer: 0 }]);
    expect(plan.chunks).toHaveLength(3);
    const [first, second] = [sourcesOf(plan, 0), sourcesOf(plan, 1)];
    expect(second).toEqual(first);
    expect(plan.bytes[1]).toEqual({ missing: 0, cached: 0 });
  });

  it('does not use stored bytes of another size, nor lets a liar spoil the honest', () => {
    const lie = [
      { seed: 1, compressedSize: 100, size: 7 },
      ...three.slice(1),
      { seed: 1, compressedSize: 100, size: 300 },
    ];
    const plan = planFetch([chunkedLayer(lie, 10_000)], locateIn(stored), OPTIONS);
    expect(plan.chunks).toMatchObject([{ digest: sampleDigest(1), size: 7 }]);
    expect([...sourcesOf(plan, 0).groups]).toEqual([0, -1, -1, -1]);
  });

  it('fetches both of two sizes under one digest', () => {
    const lie = [
      { seed: 1, compressedSize: 100, size: 7 },
      { seed: 1, compressedSize: 100, size: 300 },
    ];
    const plan = planFetch([chunkedLayer(lie)], nothingStored, OPTIONS);
    expect(plan.chunks.map(({ size, offset }) => [size, offset])).toEqual([
      [7, 0],
      [300, 100],
    ]);
  });

  it('does not take a blob for a frame', () => {
    const blobs = stored.map((one) => ({ ...one, form: 'blob' as const }));
    expect(planFetch([chunkedLayer(three)], locateIn(blobs), OPTIONS).chunks).toHaveLength(3);
  });

  it('measures its waste against the metadata too', () => {
    const layer = chunkedLayer(
      [
        { seed: 1, compressedSize: 100 },
        { seed: 2, compressedSize: 100, gap: 5000 },
      ],
      100_000,
    );
    expect(planFetch([layer], nothingStored, OPTIONS).groups).toHaveLength(2);
    const wordy = { ...layer, metadataBytes: 500_000 };
    expect(planFetch([wordy], nothingStored, OPTIONS).groups).toHaveLength(1);
  });

  it('fetches a gap that costs less than a request, whatever the share', () => {
    const close = [
      { seed: 1, compressedSize: 10 },
      { seed: 2, compressedSize: 10, gap: 4000 },
    ];
    expect(planFetch([chunkedLayer(close, 100_000)], nothingStored, OPTIONS).groups).toHaveLength(1);
  });

  it('does not cut a layer into more than some hundred ranges', () => {
    const scattered = Array.from({ length: 3000 }, (_, seed) => ({
      seed,
      compressedSize: 10,
      gap: 1000 + seed,
    }));
    const { groups } = planFetch([chunkedLayer(scattered)], nothingStored, OPTIONS);
    expect(groups).toHaveLength(512);
  });

  it('shares one large file out over several ranges', () => {
    const parts = Array.from({ length: 1000 }, (_, seed) => ({ seed, compressedSize: 64 << 10 }));
    const { groups } = planFetch([chunkedLayer(parts)], nothingStored, { ...OPTIONS, packTarget: 2 ** 40 });
    expect(groups).toHaveLength(8);
    for (const { range } of groups) expect(range.end - range.start).toBeLessThanOrEqual(MAX_RANGE_BYTES);
  });
});

describe('a plan for a plain layer', () => {
  const size = 2 * MAX_RANGE_BYTES + 5;

  it('fetches it whole, in ranges', () => {
    const plan = planFetch([plainLayer(1, size)], nothingStored, OPTIONS);
    expect(plan.groups).toMatchObject([
      { range: { start: 0, end: MAX_RANGE_BYTES }, packOffset: 0, keptBytes: MAX_RANGE_BYTES },
      { range: { start: MAX_RANGE_BYTES }, packOffset: MAX_RANGE_BYTES, keptBytes: MAX_RANGE_BYTES },
      { range: { end: size }, packOffset: 2 * MAX_RANGE_BYTES, keptBytes: 5 },
    ]);
    const digest = sampleDigest(1);
    expect(plan.layers).toEqual([
      { kind: 'plain', file: 0, offset: 0, digest, compressedSize: size, groups: [0, 1, 2] },
    ]);
    expect(plan.chunks).toEqual([
      { form: 'blob', digest: sampleDigest(1), pack: 0, offset: 0, compressedSize: size, size },
    ]);
    expect(plan.bytes).toEqual([{ missing: size, cached: 0 }]);
  });

  it('takes it from the store', () => {
    const found = locateIn([
      { form: 'blob', seed: 1, path: '/store/x', offset: 77, compressedSize: 500, size: 500 },
    ]);
    expect(planFetch([plainLayer(1, 500)], found, OPTIONS)).toMatchObject({
      files: [{ kind: 'stored', path: '/store/x' }],
      groups: [],
      layers: [{ file: 0, offset: 77, compressedSize: 500, groups: [] }],
      bytes: [{ missing: 0, cached: 500 }],
      chunks: [],
    });
  });

  it('does not take one of another size from the store', () => {
    const found = locateIn([{ form: 'blob', seed: 1, compressedSize: 499, size: 499 }]);
    expect(planFetch([plainLayer(1, 500)], found, OPTIONS).groups).toHaveLength(1);
  });

  it('fetches a layer that stands in the image twice once', () => {
    const plan = planFetch(
      [plainLayer(1, size), plainLayer(2, 10), plainLayer(1, size)],
      nothingStored,
      OPTIONS,
    );
    expect(plan.groups).toHaveLength(4);
    expect(plan.layers[2]).toEqual(plan.layers[0]);
    expect(plan.chunks).toHaveLength(2);
    expect(plan.bytes).toEqual([
      { missing: size, cached: 0 },
      { missing: 10, cached: 0 },
      { missing: 0, cached: 0 },
    ]);
  });

  it('looks in the store only once for a layer that stands in the image twice', () => {
    const found = locateIn([{ form: 'blob', seed: 1, compressedSize: 500, size: 500 }]);
    const plan = planFetch([plainLayer(1, 500), plainLayer(1, 500)], found, OPTIONS);
    expect(plan.files).toHaveLength(1);
    expect(plan.bytes).toEqual([
      { missing: 0, cached: 500 },
      { missing: 0, cached: 500 },
    ]);
  });

  it('bears a digest that the store cannot hold', () => {
    const digest = `sha512:${'a'.repeat(128)}`;
    const asked: string[] = [];
    const layers = [1, 2].map(() => ({ kind: 'plain' as const, digest, compressedSize: 10 }));
    const plan = planFetch(
      layers,
      (_, key) => {
        asked.push(key);
        return undefined;
      },
      OPTIONS,
    );
    expect(plan.groups).toHaveLength(1);
    expect(asked).toEqual([]);
  });

  it('bears a layer of no bytes', () => {
    expect(planFetch([plainLayer(1, 0)], nothingStored, OPTIONS)).toMatchObject({
      groups: [],
      layers: [{ compressedSize: 0, groups: [] }],
    });
  });
});

describe('a plan for a plain layer whose end has been fetched', () => {
  const size = 2 * MAX_RANGE_BYTES + 5;
  const planned = (start: number) =>
    planFetch(
      [{ ...plainLayer(1, size), tail: { start, path: '/scratch', offset: 7 } }],
      nothingStored,
      OPTIONS,
    );

  it('says which groups need not be requested, and counts only what has to be', () => {
    const plan = planned(MAX_RANGE_BYTES + 100);
    expect(plan.groups.map(({ tail }) => tail?.start)).toEqual([
      undefined,
      MAX_RANGE_BYTES + 100,
      MAX_RANGE_BYTES + 100,
    ]);
    expect(plan.bytes).toEqual([{ missing: MAX_RANGE_BYTES + 100, cached: 0 }]);
  });

  it('is otherwise the same', () => {
    const whole = planFetch([plainLayer(1, size)], nothingStored, OPTIONS);
    const plan = planned(size - 1);
    expect(plan.groups.map(({ tail, ...group }) => group)).toEqual(whole.groups);
    expect([plan.chunks, plan.layers]).toEqual([whole.chunks, whole.layers]);
  });

  it('takes all of it from the store if it is there', () => {
    const found = locateIn([{ form: 'blob', seed: 1, compressedSize: size, size }]);
    const layer = { ...plainLayer(1, size), tail: { start: 3, path: '/scratch', offset: 7 } };
    expect(planFetch([layer], found, OPTIONS)).toMatchObject({
      groups: [],
      bytes: [{ missing: 0, cached: size }],
    });
  });
});

describe('the packs of a plan', () => {
  it('begin where the options say', () => {
    const plan = planFetch([plainLayer(1, 10)], nothingStored, { ...OPTIONS, pack: 3, packOffset: 500 });
    expect(plan.groups).toMatchObject([{ pack: 3, packOffset: 500 }]);
    expect(plan.files).toEqual([{ kind: 'new', pack: 3 }]);
    expect(plan.chunks).toMatchObject([{ pack: 3, offset: 500 }]);
    expect(plan.layers).toMatchObject([{ file: 0, offset: 500 }]);
  });

  it('roll over once they are full, between layers', () => {
    const layers = [1, 2, 3].map((seed) => plainLayer(seed, 60));
    const plan = planFetch(layers, nothingStored, { ...OPTIONS, packTarget: 100 });
    expect(plan.groups.map(({ pack, packOffset }) => [pack, packOffset])).toEqual([
      [0, 0],
      [0, 60],
      [1, 0],
    ]);
    expect(plan.layers).toMatchObject([{ file: 0 }, { file: 0 }, { file: 1 }]);
  });

  it('roll over between the ranges of a chunked layer', () => {
    const apart = three.map((chunk) => ({ ...chunk, gap: 5000 }));
    const plan = planFetch([chunkedLayer(apart)], nothingStored, { ...OPTIONS, packTarget: 150 });
    expect(plan.groups.map(({ pack, packOffset }) => [pack, packOffset])).toEqual([
      [0, 0],
      [0, 100],
      [1, 0],
    ]);
    expect([...sourcesOf(plan, 0).files]).toEqual([0, 0, 1]);
  });

  it('roll over between chunks that one request could bring', () => {
    const plan = planFetch([chunkedLayer(three)], nothingStored, { ...OPTIONS, packTarget: 150 });
    expect(plan.groups.map(({ pack, packOffset, range }) => [pack, packOffset, range])).toEqual([
      [0, 0, { start: 0, end: 310 }],
      [1, 0, { start: 320, end: 620 }],
    ]);
    expect([...sourcesOf(plan, 0).files]).toEqual([0, 0, 1]);
  });

  it('do not cut a plain layer in two', () => {
    const plan = planFetch([plainLayer(1, 3 * MAX_RANGE_BYTES)], nothingStored, {
      ...OPTIONS,
      packTarget: 1,
    });
    expect(plan.groups.map(({ pack }) => pack)).toEqual([0, 0, 0]);
  });

  it('are asked for by content', () => {
    const asked: string[] = [];
    planFetch([chunkedLayer(three)], (form, key) => void asked.push(`${form} ${key}`), OPTIONS);
    expect(new Set(asked)).toEqual(new Set(three.map(({ seed }) => `frame ${keyOf(seed)}`)));
  });
});
