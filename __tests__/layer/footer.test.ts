import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_METADATA_BYTES } from '../../src/layer/annotations.ts';
import { FOOTER_TAIL_BYTES, type FooterFault, parseFooter } from '../../src/layer/footer.ts';
import { MAX_TOC_SIZE } from '../../src/layer/toc.ts';
import { buildChunkedLayer } from '../support/chunked-layer.ts';
import { buildStargzLayer, gzipFooter, zstdFooter } from '../support/stargz-layer.ts';
import { footerOf } from '../support/stored-chunks.ts';
import { skippableFrame } from '../support/zstd-frame.ts';

const SIZE = 10_000;
const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
const gen = {
  d: (...fields: (number | bigint)[]) => skippableFrame(zstdFooter(fields, 'GNUlInUx')),
  a: (...fields: (number | bigint)[]) => skippableFrame(zstdFooter(fields)),
  c: (...fields: (number | bigint)[]) =>
    skippableFrame(Buffer.concat([zstdFooter(fields), Buffer.alloc(16)])),
};
const none = (reason: FooterFault) => ({ kind: 'none', reason });

describe('parseFooter', () => {
  it.each<[string, Buffer, number, object]>([
    [
      'of skopeo 1.9.3',
      hex(
        '502a4d18 28000000 0f0c170000000000 b30c000000000000 1631000000000000 0100000000000000 476e556c496e5578',
      ),
      1_513_714,
      {
        kind: 'zstd-chunked',
        tocRange: { start: 1_510_415, end: 1_513_666 },
        tocUncompressedSize: 12_566,
        tarSplitRange: undefined,
        dataEnd: 1_510_407,
      },
    ],
    [
      'of skopeo 1.22',
      hex(`502a4d18 40000000 920b170000000000 dd0c000000000000 402b000000000000 0100000000000000
        7718170000000000 4806000000000000 8473000000000000 474e556c496e5578`),
      1_515_271,
      {
        kind: 'zstd-chunked',
        tocRange: { start: 1_510_290, end: 1_513_583 },
        tocUncompressedSize: 11_072,
        tarSplitRange: { start: 1_513_591, end: 1_515_199 },
        dataEnd: 1_510_282,
      },
    ],
    [
      'of eStargz',
      hex(`1f8b0804 00000000 00ff 1a00 5347 1600 30303030303030303030313730666263 53544152475a 010000ffff
        0000000000000000`),
      1_520_000,
      {
        kind: 'estargz',
        tocRange: { start: 0x170fbc, end: 1_519_949 },
        dataEnd: 0x170fbc,
      },
    ],
  ])('reads the footer %s, byte for byte as it was seen', (_, bytes, size, footer) => {
    expect(parseFooter(bytes, size)).toEqual(footer);
    const longer = Buffer.concat([Buffer.alloc(FOOTER_TAIL_BYTES - bytes.length, 0xaa), bytes]);
    expect(parseFooter(longer, size)).toEqual(footer);
  });

  it('knows the generation that left its tar-split out', () => {
    expect(parseFooter(gen.c(5000, 300, 1200, 1), SIZE)).toEqual({
      kind: 'zstd-chunked',
      tocRange: { start: 5000, end: 5300 },
      tocUncompressedSize: 1200,
      tarSplitRange: undefined,
      dataEnd: 4992,
    });
  });

  it('knows legacy stargz', () => {
    expect(parseFooter(gzipFooter('stargz', 5000), SIZE)).toEqual({
      kind: 'stargz',
      tocRange: { start: 5000, end: SIZE - 47 },
      dataEnd: 5000,
    });
  });

  it('knows an eStargz whose TOC is elsewhere', () => {
    expect(parseFooter(gzipFooter('external', 0), SIZE)).toEqual({
      kind: 'estargz-external',
      dataEnd: SIZE - 46,
    });
  });

  it('takes a tar-split of no bytes', () => {
    expect(parseFooter(gen.d(5000, 300, 1200, 1, 5308, 0, 0), SIZE)).toMatchObject({
      tarSplitRange: { start: 5308, end: 5308 },
    });
  });

  it.each([
    ['zstd:chunked', buildChunkedLayer([{ name: 'a', body: 'x' }]), 'zstd-chunked'],
    [
      'old zstd:chunked',
      buildChunkedLayer([{ name: 'a', body: 'x' }], { generation: 'legacy' }),
      'zstd-chunked',
    ],
    ['eStargz', buildStargzLayer([{ name: 'a', body: 'x' }]), 'estargz'],
    [
      "stargz-snapshotter's zstd:chunked",
      buildStargzLayer([{ name: 'a' }], { compression: 'zstd' }),
      'zstd-chunked',
    ],
  ])('finds where the data of a built layer ends (%s)', (_, { blob, dataEnd }, kind) => {
    expect(footerOf(blob)).toMatchObject({ kind, dataEnd });
  });

  it.each<[string, Buffer, FooterFault]>([
    ['nothing', Buffer.alloc(0), 'it has no footer'],
    ['zeros', Buffer.alloc(72), 'it has no footer'],
    ['a footer cut off in front', gen.d(5000, 300, 1200, 1, 5308, 200, 900).subarray(1), 'it has no footer'],
    ['a footer cut off behind', gen.a(5000, 300, 1200, 1).subarray(0, -1), 'it has no footer'],
    ['another magic', skippableFrame(zstdFooter([5000, 300, 1200, 1], 'GnUlInUX')), 'it has no footer'],
    [
      'the magic of the other generation',
      skippableFrame(zstdFooter([5000, 300, 1200, 1], 'GNUlInUx')),
      'it has no footer',
    ],
    ['a frame of another length', skippableFrame(Buffer.alloc(41)), 'it has no footer'],
    ['no skippable frame', zstdFooter([5000, 300, 1200, 1]), 'it has no footer'],
    ['another type', gen.a(5000, 300, 1200, 2), 'its footer is malformed'],
    ['a TOC of no bytes', gen.a(5000, 0, 0, 1), 'its footer is malformed'],
    ['an offset of 2^63', gen.a(2n ** 63n, 300, 1200, 1), 'its footer is malformed'],
    ['a length of 2^64 - 1', gen.a(5000, 2n ** 64n - 1n, 1200, 1), 'its footer is malformed'],
    [
      'a sum beyond 2^53',
      gen.a(2n ** 53n - 1n, 2n ** 53n - 1n, 1200, 1),
      'its footer points outside of the blob',
    ],
    [
      'a TOC without room for its skippable header',
      gen.a(7, 300, 1200, 1),
      'its footer points outside of the blob',
    ],
    [
      'a TOC that reaches into the footer',
      gen.a(9653, 300, 1200, 1),
      'its footer points outside of the blob',
    ],
    ['a TOC behind the blob', gen.a(SIZE, 300, 1200, 1), 'its footer points outside of the blob'],
    [
      'a tar-split inside of the TOC',
      gen.d(5000, 300, 1200, 1, 5299, 200, 900),
      'its footer points outside of the blob',
    ],
    [
      'a tar-split that reaches into the footer',
      gen.d(5000, 300, 1200, 1, 9729, 200, 900),
      'its footer points outside of the blob',
    ],
    ['a TOC that says it is huge', gen.a(5000, 300, MAX_TOC_SIZE + 1, 1), 'its TOC is too large'],
    [
      'an offset in gzip behind the blob',
      gzipFooter('estargz', SIZE - 51),
      'its footer points outside of the blob',
    ],
    ['an offset in gzip of 2^60', gzipFooter('estargz', 2 ** 60), 'its footer is malformed'],
    [
      'capitals for digits',
      Buffer.from(gzipFooter('estargz', 0xabc).toString('latin1').replace('abc', 'ABC'), 'latin1'),
      'it has no footer',
    ],
    [
      'a sign among digits',
      Buffer.from(gzipFooter('estargz', 0).toString('latin1').replace('0000000', '-000000'), 'latin1'),
      'it has no footer',
    ],
    [
      'something behind the footer',
      Buffer.concat([gzipFooter('estargz', 5000), Buffer.alloc(1)]),
      'it has no footer',
    ],
    [
      'a line feed behind the footer',
      Buffer.concat([gzipFooter('estargz', 5000), Buffer.from('\n')]),
      'it has no footer',
    ],
    [
      'an extra field of no bytes',
      hex('1f8b08040000000000ff 0000 010000ffff 0000000000000000'),
      'it has no footer',
    ],
    [
      'a short extra field',
      hex('1f8b08040000000000ff 0400 53471600 010000ffff 0000000000000000'),
      'it has no footer',
    ],
  ])('finds no footer in %s', (_, tail, reason) => expect(parseFooter(tail, SIZE)).toEqual(none(reason)));

  it.each(Array.from({ length: 51 }, (_, index) => index))('minds byte %i of an eStargz footer', (at) => {
    const bytes = gzipFooter('estargz', 5000);
    bytes[at] = (bytes[at] ?? 0) ^ 0x80;
    expect(parseFooter(bytes, SIZE)).toEqual(none('it has no footer'));
  });

  it('does not lead to TOCs that are too large', () => {
    const size = 4 * MAX_METADATA_BYTES;
    const most = MAX_METADATA_BYTES;
    expect(parseFooter(gen.a(8, most, 1, 1), size)).toMatchObject({ kind: 'zstd-chunked' });
    expect(parseFooter(gen.a(8, most + 1, 1, 1), size)).toEqual(none('its TOC is too large'));
    expect(parseFooter(gen.d(8, 9, 1, 1, 17, most + 1, 1), size)).toEqual(none('its TOC is too large'));
    expect(parseFooter(gzipFooter('estargz', size - 51 - most), size)).toMatchObject({ kind: 'estargz' });
    expect(parseFooter(gzipFooter('estargz', size - 52 - most), size)).toEqual(none('its TOC is too large'));
  });

  it('does not believe a tail that is longer than its blob', () => {
    expect(parseFooter(gzipFooter('estargz', 0), 50)).toEqual(none('it has no footer'));
  });

  it('never throws, and never leads out of the blob', () => {
    const near = fc
      .tuple(
        fc.constantFrom(
          gzipFooter('estargz', 5000),
          gen.d(5000, 300, 1200, 1, 5308, 200, 900),
          gen.a(1, 2, 3, 1),
        ),
        fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 6 }),
      )
      .map(([bytes, edits]) => {
        const copy = Buffer.from(bytes);
        for (const [at, value] of edits) if (at < copy.length) copy[at] = value;
        return copy;
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), near), fc.nat(20_000), (tail, size) => {
        const footer = parseFooter(tail, size);
        if (footer.kind === 'none') return;
        expect(footer.dataEnd).toBeGreaterThanOrEqual(0);
        expect(footer.dataEnd).toBeLessThan(size);
        if (footer.kind === 'estargz-external') return;
        expect(footer.tocRange.start).toBeGreaterThanOrEqual(footer.dataEnd);
        expect(footer.tocRange.end).toBeGreaterThan(footer.tocRange.start);
        expect(footer.tocRange.end).toBeLessThan(size);
      }),
      { numRuns: 2000 },
    );
  });
});
