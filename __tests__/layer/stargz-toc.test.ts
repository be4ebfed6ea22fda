import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_INNER_OFFSET } from '../../src/bytes/inner-offset.ts';
import { chunkCount, digestKey } from '../../src/layer/chunk-table.ts';
import { parseLayerToc } from '../../src/layer/layer-toc.ts';
import { isStargzOwnName } from '../../src/layer/stargz-names.ts';
import { tocOfMember } from '../../src/layer/toc-member.ts';
import { digestOfKey } from '../../src/oci/digest-key.ts';
import { editJson, jsonEdit } from '../fuzz/json-edits.ts';
import { sampleDigest } from '../support/descriptors.ts';
import { buildStargzLayer, type StargzLayerOptions } from '../support/stargz-layer.ts';
import { footerOf } from '../support/stored-chunks.ts';
import { file, paxSparse, symlink, tar, tarEntry } from '../support/tar-builder.ts';

const END = 10_000;
const reg = (more: object = {}) => ({
  type: 'reg',
  name: 'a',
  size: 10,
  offset: 100,
  digest: sampleDigest(1),
  chunkDigest: sampleDigest(1),
  ...more,
});
const cut = (...more: object[]) => {
  const parts = [
    reg({ size: 30, chunkSize: 10, chunkDigest: sampleDigest(2) }),
    { type: 'chunk', name: 'a', offset: 120, chunkOffset: 10, chunkSize: 12, chunkDigest: sampleDigest(3) },
    { type: 'chunk', name: 'a', offset: 160, chunkOffset: 22, chunkDigest: sampleDigest(4) },
  ];
  return parts.map((part, index) => ({ ...part, ...more[index] }));
};
const parse = (entries: unknown, more: object = {}) =>
  parseLayerToc(JSON.stringify({ version: 1, entries, ...more }), END);

function rows(entries: unknown) {
  const toc = parse(entries);
  if (toc.kind === 'unusable') throw new Error(toc.reason);
  expect(toc.dialect).toBe('stargz');
  const { table, innerOffsets } = toc;
  return Array.from({ length: chunkCount(table) }, (_, index) => {
    const start = table.offsets[index] as number;
    return {
      digest: digestOfKey(digestKey(table.digests, index)),
      range: [start, start + (table.compressedSizes[index] as number)],
      inner: innerOffsets?.[index],
      size: table.sizes[index],
    };
  });
}

describe('a stargz TOC', () => {
  it('has members that go on to the next one, and the last to the end of the data', () => {
    expect(rows([reg(), reg({ offset: 150, chunkDigest: sampleDigest(5) })])).toEqual([
      { digest: sampleDigest(1), range: [100, 150], inner: 0, size: 10 },
      { digest: sampleDigest(5), range: [150, END], inner: 0, size: 10 },
    ]);
  });

  it('lists the chunks of a file, the last with what is left of it', () => {
    expect(rows(cut())).toEqual([
      { digest: sampleDigest(2), range: [100, 120], inner: 0, size: 10 },
      { digest: sampleDigest(3), range: [120, 160], inner: 0, size: 12 },
      { digest: sampleDigest(4), range: [160, END], inner: 0, size: 8 },
    ]);
  });

  it('takes a last chunk that says its size', () => {
    expect(rows(cut({}, {}, { chunkSize: 8 })).at(-1)).toMatchObject({ size: 8 });
  });

  it('gives chunks that share a member the range of the member', () => {
    const shared = [
      reg({ offset: undefined, innerOffset: 512 }),
      reg({ offset: undefined, innerOffset: 1536 }),
      reg(),
    ];
    expect(rows(shared)).toMatchObject([
      { range: [0, 100], inner: 512 },
      { range: [0, 100], inner: 1536 },
      { range: [100, END], inner: 0 },
    ]);
  });

  it('takes the digest of the file for that of its only chunk', () => {
    expect(rows([reg({ chunkDigest: undefined })])).toMatchObject([{ digest: sampleDigest(1) }]);
  });

  it('says by entry which chunks are its own', () => {
    const toc = parse([
      { type: 'dir' },
      ...cut(),
      { type: 'reg', digest: sampleDigest(0) },
      reg({ offset: 200 }),
    ]);
    expect(toc).toMatchObject({ kind: 'toc', table: { firstChunk: Uint32Array.of(0, 0, 3, 3, 4) } });
  });

  it.each<[string, unknown, string]>([
    ['a chunk without its file', [cut()[1]], 'malformed entry'],
    [
      'a chunk behind a directory',
      [{ type: 'dir' }, reg({ offset: 90 }), { type: 'dir' }, cut()[1]],
      'cannot be located',
    ],
    ['a chunk behind an empty file', [reg({ offset: 90 }), { type: 'reg' }, cut()[1]], 'cannot be located'],
    ['an unknown type', [reg(), { type: 'socket' }], 'malformed entry'],
    ['null', [reg(), null], 'malformed entry'],
    ['no offset', [reg({ offset: undefined })], 'cannot be located'],
    ['a negative offset', [reg({ offset: -1 })], 'cannot be located'],
    ['a fraction for an offset', [reg({ offset: 1.5 })], 'cannot be located'],
    ['text for an offset', [reg({ offset: '100' })], 'cannot be located'],
    ['an offset in the TOC', [reg({ offset: END })], 'cannot be located'],
    ['a negative inner offset', [reg({ innerOffset: -1 })], 'cannot be located'],
    ['an inner offset beyond 2^53', [reg({ innerOffset: 2 ** 53 })], 'cannot be located'],
    ['a chunk that lies deep in its member', [reg({ innerOffset: MAX_INNER_OFFSET + 1 })], 'too deep'],
    ['a chunk that ends beyond 2^53', [reg({ innerOffset: 2, size: 2 ** 53 - 1 })], 'cannot be located'],
    ['a negative size', [reg(), reg({ size: -1, offset: 200 })], 'cannot be located'],
    ['a size of 2^60', [reg({ size: 2 ** 60 })], 'cannot be located'],
    ['a chunk larger than its file', [reg({ chunkSize: 11 })], 'cannot be located'],
    ['a negative chunk size', [reg({ chunkSize: -1 })], 'cannot be located'],
    ['chunks that do not fill the file', cut({}, {}, { chunkSize: 7 }), 'cannot be located'],
    [
      'chunks behind the end of the file',
      [...cut(), { ...cut()[2], offset: 200, chunkOffset: 30 }],
      'cannot be located',
    ],
    ['chunks that leave a gap', cut({}, { chunkOffset: 11 }), 'cannot be located'],
    ['a first chunk that does not say its size', cut({ chunkSize: undefined }), 'cannot be located'],
    ['chunks in another order', cut({}, { offset: 170 }), 'cannot be located'],
    ['chunks at one place', cut({}, { offset: 100 }), 'cannot be located'],
    ['chunks that overlap in their member', cut({}, { offset: 100, innerOffset: 9 }), 'cannot be located'],
    ['files at one place', [reg(), reg()], 'cannot be located'],
    ['files in another order', [reg(), reg({ offset: 90 })], 'cannot be located'],
    ['no digest', [reg({ chunkDigest: undefined, digest: undefined })], 'no digest'],
    ['a digest of another algorithm', [reg({ chunkDigest: `sha512:${'a'.repeat(128)}` })], 'no digest'],
    [
      'chunks without digests, as in legacy stargz',
      cut({ chunkDigest: undefined }, { chunkDigest: undefined }, { chunkDigest: undefined }),
      'no digest',
    ],
  ])('is unusable with %s', (_, entries, reason) => {
    expect(parse(entries)).toEqual({ kind: 'unusable', reason: expect.stringContaining(reason) });
  });

  it.each([
    '',
    '[]',
    'null',
    '{"version":2,"entries":[]}',
    '{"entries":[]}',
    '{"version":1,"entries":{}}',
    '{"version":1}x',
  ])('is unusable if it is %j', (json) =>
    expect(parseLayerToc(json, END)).toMatchObject({ kind: 'unusable' }),
  );

  it('may have no entries', () => {
    expect(parse(null)).toMatchObject({ kind: 'toc', table: { firstChunk: Uint32Array.of(0) } });
  });

  it.each<[string, StargzLayerOptions]>([
    ['eStargz', {}],
    ['zstd:chunked', { compression: 'zstd' }],
  ])('never throws, and never leads out of the data, however it is edited (%s)', (_, options) => {
    const layer = buildStargzLayer(
      [
        { name: 'a', body: 'x'.repeat(50) },
        { name: 'b', body: 'yy' },
      ],
      {
        ...options,
        chunkSize: 20,
      },
    );
    const document: unknown = JSON.parse(layer.tocText);
    fc.assert(
      fc.property(fc.array(jsonEdit, { minLength: 1, maxLength: 4 }), (edits) => {
        const toc = parseLayerToc(JSON.stringify(editJson(document, edits)) ?? '', layer.dataEnd);
        if (toc.kind === 'unusable') return;
        const { offsets, compressedSizes, sizes } = toc.table;
        for (let index = 0; index < offsets.length; index++) {
          const [offset, compressedSize] = [offsets[index] as number, compressedSizes[index] as number];
          expect(compressedSize).toBeGreaterThan(0);
          expect(offset).toBeGreaterThanOrEqual(0);
          expect(offset + compressedSize).toBeLessThanOrEqual(layer.dataEnd);
          expect(sizes[index]).toBeGreaterThanOrEqual(0);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('never throws for any JSON', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (json) => {
        expect(['toc', 'unusable']).toContain(parseLayerToc(json, END).kind);
      }),
    );
  });

  it('stays fast with very many entries in one member', () => {
    const many = Array.from({ length: 100_000 }, (_, index) =>
      reg({ offset: undefined, innerOffset: 512 + index * 512, name: `f${index}` }),
    );
    const json = JSON.stringify({ version: 1, entries: many });
    const started = performance.now();
    expect(parseLayerToc(json, END)).toMatchObject({ kind: 'toc' });
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});

describe('tocOfMember', () => {
  const toc = (body: string) => file('stargz.index.json', body, { mode: 0, mtime: 0 });

  it('finds the JSON that a layer was written with', () => {
    const { blob, tocText, dataEnd } = buildStargzLayer([{ name: 'a', body: 'x' }]);
    const footer = footerOf(blob);
    if (footer.kind !== 'estargz') throw new Error(footer.kind);
    const archive = gunzipSync(blob.subarray(dataEnd, footer.tocRange.end));
    expect(Buffer.from(tocOfMember(archive) ?? []).toString()).toBe(tocText);
  });

  it('does not mind a missing end of the archive', () => {
    expect(Buffer.from(tocOfMember(toc('{}')) ?? []).toString()).toBe('{}');
  });

  it.each<[string, Uint8Array]>([
    ['nothing', Buffer.alloc(0)],
    ['an empty archive', tar()],
    ['no archive', Buffer.alloc(512, 'x')],
    ['another file', tar(file('a', '{}'))],
    ['another file in front', tar(file('a', '{}'), toc('{}'))],
    ['a link of that name', tar(symlink('stargz.index.json', 'a'))],
    ['half of a header', toc('{}').subarray(0, 300)],
    ['half of the file', toc('x'.repeat(600)).subarray(0, 700)],
    ['a file that says it is huge', tarEntry({ name: 'stargz.index.json', body: '{}', size: 2 ** 50 })],
    ['a file of no bytes', tar(toc(''))],
    [
      'a sparse file',
      tar(
        paxSparse('0.1', 'stargz.index.json', {
          size: 600,
          regions: [
            [0, 'a'],
            [512, 'b'],
          ],
        }),
      ),
    ],
  ])('finds none in %s', (_, archive) => expect(tocOfMember(archive)).toBeUndefined());

  it('never throws', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => tocOfMember(bytes) === undefined));
  });
});

describe('isStargzOwnName', () => {
  it.each([
    'stargz.index.json',
    '.prefetch.landmark',
    '.no.prefetch.landmark',
    './.prefetch.landmark',
    '/stargz.index.json',
    './/stargz.index.json',
  ])('knows %s', (name) => expect(isStargzOwnName(name)).toBe(true));
  it.each([
    '',
    'a/stargz.index.json',
    '.prefetch.landmark/',
    'stargz.index.jsonx',
    '.wh..prefetch.landmark',
    '../stargz.index.json',
    'STARGZ.INDEX.JSON',
  ])('does not take %j for one', (name) => expect(isStargzOwnName(name)).toBe(false));
});
