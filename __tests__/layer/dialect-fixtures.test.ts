// Every chunked format that real tools wrote, against the real content of those layers.
import { beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '../../src/integrity/hash.ts';
import { chunkCount, digestKey } from '../../src/layer/chunk-table.ts';
import { gapTable, segmentsOf } from '../../src/layer/gap-table.ts';
import { type LayerToc, parseLayerToc } from '../../src/layer/layer-toc.ts';
import { isStargzOwnName } from '../../src/layer/stargz-names.ts';
import { tocEntries } from '../../src/layer/toc-entries.ts';
import { digestOfKey } from '../../src/oci/digest-key.ts';
import type { TarEntry } from '../../src/tar/entry.ts';
import { type FixtureFormat, fixtureImage } from '../support/fixture-image.ts';
import { decode, decodeChunk, type OpenLayer, openLayer, tarEntries } from '../support/stored-chunks.ts';

const FORMATS = [
  ['zstd-chunked', { dialect: 'containers', kind: 'zstd-chunked', footer: 'zstd-chunked' }],
  ['zstd-chunked-legacy', { dialect: 'containers', kind: 'zstd-chunked', footer: 'zstd-chunked' }],
  ['zstd-chunked-stargz', { dialect: 'stargz', kind: 'zstd-chunked', footer: 'zstd-chunked' }],
  ['estargz', { dialect: 'stargz', kind: 'estargz', footer: 'estargz' }],
] as const satisfies readonly (readonly [FixtureFormat, object])[];

const layers = FORMATS.flatMap(([format, expected]) =>
  ['v1', 'v2'].flatMap((tag) =>
    fixtureImage(tag, format).layers.map((layer, index) => ({ format, expected, tag, index, layer })),
  ),
);

describe.each(layers)('layer $index of the $format image $tag', ({ format, expected, tag, index, layer }) => {
  const image = fixtureImage(tag, format);
  const config = JSON.parse(image.bytes(image.config).toString()) as { rootfs: { diff_ids: string[] } };
  let open: OpenLayer;
  let toc: LayerToc;
  let tar: Buffer;

  beforeAll(async () => {
    open = await openLayer(layer, image.bytes(layer));
    const parsed = parseLayerToc(open.json.toString(), open.located.dataEnd);
    if (parsed.kind !== 'toc') throw new Error(parsed.reason);
    toc = parsed;
    tar = await decode(open.blob.subarray(0, open.located.streamEnd));
  });

  it('is recognised', () => {
    expect(open.dialect.kind).toBe(expected.kind);
    expect(open.footer.kind).toBe(expected.footer);
    expect(toc.dialect).toBe(expected.dialect);
  });

  it('has a footer that tells the same as its annotations', () => {
    const { located, footer } = open;
    expect(footer).toMatchObject({ tocRange: located.toc.range, dataEnd: located.dataEnd });
    if (footer.kind !== 'zstd-chunked') return;
    expect(footer.tocUncompressedSize).toBe(open.json.length);
    expect(footer.tarSplitRange).toEqual(located.tarSplit?.range);
    expect(located.tarSplit !== undefined).toBe(format === 'zstd-chunked');
  });

  it('has the TOC that its digests name', () => {
    const { range, digest, jsonDigest } = open.located.toc;
    const actual = {
      digest: digestOf(open.blob.subarray(range.start, range.end)),
      jsonDigest: digestOf(open.json),
    };
    expect([digest, jsonDigest].filter(Boolean)).not.toEqual([]);
    if (digest) expect(actual.digest).toBe(digest);
    if (jsonDigest) expect(actual.jsonDigest).toBe(jsonDigest);
  });

  it('has chunks that decode to what their digests name', async () => {
    for (let chunk = 0; chunk < chunkCount(toc.table); chunk++)
      expect(digestOf(await decodeChunk(open.blob, toc, chunk))).toBe(
        digestOfKey(digestKey(toc.table.digests, chunk)),
      );
  });

  it('has the tar stream of its diff_id in its chunks and gaps', async () => {
    const gaps = gapTable(toc, open.located.streamEnd);
    if (gaps.kind === 'whole') {
      expect({ index, reason: gaps.reason }).toEqual({ index: 1, reason: 'no chunk stands alone' });
      return;
    }
    const parts: Buffer[] = [];
    let chunkBytes = 0;
    for (const segment of segmentsOf(gaps)) {
      const part = await decode(open.blob.subarray(segment.range.start, segment.range.end));
      if (segment.kind === 'chunk') {
        chunkBytes += segment.range.end - segment.range.start;
        expect(digestOf(part)).toBe(digestOfKey(digestKey(toc.table.digests, segment.index)));
      }
      parts.push(part);
    }
    expect(digestOf(Buffer.concat(parts))).toBe(config.rootfs.diff_ids[index]);
    expect(gaps.chunkBytes).toBe(chunkBytes);
    expect(chunkBytes).toBeGreaterThan(0);
  });

  it('has the entries of its tar stream', () => {
    const listed = tocEntries(toc);
    if (listed.kind !== 'entries') throw new Error(listed.reason);
    const isStargz = expected.dialect === 'stargz';
    const wanted = tarEntries(tar).filter(({ path }) => !(isStargz && isStargzOwnName(path)));
    const found = listed.entries.filter(({ isOwn }) => !isOwn).map(({ entry }) => entry);
    expect(found).toEqual(isStargz ? wanted.map(roundTime) : wanted);
  });

  it('has entries whose chunks add up to their files', () => {
    const listed = tocEntries(toc);
    if (listed.kind !== 'entries') throw new Error(listed.reason);
    for (const { entry, firstChunk, endChunk } of listed.entries) {
      const sizes = toc.table.sizes.subarray(firstChunk, endChunk);
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(entry.size);
    }
  });
});

/** As stargz-snapshotter does. */
function roundTime(entry: TarEntry): TarEntry {
  return { ...entry, mtime: Math.round(entry.mtime) };
}

it('the fixtures hold what is easily lost: attributes, devices, links, names beyond ASCII', () => {
  const image = fixtureImage('v1', 'zstd-chunked');
  const [layer] = image.layers;
  if (!layer) throw new Error('no layer');
  return openLayer(layer, image.bytes(layer)).then(({ json, located }) => {
    const toc = parseLayerToc(json.toString(), located.dataEnd);
    const listed = toc.kind === 'toc' ? tocEntries(toc) : toc;
    const entries = listed.kind === 'entries' ? listed.entries.map(({ entry }) => entry) : [];
    expect(entries.some(({ xattrs }) => xattrs !== undefined)).toBe(true);
    expect(new Set(entries.map(({ kind }) => kind)).size).toBeGreaterThanOrEqual(6);
    expect(entries.some(({ path }) => /[^ -~]/.test(path))).toBe(true);
  });
});
