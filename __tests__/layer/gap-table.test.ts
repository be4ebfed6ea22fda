import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/integrity/hash.ts';
import {
  gapTable,
  type Segment,
  type StoredChunks,
  segmentsOf,
  sharesMembers,
} from '../../src/layer/gap-table.ts';
import { type LayerToc, parseLayerToc } from '../../src/layer/layer-toc.ts';
import { buildChunkedLayer } from '../support/chunked-layer.ts';
import {
  buildStargzLayer,
  PREFETCH_LANDMARK,
  type StargzLayer,
  type StargzLayerOptions,
} from '../support/stargz-layer.ts';
import { decode, decodeChunk, footerOf, openLayer } from '../support/stored-chunks.ts';
import type { TarItem } from '../support/tar-builder.ts';

const ITEMS: readonly TarItem[] = [
  { name: 'd/', type: '5', mode: 0o755 },
  { name: 'd/big', body: Buffer.from(Array.from({ length: 5000 }, (_, index) => index % 251)) },
  { name: 'd/small', body: 'small' },
  { name: 'd/block', body: Buffer.alloc(1024, 'b') },
  { name: 'd/link', type: '2', linkName: 'small' },
  { name: 'd/empty' },
];
const CUT = { chunkSize: 1000 };

function tocOf({ tocText, dataEnd }: { tocText: string; dataEnd: number }): LayerToc {
  const toc = parseLayerToc(tocText, dataEnd);
  if (toc.kind !== 'toc') throw new Error(toc.reason);
  return toc;
}

function segments(layer: StoredChunks, streamEnd: number): Segment[] {
  const gaps = gapTable(layer, streamEnd);
  if (gaps.kind === 'whole') throw new Error(gaps.reason);
  return [...segmentsOf(gaps)];
}

/** From gaps of the blob, and chunks from wherever they are. */
async function rebuild(blob: Buffer, parts: readonly Segment[], chunk: (index: number) => Uint8Array) {
  const decoded = parts.map((part) =>
    part.kind === 'gap' ? decode(blob.subarray(part.range.start, part.range.end)) : chunk(part.index),
  );
  return Buffer.concat(await Promise.all(decoded));
}

/** [start, compressed size] by chunk, one chunk an entry. */
function table(chunks: readonly (readonly [number, number])[]): StoredChunks {
  return {
    innerOffsets: undefined,
    table: {
      digests: new Uint8Array(32 * chunks.length),
      offsets: Float64Array.from(chunks, ([start]) => start),
      compressedSizes: Float64Array.from(chunks, ([, size]) => size),
      sizes: new Float64Array(chunks.length),
      firstChunk: Uint32Array.from({ length: chunks.length + 1 }, (_, index) => index),
    },
  };
}

describe('gapTable', () => {
  it('has a gap wherever no chunk is', () => {
    expect(
      segments(
        table([
          [10, 5],
          [15, 5],
          [30, 10],
        ]),
        50,
      ),
    ).toEqual([
      { kind: 'gap', range: { start: 0, end: 10 } },
      { kind: 'chunk', index: 0, range: { start: 10, end: 15 } },
      { kind: 'chunk', index: 1, range: { start: 15, end: 20 } },
      { kind: 'gap', range: { start: 20, end: 30 } },
      { kind: 'chunk', index: 2, range: { start: 30, end: 40 } },
      { kind: 'gap', range: { start: 40, end: 50 } },
    ]);
  });

  it('has no gap where there is nothing', () => {
    expect(segments(table([[0, 50]]), 50)).toEqual([
      { kind: 'chunk', index: 0, range: { start: 0, end: 50 } },
    ]);
  });

  it('counts what need not be fetched', () => {
    expect(
      gapTable(
        table([
          [10, 5],
          [30, 10],
        ]),
        50,
      ),
    ).toMatchObject({ chunkBytes: 15 });
  });

  it.each<[string, StoredChunks]>([
    [
      'overlap',
      table([
        [10, 10],
        [15, 10],
      ]),
    ],
    [
      'lie in another order',
      table([
        [30, 5],
        [10, 5],
      ]),
    ],
    ['end behind the stream', table([[45, 10]])],
    ['hold nothing', table([[10, 0]])],
    ['lie at no place', table([[Number.NaN, 5]])],
  ])('takes a layer whose chunks %s whole', (_, chunks) => {
    expect(gapTable(chunks, 50)).toEqual({ kind: 'whole', reason: 'chunks out of order' });
  });

  it('takes a layer without content whole', () => {
    expect(gapTable(table([]), 50)).toEqual({ kind: 'whole', reason: 'no chunks' });
  });

  it('lets every chunk of an old zstd:chunked layer come from elsewhere', async () => {
    const { blob, chunks, diffId, dataEnd, tocText } = buildChunkedLayer(
      [{ name: 'a', chunks: ['one', Buffer.alloc(3000), 'three'] }, { name: 'b', body: 'b' }, { name: 'c' }],
      { generation: 'legacy' },
    );
    const parts = segments(tocOf({ tocText, dataEnd }), dataEnd);
    expect(parts.filter(({ kind }) => kind === 'chunk')).toHaveLength(chunks.length);
    expect(digestOf(await rebuild(blob, parts, (index) => chunks[index]?.content ?? Buffer.alloc(0)))).toBe(
      diffId,
    );
  });
});

describe.each<[string, StargzLayerOptions]>([
  ['eStargz', {}],
  ['eStargz, lossless', { lossless: true }],
  ['eStargz with a TOC elsewhere', { footer: 'external' }],
  ['zstd:chunked of stargz-snapshotter', { compression: 'zstd' }],
])('the gaps of %s', (_, options) => {
  const streamEnd = ({ blob, dataEnd }: StargzLayer) =>
    options.compression === 'zstd' ? dataEnd : blob.length;
  const build = (more: StargzLayerOptions = CUT, items = ITEMS) =>
    buildStargzLayer(items, { ...options, ...more });

  async function check(layer: StargzLayer): Promise<number[]> {
    const parts = segments(tocOf(layer), streamEnd(layer));
    const rebuilt = await rebuild(layer.blob, parts, (index) => layer.chunks[index] ?? Buffer.alloc(0));
    expect(digestOf(rebuilt)).toBe(layer.diffId);
    return parts.flatMap((part) => (part.kind === 'chunk' ? [part.index] : []));
  }

  it('leave the chunks of a cut file but the last to come from elsewhere', async () => {
    expect(await check(build())).toEqual([0, 1, 2, 3, 6]);
  });

  it('hold landmarks like any other file', async () => {
    expect(await check(build(CUT, [PREFETCH_LANDMARK, ...ITEMS]))).toHaveLength(5);
  });

  it('hold every member that several chunks share', async () => {
    const layer = build({ ...CUT, minChunkSize: 1500 });
    expect(sharesMembers(tocOf(layer))).toBe(true);
    expect(gapTable(tocOf(layer), streamEnd(layer))).toEqual({
      kind: 'whole',
      reason: 'chunks share members',
    });
  });

  it('leave chunks that have their member to themselves though others share theirs', async () => {
    const layer = build({ chunkSize: 2000, minChunkSize: 1700 });
    expect(sharesMembers(tocOf(layer))).toBe(true);
    expect(await check(layer)).not.toEqual([]);
  });

  it('are all there is where no file is cut', () => {
    const layer = build({});
    expect(gapTable(tocOf(layer), streamEnd(layer))).toEqual({
      kind: 'whole',
      reason: 'no chunk stands alone',
    });
  });

  it('make the exact tar stream, whatever the files and the chunk sizes', async () => {
    const item = fc.record({ size: fc.nat(3000), seed: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(item, { maxLength: 8 }),
        fc.integer({ min: 100, max: 1500 }),
        fc.nat(3000),
        async (files, chunkSize, minChunkSize) => {
          const items = files.map(({ size, seed }, index) => ({
            name: `f${index}`,
            body: Buffer.alloc(size, seed),
          }));
          const layer = build({ chunkSize, minChunkSize }, items);
          const toc = tocOf(layer);
          for (const [index, content] of layer.chunks.entries())
            expect(content.equals(await decodeChunk(layer.blob, toc, index))).toBe(true);
          if (gapTable(toc, streamEnd(layer)).kind === 'gaps') await check(layer);
        },
      ),
      { numRuns: 60 },
    );
  });
});

it('a TOC elsewhere leaves a footer that says so', () => {
  const { blob, dataEnd } = buildStargzLayer(ITEMS, { footer: 'external' });
  expect(footerOf(blob)).toEqual({ kind: 'estargz-external', dataEnd });
});

it('a built layer is opened like a real one', async () => {
  for (const compression of ['gzip', 'zstd'] as const) {
    const layer = buildStargzLayer(ITEMS, { compression });
    const open = await openLayer(layer.descriptor, layer.blob);
    expect(open.json.toString()).toBe(layer.tocText);
    expect(digestOf(await decode(layer.blob.subarray(0, open.located.streamEnd)))).toBe(layer.diffId);
  }
});
