// Tables of contents of one image are held together: whatever each of them is, all of them have a limit.
import { describe, expect, it } from 'vitest';
import type { LayerMetadata } from '../../src/fetch/layer-metadata.ts';
import type { ChunkTable } from '../../src/layer/chunk-table.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { TocBudget } from '../../src/pull/toc-budget.ts';
import { sampleDigest } from '../support/descriptors.ts';
import { rejected } from '../support/pull-error.ts';

const NO_LIMIT = Number.MAX_SAFE_INTEGER;
const REASON = 'the TOCs of its layers together hold more than 10 entries';

function layer(seed: number): Descriptor {
  return {
    mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd',
    digest: sampleDigest(seed),
    size: 7,
    annotations: {},
  };
}

/** Each entry one chunk. Of its table an entry takes 60 bytes, and there are 4 more. */
function tableOf(entries: number): ChunkTable {
  const column = () => new Float64Array(entries);
  return {
    digests: new Uint8Array(entries * 32),
    offsets: column(),
    compressedSizes: column(),
    sizes: column(),
    firstChunk: new Uint32Array(entries + 1),
  };
}

function chunked(entries: number, packed = 0): LayerMetadata {
  const base = {
    kind: 'chunked',
    table: tableOf(entries),
    dataEnd: 7,
    blobs: [],
    tarSplit: undefined,
  } as const;
  return packed > 0 ? { ...base, entries: new Uint8Array(packed) } : base;
}

const reading = (metadata: LayerMetadata) => async () => metadata;

describe('TocBudget', () => {
  it('reads what the manifest repeats once, and gives it to all', async () => {
    const budget = new TocBudget('whole');
    const metadata = chunked(2);
    let reads = 0;
    const read = async () => {
      reads++;
      return metadata;
    };
    const all = await Promise.all([1, 2, 1, 1].map((seed) => budget.read(layer(seed), read)));
    expect(all).toEqual([metadata, metadata, metadata, metadata]);
    expect(reads).toBe(2);
  });

  it('reads layers apart that only differ in what the manifest says of them', async () => {
    const budget = new TocBudget('whole');
    const other = { ...layer(1), annotations: { some: 'other' } };
    const first = chunked(1);
    expect(await budget.read(layer(1), reading(first))).toBe(first);
    expect(await budget.read(other, reading({ kind: 'plain' }))).toEqual({ kind: 'plain' });
  });

  it.each<[string, readonly LayerMetadata[], { entries: number; bytes: number }, string]>([
    ['entries', [chunked(6), chunked(4), chunked(1)], { entries: 10, bytes: NO_LIMIT }, REASON],
    [
      'bytes of tables',
      [chunked(1), chunked(1), chunked(1)],
      { entries: NO_LIMIT, bytes: 128 },
      'the TOCs of its layers together take more than 128 bytes',
    ],
    [
      'bytes of entries',
      [chunked(1, 36), chunked(1, 36), chunked(1, 36)],
      { entries: NO_LIMIT, bytes: 200 },
      'the TOCs of its layers together take more than 200 bytes',
    ],
  ])('has layers taken whole once there are too many %s', async (_, layers, limits, reason) => {
    const budget = new TocBudget('whole', limits);
    const kept: LayerMetadata[] = [];
    for (const [seed, metadata] of layers.entries())
      kept.push(await budget.read(layer(seed), reading(metadata)));
    expect(kept).toEqual([layers[0], layers[1], { kind: 'plain', reason }]);
  });

  it('counts a layer as often as it is there', async () => {
    const budget = new TocBudget('whole', { entries: 10, bytes: NO_LIMIT });
    const all = [1, 1, 1, 1].map(() => budget.read(layer(1), reading(chunked(4))));
    expect((await Promise.all(all)).map(({ kind }) => kind)).toEqual([
      'chunked',
      'chunked',
      'plain',
      'plain',
    ]);
  });

  it('refuses where nothing can be taken whole', async () => {
    const budget = new TocBudget('refused', { entries: 10, bytes: NO_LIMIT });
    const { message } = await rejected('LIMIT_EXCEEDED', budget.read(layer(1), reading(chunked(11))));
    expect(message).toBe(REASON);
  });

  it('lets nothing be read any more once it is spent', async () => {
    const budget = new TocBudget('whole', { entries: 10, bytes: NO_LIMIT });
    budget.check();
    await budget.read(layer(1), reading(chunked(11)));
    const read = async () => {
      budget.check();
      return chunked(1);
    };
    expect(await budget.read(layer(2), read)).toEqual({ kind: 'plain', reason: REASON });
  });

  it('forgets only the table of a layer that is whole in any case', async () => {
    const budget = new TocBudget('refused', { entries: 10, bytes: NO_LIMIT });
    const whole = { kind: 'plain', table: tableOf(11) } as const;
    expect(await budget.read(layer(1), reading(whole))).toEqual({ kind: 'plain' });
    expect(await budget.read(layer(2), reading(chunked(10)))).toMatchObject({ kind: 'chunked' });
  });

  it('passes on what goes wrong', async () => {
    const budget = new TocBudget('whole');
    const fails = async () => budget.read(layer(1), () => Promise.reject(new Error('no answer')));
    await expect(fails()).rejects.toThrow('no answer');
  });
});
