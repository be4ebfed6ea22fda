// Any image against any store: a plan, followed by the letter, brings every chunk to where it says.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rangeLength } from '../../src/bytes/range.ts';
import type { FetchPlan, PlanLayer, PlanOptions } from '../../src/plan/fetch-plan.ts';
import { planFetch } from '../../src/plan/plan.ts';
import { sampleDigest } from '../support/descriptors.ts';
import {
  blobOf,
  bytesOfChunk,
  chunkedLayer,
  fillPacks,
  locateIn,
  OPTIONS,
  plainLayer,
  type SampleChunk,
  sizeOfChunk,
} from '../support/plan-samples.ts';

/** Few names and one size for each, so that chunks often stand at several places. */
const chunk = fc
  .record({
    seed: fc.integer({ min: 1, max: 30 }),
    gap: fc.oneof(fc.constant(0), fc.nat(80), fc.nat(20_000)),
  })
  .map(({ seed, gap }): SampleChunk => ({ seed, gap, compressedSize: 5 + seed, size: 100 + seed }));
const chunked = fc
  .tuple(fc.array(chunk, { maxLength: 25 }), fc.nat(2000), fc.nat(5000))
  .map(([chunks, tail, metadataBytes]) => ({
    layer: { ...chunkedLayer(chunks, tail), metadataBytes } as PlanLayer,
    chunks,
  }));
const plain = fc
  .integer({ min: 100, max: 104 })
  .map((seed) => ({ layer: plainLayer(seed, seed) as PlanLayer, chunks: [] as SampleChunk[] }));
const image = fc.array(fc.oneof({ weight: 3, arbitrary: chunked }, plain), { maxLength: 6 });
const store = fc.uniqueArray(fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 100, max: 104 })));
const link = fc.record({
  link: fc.option(
    fc.record({ roundTripMs: fc.nat(500), bytesPerSecond: fc.option(fc.nat(1e9), { nil: undefined }) }),
    { nil: undefined },
  ),
  connections: fc.integer({ min: 1, max: 16 }),
});
const options = fc.record<PlanOptions>({
  pack: fc.nat(3),
  packOffset: fc.nat(200),
  packTarget: fc.integer({ min: 1, max: 500 }),
});

type Image = { layer: PlanLayer; chunks: SampleChunk[] }[];

const stored = (seeds: readonly number[]) =>
  locateIn(
    seeds.map((seed) => {
      const size = seed >= 100 ? seed : 100 + seed;
      const compressedSize = seed >= 100 ? seed : 4;
      return {
        form: seed >= 100 ? 'blob' : 'frame',
        seed,
        path: `/store/${seed % 3}`,
        offset: seed * 10,
        compressedSize,
        size,
      };
    }),
  );

function holds(
  check: (made: { plan: FetchPlan; image: Image; seeds: number[]; given: PlanOptions }) => void,
): void {
  fc.assert(
    fc.property(image, store, options, (layers, seeds, given) => {
      const plan = planFetch(
        layers.map(({ layer }) => layer),
        stored(seeds),
        given,
      );
      check({ plan, image: layers, seeds, given });
    }),
  );
}

describe('whatever the image and the store, a plan', () => {
  it('holds each missing chunk once and no other', () =>
    holds(({ plan, image: layers, seeds }) => {
      const wanted = layers.flatMap(({ layer, chunks }) =>
        layer.kind === 'plain'
          ? [Number.parseInt(layer.digest.slice(7), 16)]
          : chunks.map(({ seed }) => seed),
      );
      const missing = [...new Set(wanted)]
        .filter((seed) => !seeds.includes(seed))
        .map((seed) => sampleDigest(seed));
      expect(plan.chunks.map(({ digest }) => digest).sort()).toEqual(missing.sort());
    }));

  it('fills its packs without a gap or an overlap', () =>
    holds(({ plan, given }) => {
      let pack = given.pack;
      let offset = given.packOffset;
      for (const group of plan.groups) {
        if (group.pack !== pack) {
          expect(group.pack).toBe(pack + 1);
          expect(offset).toBeGreaterThanOrEqual(given.packTarget);
          pack = group.pack;
          offset = 0;
        }
        expect(group.packOffset).toBe(offset);
        expect(group.keptBytes).toBe(group.pieces.reduce((sum, piece) => sum + rangeLength(piece), 0));
        offset += group.keptBytes;
      }
      const inPacks = plan.chunks.reduce((sum, one) => sum + one.compressedSize, 0);
      expect(plan.groups.reduce((sum, group) => sum + group.keptBytes, 0)).toBe(inPacks);
    }));

  it('brings the bytes of each chunk to where the layer looks for them, by the time it says', () =>
    holds(({ plan, image: layers }) => {
      const packs = fillPacks(
        plan,
        layers.map(({ layer, chunks }) => blobOf(layer, chunks)),
      );
      layers.forEach(({ chunks }, index) => {
        const planned = plan.layers[index];
        if (planned?.kind !== 'chunked') return;
        const { files, offsets, compressedSizes, sizes, groups, ready } = planned.sources;
        chunks.forEach((one, at) => {
          const file = plan.files[files[at] as number];
          const offset = offsets[at] as number;
          expect(sizes[at]).toBe(sizeOfChunk(one));
          const group = plan.groups[groups[at] as number];
          if (!group) {
            expect(file).toEqual({ kind: 'stored', path: `/store/${one.seed % 3}` });
            expect([offset, compressedSizes[at]]).toEqual([one.seed * 10, 4]);
            return;
          }
          expect(file).toEqual({ kind: 'new', pack: group.pack });
          const end = offset + one.compressedSize;
          expect(packs.get(group.pack)?.subarray(offset, end)).toEqual(
            bytesOfChunk(one.seed, one.compressedSize),
          );
          expect(ready[at]).toBe(end - group.packOffset);
          expect(ready[at]).toBeLessThanOrEqual(group.keptBytes);
        });
      });
    }));

  it('brings the bytes of each plain layer to where it looks for them', () =>
    holds(({ plan, image: layers }) => {
      const packs = fillPacks(
        plan,
        layers.map(({ layer, chunks }) => blobOf(layer, chunks)),
      );
      layers.forEach(({ layer }, index) => {
        const planned = plan.layers[index];
        if (layer.kind !== 'plain' || planned?.kind !== 'plain') return;
        const file = plan.files[planned.file];
        expect(planned.groups.length > 0).toBe(file?.kind === 'new');
        if (file?.kind !== 'new') return;
        const seed = Number.parseInt(layer.digest.slice(7), 16);
        const { offset, compressedSize } = planned;
        expect(packs.get(file.pack)?.subarray(offset, offset + compressedSize)).toEqual(
          bytesOfChunk(seed, compressedSize),
        );
        expect(planned.groups.map((group) => plan.groups[group]?.pack)).toEqual(
          planned.groups.map(() => file.pack),
        );
      });
    }));

  it('says where the entries of its new packs are', () =>
    holds(({ plan, image: layers }) => {
      const packs = fillPacks(
        plan,
        layers.map(({ layer, chunks }) => blobOf(layer, chunks)),
      );
      for (const { digest, pack, offset, compressedSize } of plan.chunks) {
        const seed = Number.parseInt(digest.slice(7), 16);
        expect(packs.get(pack)?.subarray(offset, offset + compressedSize)).toEqual(
          bytesOfChunk(seed, compressedSize),
        );
      }
    }));

  it('counts what it requests', () =>
    holds(({ plan }) => {
      plan.bytes.forEach(({ missing }, layer) => {
        const own = plan.groups.filter((group) => group.layer === layer);
        expect(missing).toBe(own.reduce((sum, group) => sum + rangeLength(group.range), 0));
      });
    }));

  it('is the same each time', () =>
    holds(({ plan, image: layers, seeds, given }) => {
      expect(
        planFetch(
          layers.map(({ layer }) => layer),
          stored(seeds),
          given,
        ),
      ).toEqual(plan);
    }));

  it('makes the same packs whatever the link', () =>
    fc.assert(
      fc.property(image, store, options, link, (layers, seeds, given, measured) => {
        const planned = layers.map(({ layer }) => layer);
        const [one, other] = [given, { ...given, ...measured }].map((each) =>
          planFetch(planned, stored(seeds), each),
        ) as [FetchPlan, FetchPlan];
        expect(other.chunks).toEqual(one.chunks);
        expect(other.files).toEqual(one.files);
        const places = ({ layers: all }: FetchPlan) =>
          all.map((layer) =>
            layer.kind === 'plain'
              ? [layer.file, layer.offset]
              : [layer.sources.files, layer.sources.offsets],
          );
        expect(places(other)).toEqual(places(one));
        const blobs = layers.map(({ layer, chunks }) => blobOf(layer, chunks));
        expect(fillPacks(other, blobs)).toEqual(fillPacks(one, blobs));
      }),
    ));

  it('finds everything once its own packs are in the store', () =>
    holds(({ plan, image: layers, seeds }) => {
      const known = new Map(plan.chunks.map((one) => [`${one.form} ${one.digest}`, one]));
      const before = stored(seeds);
      const again = planFetch(
        layers.map(({ layer }) => layer),
        (form, key, size) => {
          const made = known.get(`${form} sha256:${Buffer.from(key, 'latin1').toString('hex')}`);
          return made ? { ...made, path: `/store/new${made.pack}` } : before(form, key, size);
        },
        OPTIONS,
      );
      expect(again).toMatchObject({ groups: [], chunks: [] });
    }));
});
