import { describe, expect, it } from 'vitest';
import { type ChunkTable, chunkCount, digestKey } from '../../src/layer/chunk-table.ts';
import { parseLayerToc } from '../../src/layer/layer-toc.ts';
import { digestOfKey } from '../../src/oci/digest-key.ts';
import { buildChunkedLayer, type TocEntry } from '../support/chunked-layer.ts';
import { sampleDigest } from '../support/descriptors.ts';

const END = 10_000;
const file = (more: object = {}) => ({
  type: 'reg',
  name: 'a',
  size: 10,
  digest: sampleDigest(1),
  offset: 100,
  endOffset: 150,
  ...more,
});
const chunks = (...more: object[]) => {
  const parts = [
    file({ size: 30, endOffset: 180, chunkSize: 10, chunkDigest: sampleDigest(2) }),
    { type: 'chunk', name: 'a', offset: 120, chunkOffset: 10, chunkSize: 12, chunkDigest: sampleDigest(3) },
    { type: 'chunk', name: 'a', offset: 160, chunkOffset: 22, chunkSize: 8, chunkDigest: sampleDigest(4) },
  ];
  return parts.map((part, index) => ({ ...part, ...more[index] }));
};

function parse(entries: unknown, more: object = {}) {
  return parseLayerToc(JSON.stringify({ version: 1, entries, ...more }), END);
}

function rows(table: ChunkTable) {
  return Array.from({ length: chunkCount(table) }, (_, index) => ({
    digest: digestOfKey(digestKey(table.digests, index)),
    start: table.offsets[index],
    end: (table.offsets[index] as number) + (table.compressedSizes[index] as number),
    size: table.sizes[index],
  }));
}

function parsed(entries: unknown, more: object = {}) {
  const toc = parse(entries, more);
  if (toc.kind === 'unusable') throw new Error(toc.reason);
  return { rows: rows(toc.table), firstChunk: [...toc.table.firstChunk], tarSplitDigest: toc.tarSplitDigest };
}

describe('parseLayerToc', () => {
  it('lists a file as one chunk', () => {
    expect(parsed([file()])).toEqual({
      rows: [{ digest: sampleDigest(1), start: 100, end: 150, size: 10 }],
      firstChunk: [0, 1],
      tarSplitDigest: undefined,
    });
  });

  it('lists the chunks of a file', () => {
    expect(parsed(chunks())).toMatchObject({
      rows: [
        { digest: sampleDigest(2), start: 100, end: 120, size: 10 },
        { digest: sampleDigest(3), start: 120, end: 160, size: 12 },
        { digest: sampleDigest(4), start: 160, end: 180, size: 8 },
      ],
      firstChunk: [0, 3],
    });
  });

  it('says by entry which chunks are its own', () => {
    const entries = [
      { type: 'dir', name: 'd/' },
      file(),
      { type: 'symlink', name: 's', linkName: 'a' },
      { type: 'reg', name: 'empty' },
      ...chunks({ offset: 200, endOffset: 280 }, { offset: 220 }, { offset: 260 }),
      { type: 'hardlink', name: 'h', linkName: 'a', size: 5 },
      { type: 'char', name: 'c' },
      { type: 'block', name: 'b' },
      { type: 'fifo', name: 'f' },
    ];
    expect(parsed(entries).firstChunk).toEqual([0, 0, 1, 1, 1, 4, 4, 4, 4, 4]);
  });

  it.each([[null], [undefined], [[]]])('takes entries %j for none', (entries) => {
    expect(parsed(entries)).toMatchObject({ rows: [], firstChunk: [0] });
  });

  it('hands over the digest of the tar-split', () => {
    expect(parsed([], { tarSplitDigest: sampleDigest(5) }).tarSplitDigest).toBe(sampleDigest(5));
  });

  it.each(['__proto__', 'constructor', 'toString', '', '../x', '/abs', './x', '\ufffd', 'x'.repeat(5000)])(
    'does not mind the name %j',
    (name) => {
      expect(parsed([file({ name }), file({ name, offset: 150, endOffset: 160 })]).firstChunk).toEqual([
        0, 1, 2,
      ]);
    },
  );

  it.each([
    ['a key __proto__', '{"version":1,"entries":[{"__proto__":{"type":"reg"},"type":"dir"}]}'],
    ['unknown keys', '{"version":1,"new":true,"entries":[{"type":"dir","new":{}}]}'],
    ['white space', '\n {"version":1, "entries":[{"type":"dir"}]}\n'],
    ['a key that stands twice', '{"version":1,"entries":null,"entries":[{"type":"dir"}]}'],
  ])('does not mind %s', (_, json) => expect(parseLayerToc(json, END)).toMatchObject({ kind: 'toc' }));

  it('takes a hole for data', () => {
    expect(parsed(chunks({}, { chunkType: 'zeros' }, { chunkType: 'new' })).rows).toHaveLength(3);
  });

  it('takes a file that ends where the data ends', () => {
    expect(parsed([file({ endOffset: END })]).rows).toHaveLength(1);
  });

  it('takes the same content at two places', () => {
    expect(parsed([file(), file({ offset: 150, endOffset: 200 })]).rows).toHaveLength(2);
  });

  it.each<[string, object[]]>([
    ['leave a gap', chunks({}, { chunkOffset: 11 })],
    ['overlap', chunks({}, { chunkOffset: 9 })],
    ['do not add up', chunks({}, {}, { chunkSize: 9 })],
    ['have a negative size', chunks({}, { chunkSize: -12 })],
    ['have a size that is no number', chunks({}, { chunkSize: '12' })],
    ['have no digest', chunks({}, { chunkDigest: undefined })],
    ['have a digest of another algorithm', chunks({}, { chunkDigest: `sha512:${'a'.repeat(128)}` })],
    ['lie in another order', chunks({}, { offset: 170 })],
    ['have no place', chunks({}, { offset: undefined })],
    ['lie at the same place', chunks({}, { offset: 100 })],
    ['lie behind the file', chunks({}, {}, { offset: 180 })],
    ['begin in the middle', chunks({ chunkOffset: 1 })],
  ])('takes a file whose chunks %s as one', (_, entries) => {
    expect(parsed(entries).rows).toEqual([{ digest: sampleDigest(1), start: 100, end: 180, size: 30 }]);
  });

  it.each<[string, unknown]>([
    ['not a list', {}],
    ['text', 'reg'],
    ['null', [null]],
    ['a number', [1]],
    ['a list', [[]]],
    ['without a type', [file({ type: undefined })]],
    ['of an unknown type', [file({ type: 'socket' })]],
    ['of a type that every object has', [file({ type: 'constructor' })]],
    ['a chunk without its file', [chunks()[1]]],
    ['a chunk behind a directory', [{ type: 'dir' }, chunks()[1]]],
    ['a chunk behind an empty file', [{ type: 'reg' }, chunks()[1]]],
    ['without an offset', [file({ offset: undefined })]],
    ['without an end', [file({}), file({ name: 'b', endOffset: undefined })]],
    ['with a negative offset', [file({ offset: -1 })]],
    ['with a fraction for an offset', [file({ offset: 100.5 })]],
    ['with text for an offset', [file({ offset: '100' })]],
    ['with an offset beyond 2^53', [file({ offset: 2 ** 53, endOffset: 2 ** 53 + 2 })]],
    ['of no stored bytes', [file({ endOffset: 100 })]],
    ['that ends before it begins', [file({ endOffset: 99 })]],
    ['that ends behind the data', [file({ endOffset: END + 1 })]],
    ['with a negative size', [file({ size: -1 })]],
    ['with text for a size', [file({ size: '10' })]],
    ['without a digest', [file({ digest: undefined })]],
    ['with a malformed digest', [file({ digest: 'sha256:12' })]],
    ['with a digest that is no text', [file({ digest: { length: 71 } })]],
    ['with a digest of another algorithm', [file({ digest: `sha512:${'a'.repeat(128)}` })]],
    ['that overlaps the one before', [file(), file({ offset: 149, endOffset: 160 })]],
    ['at the same place as the one before', [file(), file()]],
    ['in front of the one before', [file(), file({ offset: 10, endOffset: 20 })]],
    ['with unusable chunks and no digest of its own', chunks({ digest: undefined }, { chunkOffset: 11 })],
  ])('finds a TOC with an entry %s unusable', (_, entries) => {
    expect(parse(entries)).toEqual({ kind: 'unusable', reason: expect.stringMatching(/^its TOC /) });
  });

  it.each([
    ['nothing', ''],
    ['half of a document', '{"version":1,"entries":['],
    ['something behind the document', '{"version":1,"entries":[]}{}'],
    ['text', '"toc"'],
    ['null', 'null'],
    ['a list', '[]'],
    ['no version', '{"entries":[]}'],
    ['another version', '{"version":2,"entries":[]}'],
    ['a version as text', '{"version":"1","entries":[]}'],
    ['a malformed tarSplitDigest', '{"version":1,"entries":[],"tarSplitDigest":"sha256:"}'],
    ['a tarSplitDigest that is no text', '{"version":1,"entries":[],"tarSplitDigest":7}'],
  ])('finds %s unusable', (_, json) => expect(parseLayerToc(json, END)).toMatchObject({ kind: 'unusable' }));

  it('lists a built layer as it was built', () => {
    const layer = buildChunkedLayer([
      { name: 'etc/', type: '5' },
      { name: 'etc/small', body: 'small file' },
      { name: 'etc/cut', chunks: ['one', Buffer.alloc(2000), 'three'] },
      { name: 'etc/link', type: '2', linkName: 'small' },
    ]);
    const toc = parseLayerToc(layer.tocText, layer.dataEnd);
    if (toc.kind !== 'toc') throw new Error(toc.reason);
    expect(toc.tarSplitDigest).toBe(layer.tarSplitDigest);
    expect([...toc.table.firstChunk]).toEqual([0, 0, 1, 4, 4]);
    expect(rows(toc.table)).toEqual(
      layer.chunks.map(({ digest, start, end, content }) => ({ digest, start, end, size: content.length })),
    );
  });

  it('stays fast with very many entries', () => {
    const many = Array.from({ length: 100_000 }, (_, index): TocEntry => {
      const at = { offset: index * 10, endOffset: index * 10 + 10 };
      return { type: 'reg', name: `f${index}`, size: 5, digest: sampleDigest(index), ...at };
    });
    const started = performance.now();
    const toc = parseLayerToc(JSON.stringify({ version: 1, entries: many }), 1_000_000);
    expect(toc).toMatchObject({ kind: 'toc' });
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});
