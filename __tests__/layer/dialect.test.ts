import { describe, expect, it } from 'vitest';
import { type Dialect, detectDialect, locateToc, MIN_PROBED_SIZE } from '../../src/layer/dialect.ts';
import type { Footer } from '../../src/layer/footer.ts';
import { sampleDigest } from '../support/descriptors.ts';

const P1 = 'io.github.containers.zstd-chunked.';
const P0 = 'io.containers.zstd-chunked.';
const STARGZ = 'containerd.io/snapshot/stargz/toc.digest';
const SIZE = 10_000;
const ZSTD = 'application/vnd.oci.image.layer.v1.tar+zstd';
const GZIP = 'application/vnd.oci.image.layer.v1.tar+gzip';
const digest = sampleDigest(1);
const jsonDigest = sampleDigest(3);
const toc = (prefix: string) => ({
  [`${prefix}manifest-checksum`]: digest,
  [`${prefix}manifest-position`]: '5000:300:1200:1',
});
const split = (prefix: string) => ({ [`${prefix}tarsplit-position`]: '5308:200:900' });

function detect(annotations: Record<string, string>, mediaType = ZSTD, size = SIZE): Dialect {
  return detectDialect({
    mediaType,
    digest: sampleDigest(9),
    size,
    annotations: Object.assign(Object.create(null), annotations),
  });
}

const located = {
  kind: 'zstd-chunked',
  compression: 'zstd',
  toc: { range: { start: 5000, end: 5300 }, digest, jsonDigest: undefined },
  tarSplit: { range: { start: 5308, end: 5508 }, digest: undefined },
  dataEnd: 4992,
  streamEnd: 4992,
};

describe('detectDialect', () => {
  it('knows zstd:chunked with a tar-split', () => {
    expect(detect({ ...toc(P1), ...split(P1) })).toEqual(located);
  });

  it.each([P0, P1])('knows zstd:chunked without a tar-split (%s)', (prefix) => {
    expect(detect(toc(prefix))).toEqual({ ...located, tarSplit: undefined });
  });

  it('takes the digest of the tar-split where the descriptor has it', () => {
    const annotations = { ...toc(P1), ...split(P1), [`${P1}tarsplit-checksum`]: sampleDigest(2) };
    expect(detect(annotations)).toMatchObject({ tarSplit: { digest: sampleDigest(2) } });
  });

  it('takes both digests of the TOC where stargz-snapshotter gives them', () => {
    expect(detect({ ...toc(P0), [STARGZ]: jsonDigest })).toEqual({
      ...located,
      tarSplit: undefined,
      toc: { ...located.toc, jsonDigest },
    });
  });

  it('prefers zstd:chunked where eStargz is annotated too', () => {
    expect(detect({ ...toc(P1), ...split(P1), [STARGZ]: jsonDigest })).toMatchObject({
      kind: 'zstd-chunked',
    });
  });

  it('is not put off by a malformed eStargz annotation beside zstd:chunked', () => {
    expect(detect({ ...toc(P1), ...split(P1), [STARGZ]: 'x' })).toEqual(located);
  });

  it('knows eStargz', () => {
    const annotations = { [STARGZ]: jsonDigest, 'io.containers.estargz.uncompressed-size': '11996672' };
    expect(detect(annotations, GZIP)).toEqual({ kind: 'estargz', jsonDigest, uncompressedSize: 11_996_672 });
  });

  it.each(['', '-1', '1e3', '0x10', ' 1', '1\n', '9'.repeat(16)])(
    'ignores the uncompressed size %j',
    (size) => {
      const annotations = { [STARGZ]: jsonDigest, 'io.containers.estargz.uncompressed-size': size };
      expect(detect(annotations, GZIP)).toEqual({ kind: 'estargz', jsonDigest, uncompressedSize: undefined });
    },
  );

  it.each([
    ['gzip', GZIP],
    ['zstd', ZSTD],
    ['gzip, in the words of Docker', 'application/vnd.docker.image.rootfs.diff.tar.gzip'],
  ])('wants to see the footer of a large layer in %s', (_, mediaType) => {
    expect(detect({}, mediaType, MIN_PROBED_SIZE)).toEqual({ kind: 'maybe' });
    expect(detect({}, mediaType, MIN_PROBED_SIZE - 1)).toEqual({ kind: 'plain' });
  });

  it.each(['application/vnd.oci.image.layer.v1.tar', 'application/vnd.in-toto+json', ''])(
    'wants to see no footer of a layer of type "%s"',
    (mediaType) => expect(detect({}, mediaType, 1 << 30)).toEqual({ kind: 'plain' }),
  );

  it.each<[string, Record<string, string>, string]>([
    [
      'a malformed TOC digest',
      { [`${P1}manifest-checksum`]: 'sha256:x' },
      'its TOC annotations are malformed',
    ],
    ['no TOC position', { [`${P1}manifest-checksum`]: digest }, 'its TOC annotations are malformed'],
    [
      'three fields',
      { ...toc(P1), [`${P1}manifest-position`]: '5000:300:1200' },
      'its TOC annotations are malformed',
    ],
    [
      'type 2',
      { ...toc(P1), [`${P1}manifest-position`]: '5000:300:1200:2' },
      'its TOC annotations are malformed',
    ],
    [
      'junk behind',
      { ...toc(P1), [`${P1}manifest-position`]: '5000:300:1200:1:junk' },
      'its TOC annotations are malformed',
    ],
    [
      'a negative offset',
      { ...toc(P1), [`${P1}manifest-position`]: '-1:300:1200:1' },
      'its TOC annotations are malformed',
    ],
    [
      'a TOC behind the blob',
      { ...toc(P1), [`${P1}manifest-position`]: '9900:300:1200:1' },
      'its TOC annotations are malformed',
    ],
    [
      'a TOC of no bytes',
      { ...toc(P1), [`${P1}manifest-position`]: '5000:0:0:1' },
      'its TOC annotations are malformed',
    ],
    [
      'a TOC at the very start',
      { ...toc(P1), [`${P1}manifest-position`]: '7:300:1200:1' },
      'its TOC annotations are malformed',
    ],
    [
      'a malformed tar-split',
      { ...toc(P1), [`${P1}tarsplit-position`]: '5308:200' },
      'its tar-split annotations are malformed',
    ],
    [
      'a tar-split behind the blob',
      { ...toc(P1), [`${P1}tarsplit-position`]: '9900:200:1' },
      'its tar-split annotations are malformed',
    ],
    [
      'a malformed tar-split digest',
      { ...toc(P1), ...split(P1), [`${P1}tarsplit-checksum`]: 'x' },
      'its tar-split annotations are malformed',
    ],
    ['a malformed eStargz digest', { [STARGZ]: 'sha512:aa' }, 'its TOC annotations are malformed'],
  ])('takes a layer with %s for a plain one, and says why', (_, annotations, reason) => {
    expect(detect(annotations)).toEqual({ kind: 'plain', reason });
  });
});

describe('locateToc', () => {
  const estargz = { kind: 'estargz', jsonDigest, uncompressedSize: undefined } as const;
  const maybe = { kind: 'maybe' } as const;
  const gzip: Footer = { kind: 'estargz', tocRange: { start: 5000, end: 9949 }, dataEnd: 5000 };
  const zstd: Footer = {
    kind: 'zstd-chunked',
    tocRange: { start: 5000, end: 5300 },
    tocUncompressedSize: 1200,
    tarSplitRange: { start: 5308, end: 5508 },
    dataEnd: 4992,
  };

  it('finds the TOC of eStargz, whose archive goes on to the end of the blob', () => {
    expect(locateToc(estargz, gzip, SIZE)).toEqual({
      kind: 'located',
      compression: 'gzip',
      toc: { range: { start: 5000, end: 9949 }, digest: undefined, jsonDigest },
      tarSplit: undefined,
      dataEnd: 5000,
      streamEnd: SIZE,
    });
  });

  it('finds a TOC for which nothing vouches', () => {
    expect(locateToc(maybe, zstd, SIZE)).toEqual({
      ...located,
      kind: 'located',
      toc: { ...located.toc, digest: undefined },
    });
    expect(locateToc(maybe, gzip, SIZE)).toMatchObject({ toc: { digest: undefined, jsonDigest: undefined } });
  });

  it('says that the TOC is in another image, and what its JSON hashes to', () => {
    expect(locateToc(estargz, { kind: 'estargz-external', dataEnd: 9954 }, SIZE)).toEqual({
      kind: 'external',
      compression: 'gzip',
      jsonDigest,
      dataEnd: 9954,
      streamEnd: 9954,
    });
  });

  it.each<[string, Parameters<typeof locateToc>[0], Footer, string | undefined]>([
    [
      'no footer, but an annotation',
      estargz,
      { kind: 'none', reason: 'it has no footer' },
      'it has no footer',
    ],
    ['no footer and no annotation', maybe, { kind: 'none', reason: 'it has no footer' }, undefined],
    [
      'a broken footer',
      maybe,
      { kind: 'none', reason: 'its footer is malformed' },
      'its footer is malformed',
    ],
    [
      'its TOC elsewhere and no annotation',
      maybe,
      { kind: 'estargz-external', dataEnd: 9954 },
      'its TOC is in another image, which nothing vouches for',
    ],
    ['the older format', maybe, { ...gzip, kind: 'stargz' }, 'its format gives no digests of chunks'],
  ])('takes a layer with %s for a plain one', (_, dialect, footer, reason) => {
    expect(locateToc(dialect, footer, SIZE)).toEqual(
      reason === undefined ? { kind: 'plain' } : { kind: 'plain', reason },
    );
  });
});
