import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FrameInfo, FrameWalker, isZstdMagic, scanFrames } from '../../src/compression/zstd-frames.ts';
import { fixtureImage } from '../support/fixture-image.ts';
import { thrown } from '../support/pull-error.ts';
import { slices } from '../support/slices.ts';
import {
  type Block,
  bomb,
  buildFrame,
  type FrameSpec,
  sizeOf,
  skippableFrame,
} from '../support/zstd-frame.ts';

const raw = (size: number): Block => ({ kind: 'raw', bytes: Buffer.alloc(size, 'x') });
const rle = (size: number): Block => ({ kind: 'rle', size, byte: 7 });

function walk(parts: readonly Uint8Array[]): { frames: FrameInfo[]; pending: number } {
  const walker = new FrameWalker();
  const frames: FrameInfo[] = [];
  for (const part of parts) {
    for (let at = 0; at < part.length; ) {
      const { consumed, frame } = walker.advance(part, at);
      at += consumed;
      if (frame) frames.push(frame);
    }
  }
  return { frames, pending: walker.pending };
}

describe('isZstdMagic', () => {
  it.each([
    ['a frame', buildFrame({ blocks: [raw(1)] }), true],
    ['the first skippable frame', skippableFrame(Buffer.of(1)), true],
    ['the last skippable frame', skippableFrame(Buffer.of(1), 15), true],
    ['one past the skippable frames', skippableFrame(Buffer.of(1), 16), false],
    ['three bytes of a magic number', buildFrame({ blocks: [raw(1)] }).subarray(0, 3), false],
    ['nothing', Buffer.alloc(0), false],
    ['gzip', Buffer.of(0x1f, 0x8b, 8, 0), false],
  ])('%s', (_, bytes, expected) => expect(isZstdMagic(bytes)).toBe(expected));
});

describe('scanFrames', () => {
  const headers: [string, FrameSpec][] = [
    ['no content size', { blocks: [raw(5)] }],
    ['a single segment with a content size of one byte', { blocks: [raw(200)], singleSegment: true }],
    ['a content size of two bytes', { blocks: [raw(300)], contentSizeBytes: 2 }],
    ['a content size of two bytes, the smallest', { blocks: [raw(256)], contentSizeBytes: 2 }],
    ['a content size of four bytes', { blocks: [raw(70_000)], contentSizeBytes: 4 }],
    ['a content size of eight bytes', { blocks: [raw(9)], contentSizeBytes: 8 }],
    ['a single segment of two bytes', { blocks: [raw(300)], contentSizeBytes: 2, singleSegment: true }],
    ['a single segment of eight bytes', { blocks: [raw(3)], contentSizeBytes: 8, singleSegment: true }],
    ['repeated bytes', { blocks: [rle(100_000)] }],
    ['several blocks', { blocks: [raw(10), rle(2000), raw(0), raw(3)] }],
    ['nothing in it', { blocks: [raw(0)] }],
    ['a window of eighths', { blocks: [raw(10)], window: [10, 7] }],
    ['the largest window', { blocks: [raw(10)], window: [27] }],
  ];

  it.each(headers)('measures a frame with %s', (_, spec) => {
    const frame = buildFrame(spec);
    const size = sizeOf(spec.blocks);
    expect(zstdDecompressSync(frame)).toHaveLength(size);
    expect(scanFrames(frame)).toEqual([
      { skippable: false, compressedSize: frame.length, maxSize: size, blockBound: size },
    ]);
  });

  it.each([0, 1, 15])('measures a skippable frame of variant %i', (variant) => {
    expect(scanFrames(skippableFrame(Buffer.alloc(33), variant))).toMatchObject([
      { skippable: true, compressedSize: 41 },
    ]);
  });

  it('measures an empty skippable frame between others', () => {
    const frame = buildFrame({ blocks: [raw(3)] });
    const found = scanFrames(
      Buffer.concat([skippableFrame(Buffer.alloc(0)), frame, skippableFrame(Buffer.alloc(0))]),
    );
    expect(found.map(({ skippable, compressedSize }) => [skippable, compressedSize])).toEqual([
      [true, 8],
      [false, frame.length],
      [true, 8],
    ]);
  });

  it('counts the checksum to the frame', () => {
    const spec = { blocks: [raw(5)] };
    const [plain, checked] = [buildFrame(spec), buildFrame({ ...spec, checksum: true })];
    expect(scanFrames(Buffer.concat([checked, plain])).map((frame) => frame.compressedSize)).toEqual([
      plain.length + 4,
      plain.length,
    ]);
  });

  it('tells what the header claims from what the blocks can hold', () => {
    expect(scanFrames(bomb(40, 10))).toMatchObject([{ maxSize: 10, blockBound: 40 << 17 }]);
    expect(scanFrames(bomb(40))).toMatchObject([{ maxSize: 40 << 17, blockBound: 40 << 17 }]);
  });

  it('reads content sizes beyond 32 bits', () => {
    const frame = buildFrame({ blocks: [raw(1)], contentSizeBytes: 8, contentSize: 2 ** 40 + 3 });
    expect(scanFrames(frame)).toMatchObject([{ maxSize: 2 ** 40 + 3 }]);
  });

  it('finds nothing in nothing', () => expect(scanFrames(Buffer.alloc(0))).toEqual([]));

  const broken: [string, Buffer][] = [
    ['is no frame', Buffer.from('just text')],
    ['is followed by something else', Buffer.concat([buildFrame({ blocks: [raw(1)] }), Buffer.from('junk')])],
    ['has its reserved bit set', buildFrame({ blocks: [raw(1)], reservedBit: true })],
    ['has a block of the reserved type', buildFrame({ blocks: [raw(1), { kind: 'reserved' }] })],
    ['needs a dictionary (1 byte)', buildFrame({ blocks: [raw(1)], dictionaryBytes: 1 })],
    ['needs a dictionary (2 bytes)', buildFrame({ blocks: [raw(1)], dictionaryBytes: 2 })],
    ['needs a dictionary (4 bytes)', buildFrame({ blocks: [raw(1)], dictionaryBytes: 4 })],
    ['is a skippable frame cut off', skippableFrame(Buffer.alloc(9)).subarray(0, 12)],
  ];
  it.each(broken)('refuses what %s', (_, bytes) => {
    thrown('TAR_INVALID', () => scanFrames(bytes));
  });

  it('refuses a frame cut off at any byte', () => {
    const frame = buildFrame({ blocks: [raw(5), rle(9)], contentSizeBytes: 4, checksum: true });
    for (let length = 1; length < frame.length; length++) {
      thrown('TAR_INVALID', () => scanFrames(frame.subarray(0, length)));
    }
  });

  it.each<[string, FrameSpec]>([
    ['one eighth above 2^27', { blocks: [raw(1)], window: [27, 1] }],
    ['of 2^41', { blocks: [raw(1)], window: [41, 7] }],
    [
      'of a single segment above 2^27',
      { blocks: [raw(1)], singleSegment: true, contentSizeBytes: 4, contentSize: 2 ** 27 + 1 },
    ],
  ])('refuses a window %s', (_, spec) => {
    thrown('LIMIT_EXCEEDED', () => scanFrames(buildFrame(spec)));
  });
});

const blocks = fc.array(
  fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map((bytes): Block => ({ kind: 'raw', bytes })),
    fc.record({ kind: fc.constant('rle' as const), size: fc.nat(5000), byte: fc.nat(255) }),
  ),
  { minLength: 1, maxLength: 5 },
);
const frame = fc
  .tuple(blocks, fc.constantFrom(0, 4, 8), fc.boolean(), fc.boolean())
  .map(([content, contentSizeBytes, checksum, singleSegment]) =>
    contentSizeBytes === 0
      ? buildFrame({ blocks: content, checksum })
      : buildFrame({ blocks: content, checksum, singleSegment, contentSizeBytes: contentSizeBytes as 4 | 8 }),
  );
const piece = fc.oneof(
  frame,
  fc
    .tuple(fc.uint8Array({ maxLength: 60 }), fc.nat(15))
    .map(([payload, variant]) => skippableFrame(payload, variant)),
);

describe('FrameWalker', () => {
  it('finds the same frames however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
        (pieces, lengths) => {
          const bytes = Buffer.concat(pieces);
          const { frames, pending } = walk(slices(bytes, lengths));
          expect(frames).toEqual(scanFrames(bytes));
          expect(frames.map((found) => found.compressedSize)).toEqual(pieces.map((one) => one.length));
          expect(pending).toBe(0);
        },
      ),
    );
  });

  it('counts the bytes of an unfinished frame', () => {
    const bytes = buildFrame({ blocks: [raw(100)] });
    expect(walk([bytes, bytes.subarray(0, 42)])).toMatchObject({ frames: [{}], pending: 42 });
  });

  it('never gives a bound below what a real frame holds', () => {
    const content = fc.oneof(
      fc.uint8Array({ maxLength: 3000 }).map((bytes) => Buffer.from(bytes)),
      fc
        .tuple(fc.string(), fc.nat(20_000))
        .map(([text, times]) => Buffer.from(text.slice(0, 9).repeat(times))),
    );
    const settings = fc.record({
      level: fc.constantFrom(1, 3, 9, 19),
      checksum: fc.boolean(),
      sized: fc.boolean(),
    });
    fc.assert(
      fc.property(content, settings, (bytes, { level, checksum, sized }) => {
        const params = {
          [constants.ZSTD_c_compressionLevel]: level,
          [constants.ZSTD_c_checksumFlag]: checksum ? 1 : 0,
        };
        const compressed = zstdCompressSync(bytes, {
          params,
          ...(sized ? { pledgedSrcSize: bytes.length } : {}),
        });
        const [found, ...others] = scanFrames(compressed);
        expect(others).toEqual([]);
        expect(found?.compressedSize).toBe(compressed.length);
        expect(found?.maxSize).toBeGreaterThanOrEqual(bytes.length);
        expect(found?.blockBound).toBeGreaterThanOrEqual(bytes.length);
        if (sized) expect(found?.maxSize).toBe(bytes.length);
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ['zstd', 'v1', 0],
    ['zstd-chunked', 'v1', 3],
    ['zstd-chunked', 'v2', 3],
    ['zstd-chunked-legacy', 'v1', 2],
  ] as const)('covers every layer of the %s image %s', (format, tag, skippable) => {
    const image = fixtureImage(tag, format);
    for (const layer of image.layers) {
      const bytes = image.bytes(layer);
      const frames = scanFrames(bytes);
      expect(frames.reduce((sum, one) => sum + one.compressedSize, 0)).toBe(layer.size);
      expect(frames.filter((one) => one.skippable)).toHaveLength(skippable);
      expect(walk(slices(bytes, [4096, 1, 77])).frames).toEqual(frames);
    }
  });
});
