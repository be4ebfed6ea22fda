import { randomBytes } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeFrames } from '../../src/compression/zstd.ts';
import { loadNativeDecompress } from '../../src/compression/zstd-native.ts';
import { memoryGrowth } from '../support/memory.ts';
import { rejected } from '../support/pull-error.ts';
import { bomb, buildFrame, skippableFrame } from '../support/zstd-frame.ts';

const MIB = 1 << 20;
const hello = zstdCompressSync(Buffer.from('hello '));
const world = zstdCompressSync(Buffer.from('world'));

const decoders: [string, typeof loadNativeDecompress][] = [
  ['the native decoder', loadNativeDecompress],
  ['node:zlib alone', () => undefined],
];

it.runIf(process.platform === 'linux' && process.arch === 'x64')('finds a native decoder', () => {
  expect(loadNativeDecompress()).toBeTypeOf('function');
});

describe.each(decoders)('decodeFrames with %s', (_, load) => {
  const decode = async (bytes: Uint8Array, size: number) =>
    Buffer.from(await decodeFrames(bytes, size, load));

  it('decodes a frame', async () => expect((await decode(hello, 6)).toString()).toBe('hello '));

  it('decodes all frames, skippable ones left out', async () => {
    const bytes = Buffer.concat([skippableFrame(Buffer.from('x')), hello, skippableFrame(hello), world]);
    expect((await decode(bytes, 11)).toString()).toBe('hello world');
  });

  it('decodes a part of a larger buffer', async () => {
    const bytes = Buffer.concat([world, hello, world]);
    expect((await decode(bytes.subarray(world.length, -world.length), 6)).toString()).toBe('hello ');
  });

  it('decodes nothing to nothing', async () => expect(await decode(Buffer.alloc(0), 0)).toHaveLength(0));

  it('decodes frames that hold nothing', async () => {
    const empty = zstdCompressSync(Buffer.alloc(0));
    expect(await decode(Buffer.concat([empty, empty]), 0)).toHaveLength(0);
  });

  it('decodes a frame that does not tell its size', async () => {
    const frame = buildFrame({
      blocks: [
        { kind: 'rle', size: 100_000 },
        { kind: 'raw', bytes: Buffer.from('end') },
      ],
    });
    expect(await decode(frame, 100_003)).toEqual(Buffer.concat([Buffer.alloc(100_000), Buffer.from('end')]));
  });

  it('decodes a large chunk of zeros', async () => {
    const size = 40 * MIB;
    expect((await decode(zstdCompressSync(Buffer.alloc(size)), size)).every((byte) => byte === 0)).toBe(true);
  });

  it('gives back what was compressed, in any number of frames', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }), async (parts) => {
        const content = Buffer.concat(parts);
        const frames = Buffer.concat(parts.map((part) => zstdCompressSync(part)));
        expect(await decode(frames, content.length)).toEqual(content);
      }),
      { numRuns: 40 },
    );
  });

  const wrong: [string, Uint8Array, number][] = [
    ['a byte less than expected', hello, 7],
    ['a byte more than expected', hello, 5],
    ['something where nothing is expected', hello, 0],
    ['nothing where something is expected', Buffer.alloc(0), 1],
    ['a frame too many', Buffer.concat([hello, world]), 6],
    ['a frame too few', hello, 11],
    ['a frame cut off', hello.subarray(0, -1), 6],
    ['no frame', Buffer.from('hello '), 6],
    [
      'a wrong checksum',
      buildFrame({ blocks: [{ kind: 'raw', bytes: Buffer.from('x') }], checksum: true }),
      1,
    ],
    ['a header that claims less than there is', bomb(2, 100), 100],
    ['a header that claims more than there is', bomb(2, 300_000), 300_000],
  ];
  it.each(wrong)('refuses %s', async (_what, bytes, size) => {
    await rejected('TAR_INVALID', decode(bytes, size));
  });

  it('refuses a flipped byte in the content', async () => {
    const frame = zstdCompressSync(randomBytes(5000), { params: { 201: 1 } });
    frame[2000] = (frame[2000] ?? 0) ^ 1;
    await rejected('TAR_INVALID', decode(frame, 5000));
  });

  const bombs: [string, Uint8Array, number][] = [
    ['does not tell its size', bomb(4096), 1000],
    ['claims a byte', bomb(4096, 1), 1],
    ['claims more than its window', bomb(4096, 3_000_000), 3_000_000],
    [
      'hides behind honest ones',
      Buffer.concat([...Array(500).fill(hello), bomb(4096, 3_000_000)]),
      3_003_000,
    ],
    ['comes in many pieces', Buffer.concat(Array(500).fill(bomb(8, 100))), 50_000],
    ['is many frames that do not tell', Buffer.concat(Array(500).fill(bomb(8))), 50_000],
  ];
  it.each(bombs)('refuses a bomb that %s without decoding it', async (_what, bytes, size) => {
    const growth = await memoryGrowth(() => rejected('TAR_INVALID', decode(bytes, size)));
    expect(growth).toBeLessThan(64 * MIB);
  });
});
