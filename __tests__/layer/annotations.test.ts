import { describe, expect, it } from 'vitest';
import { MAX_METADATA_BYTES } from '../../src/layer/annotations.ts';
import { detectDialect } from '../../src/layer/dialect.ts';
import { buildChunkedLayer, type Generation } from '../support/chunked-layer.ts';
import { sampleDigest } from '../support/descriptors.ts';
import { fixtureImage } from '../support/fixture-image.ts';

const CURRENT = 'io.github.containers.zstd-chunked.';
const LEGACY = 'io.containers.zstd-chunked.';
const SIZE = 10_000;
const digest = sampleDigest(1);
const splitDigest = sampleDigest(2);
const good = {
  'manifest-checksum': digest,
  'manifest-position': '5000:300:1200:1',
  'tarsplit-position': '5308:200:900',
};

function detect(annotations: Readonly<Record<string, string>>, prefix = CURRENT, size = SIZE) {
  const named = Object.entries(annotations).map(([key, value]) => [
    key.includes('/') ? key : prefix + key,
    value,
  ]);
  return detectDialect({
    mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd',
    digest: sampleDigest(9),
    size,
    annotations: Object.assign(Object.create(null), Object.fromEntries(named)),
  });
}

describe('detectDialect', () => {
  const chunked = {
    kind: 'zstd-chunked',
    compression: 'zstd',
    toc: { range: { start: 5000, end: 5300 }, digest, jsonDigest: undefined },
    tarSplit: { range: { start: 5308, end: 5508 }, digest: undefined },
    dataEnd: 4992,
    streamEnd: 4992,
  };

  it('knows the current annotations', () => expect(detect(good)).toEqual(chunked));

  it('knows the annotations from before 2023', () => expect(detect(good, LEGACY)).toEqual(chunked));

  it('takes the digest of the tar-split where the descriptor has it', () => {
    expect(detect({ ...good, 'tarsplit-checksum': splitDigest })).toMatchObject({
      kind: 'zstd-chunked',
      tarSplit: { digest: splitDigest },
    });
  });

  it('prefers the current annotations where both generations are there', () => {
    const both = Object.fromEntries([
      ...Object.entries(good).map(([key, value]) => [`${CURRENT}${key}`, value]),
      [`${LEGACY}manifest-checksum`, sampleDigest(7)],
    ]);
    expect(detectDialect({ mediaType: 'x', digest: sampleDigest(9), size: SIZE, annotations: both })).toEqual(
      chunked,
    );
  });

  it('is not put off by an eStargz annotation beside them', () => {
    expect(detect({ ...good, 'containerd.io/snapshot/stargz/toc.digest': sampleDigest(3) })).toEqual({
      ...chunked,
      toc: { ...chunked.toc, jsonDigest: sampleDigest(3) },
    });
  });

  it('takes a tar-split of no bytes', () => {
    expect(detect({ ...good, 'tarsplit-position': '5308:0:0' })).toMatchObject({
      tarSplit: { range: { start: 5308, end: 5308 } },
    });
  });

  it('ignores the uncompressed lengths, which may lie', () => {
    const lying = { 'manifest-position': '5000:300:999999999999999:1', 'tarsplit-position': '5308:200:0' };
    expect(detect({ ...good, ...lying })).toEqual(chunked);
  });

  it('takes metadata that ends with the blob', () => {
    expect(detect(good, CURRENT, 5508)).toEqual(chunked);
  });

  it.each<[string, Record<string, string>]>([
    ['no annotations', {}],
    ['a position without a checksum', { 'manifest-position': good['manifest-position'] }],
  ])('takes a layer with %s for a plain one, without a reason', (_, annotations) => {
    expect(detect(annotations)).toEqual({ kind: 'plain' });
  });

  it.each<[string, Record<string, string>]>([
    ['an empty checksum', { 'manifest-checksum': '' }],
    ['a checksum without algorithm', { 'manifest-checksum': digest.slice(7) }],
    ['a checksum in capitals', { 'manifest-checksum': `sha256:${'AB'.repeat(32)}` }],
    ['a checksum of sha512', { 'manifest-checksum': `sha512:${'a'.repeat(128)}` }],
    ['a checksum that is too short', { 'manifest-checksum': digest.slice(0, -1) }],
    ['an empty position', { 'manifest-position': '' }],
    ['a position that is no number', { 'manifest-position': 'a:b:c:1' }],
    ['a position of three fields', { 'manifest-position': '5000:300:1200' }],
    ['a position of five fields', { 'manifest-position': '5000:300:1200:1:1' }],
    ['another type', { 'manifest-position': '5000:300:1200:2' }],
    ['a negative offset', { 'manifest-position': '-5000:300:1200:1' }],
    ['a negative length', { 'manifest-position': '5000:-300:1200:1' }],
    ['spaces', { 'manifest-position': ' 5000:300:1200:1' }],
    ['junk behind', { 'manifest-position': '5000:300:1200:1:junk' }],
    ['a line feed behind', { 'manifest-position': '5000:300:1200:1\n' }],
    ['a hexadecimal offset', { 'manifest-position': '0x10:300:1200:1' }],
    ['a fraction', { 'manifest-position': '5000.5:300:1200:1' }],
    ['an offset of 2^63', { 'manifest-position': '9223372036854775808:300:1200:1' }],
    ['a TOC that begins behind the blob', { 'manifest-position': '10001:300:1200:1' }],
    ['a TOC that ends behind the blob', { 'manifest-position': '9900:300:1200:1' }],
    ['a TOC of no bytes', { 'manifest-position': '5000:0:0:1' }],
    ['a TOC without room for its skippable header', { 'manifest-position': '7:300:1200:1' }],
    ['no tar-split', { 'tarsplit-position': '' }],
    ['a tar-split of four fields', { 'tarsplit-position': '5308:200:900:1' }],
    ['a tar-split of two fields', { 'tarsplit-position': '5308:200' }],
    ['a tar-split that ends behind the blob', { 'tarsplit-position': '9900:200:900' }],
    ['a tar-split checksum that is none', { 'tarsplit-checksum': 'sha256:x' }],
  ])('takes a layer with %s for a plain one, with a reason', (_, change) => {
    expect(detect({ ...good, ...change })).toEqual({ kind: 'plain', reason: expect.stringMatching(/^it/) });
  });

  it('does not read TOCs and tar-splits that are too large', () => {
    const size = 4 * MAX_METADATA_BYTES;
    const toc = (length: number) => ({ ...good, 'manifest-position': `5000:${length}:1:1` });
    expect(detect(toc(MAX_METADATA_BYTES), CURRENT, size)).toMatchObject({ kind: 'zstd-chunked' });
    expect(detect(toc(MAX_METADATA_BYTES + 1), CURRENT, size)).toMatchObject({ kind: 'plain' });
    const tarSplit = { ...good, 'tarsplit-position': `5308:${MAX_METADATA_BYTES + 1}:1` };
    expect(detect(tarSplit, CURRENT, size)).toMatchObject({ kind: 'plain' });
  });

  it.each<[Generation, boolean]>([
    ['toc', true],
    ['annotation', true],
    ['legacy', false],
  ])('takes a layer as written by generation "%s" for a chunked one', (generation, hasTarSplit) => {
    const layer = buildChunkedLayer([{ name: 'a', body: 'content' }], { generation });
    const dialect = detectDialect(layer.descriptor);
    expect(dialect).toMatchObject({
      kind: 'zstd-chunked',
      toc: { range: layer.toc },
      dataEnd: layer.dataEnd,
    });
    expect(dialect.kind === 'zstd-chunked' && dialect.tarSplit !== undefined).toBe(hasTarSplit);
  });

  it.each([
    ['zstd-chunked', 'zstd-chunked'],
    ['zstd-chunked-legacy', 'zstd-chunked'],
    ['zstd', 'plain'],
    ['gzip', 'plain'],
    ['none', 'plain'],
  ] as const)('takes the layers of the %s image for %s ones', (format, kind) => {
    for (const layer of fixtureImage('v1', format).layers)
      expect(detectDialect(layer)).toMatchObject({ kind });
  });
});
