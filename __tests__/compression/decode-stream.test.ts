import { randomBytes } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadNativeDecompress } from '../../src/compression/zstd-native.ts';
import { decodeZstdStream } from '../../src/compression/zstd-stream.ts';
import { createHasher, digestOf } from '../../src/integrity/hash.ts';
import { memoryGrowth } from '../support/memory.ts';
import { rejected } from '../support/pull-error.ts';
import { collector, streamOf } from '../support/slices.ts';
import { bomb, buildFrame, skippableFrame } from '../support/zstd-frame.ts';

const MIB = 1 << 20;
const hello = zstdCompressSync(Buffer.from('hello '));
const world = zstdCompressSync(Buffer.from('world'));
/** Compresses to about half, in one frame that is too long to be gathered. */
const large = Buffer.from(randomBytes(6 * MIB).toString('hex'));
const largeFrame = zstdCompressSync(large);

const decoders: [string, typeof loadNativeDecompress][] = [
  ['the native decoder', loadNativeDecompress],
  ['node:zlib alone', () => undefined],
];

/** Seventy compressed blocks of one byte each: by its headers it could hold 9 MiB. */
function oddFrame(): Buffer {
  const blocks = Array.from({ length: 70 }, (_, index) => {
    const header = (3 << 3) | (2 << 1) | (index === 69 ? 1 : 0);
    return Buffer.from([header, 0, 0, 1 << 3, 0x41, 0]);
  });
  return Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, 70]), ...blocks]);
}

it('decodes a frame that may be larger than it says alone, and its neighbours together all the same', async () => {
  const calls: number[] = [];
  const native = loadNativeDecompress();
  const counting = (bytes: Buffer) => {
    calls.push(bytes.length);
    return native ? native(bytes) : Promise.reject(new Error('no native decoder here'));
  };
  const neighbours = Buffer.concat(Array.from({ length: 500 }, () => hello));
  const output = collector();
  const input = streamOf(Buffer.concat([neighbours, oddFrame(), neighbours]), [1 << 20]);
  await decodeZstdStream(input, output.sink, () => native && counting);
  expect(output.text()).toBe('hello '.repeat(500) + 'A'.repeat(70) + 'hello '.repeat(500));
  if (native) expect(calls).toEqual([neighbours.length, neighbours.length]);
});

describe.each(decoders)('decodeZstdStream with %s', (_, load) => {
  async function decode(bytes: Uint8Array, lengths: readonly number[] = [64 << 10]): Promise<Buffer> {
    const output = collector();
    await decodeZstdStream(streamOf(bytes, lengths), output.sink, load);
    return output.bytes();
  }

  it.each([1, 3, 7, 1000])('decodes all frames out of slices of %i bytes', async (length) => {
    const bytes = Buffer.concat([skippableFrame(world), hello, world, skippableFrame(hello), hello]);
    expect((await decode(bytes, [length])).toString()).toBe('hello worldhello ');
  });

  it('decodes nothing to nothing', async () => expect(await decode(Buffer.alloc(0))).toHaveLength(0));

  it('gives the same however the stream is cut', async () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 9 });
    const contents = fc.array(fc.uint8Array({ maxLength: 2000 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(contents, lengths, async (parts, cut) => {
        const bytes = Buffer.concat(parts.map((part) => zstdCompressSync(part)));
        expect(await decode(bytes, cut)).toEqual(Buffer.concat(parts));
      }),
      { numRuns: 40 },
    );
  });

  it('streams a frame that is too long to be gathered, between short ones', async () => {
    expect(largeFrame.length).toBeGreaterThan(5 * MIB);
    const bytes = Buffer.concat([hello, largeFrame, world, largeFrame]);
    const expected = Buffer.concat([Buffer.from('hello '), large, Buffer.from('world'), large]);
    expect(digestOf(await decode(bytes))).toBe(digestOf(expected));
  });

  it('passes over a skippable frame that is too long to be gathered', async () => {
    const bytes = Buffer.concat([hello, skippableFrame(randomBytes(9 * MIB)), world]);
    expect((await decode(bytes)).toString()).toBe('hello world');
  });

  it('gives more than one batch in order', async () => {
    const parts = Array.from({ length: 300 }, (_unused, index) => Buffer.alloc(12_000, index));
    const frames = parts.map((part) => zstdCompressSync(Buffer.concat([part, randomBytes(12_000)])));
    const output = await decode(Buffer.concat(frames), [100_000]);
    expect(output).toHaveLength(300 * 24_000);
    expect(
      parts.every((part, index) => output.subarray(index * 24_000, index * 24_000 + 12_000).equals(part)),
    ).toBe(true);
  });

  it('frees its outputs as soon as the sink has seen them', async () => {
    const seen: Uint8Array[] = [];
    const sink = (bytes: Uint8Array) => void seen.push(bytes);
    await decodeZstdStream(streamOf(Buffer.concat([largeFrame, hello])), sink, load);
    expect(seen.length).toBeGreaterThan(10);
    // The last output of a frame does not fill its buffer.
    expect(seen.filter((bytes) => bytes.length > 0).length).toBeLessThanOrEqual(2);
  });

  const broken: [string, Uint8Array][] = [
    ['a stream cut off in a frame', Buffer.concat([hello, world.subarray(0, -1)])],
    ['a stream cut off in a long frame', largeFrame.subarray(0, -1000)],
    ['junk behind the frames', Buffer.concat([hello, Buffer.from('junk')])],
    ['what is no frame', Buffer.from('hello world')],
    ['a broken frame', flip(zstdCompressSync(randomBytes(3000), { params: { 201: 1 } }), 1500)],
    ['a broken long frame', flip(zstdCompressSync(large, { params: { 201: 1 } }), 5 * MIB)],
  ];
  it.each(broken)('refuses %s', async (_what, bytes) => {
    await rejected('TAR_INVALID', decode(bytes));
  });

  it.each([
    ['a short frame', Buffer.concat([hello, world])],
    ['a long frame', Buffer.concat([largeFrame, largeFrame])],
  ])('ends with what the sink throws at %s, and ends the input', async (_what, bytes) => {
    const failure = new Error('disk full');
    let ended = false;
    async function* input() {
      try {
        yield* streamOf(bytes);
      } finally {
        ended = true;
      }
    }
    let calls = 0;
    const run = decodeZstdStream(
      input(),
      () => {
        calls++;
        throw failure;
      },
      load,
    );
    await expect(run).rejects.toBe(failure);
    expect({ calls, ended }).toEqual({ calls: 1, ended: true });
  });

  it('ends with what the input throws', async () => {
    const failure = new Error('connection lost');
    async function* input() {
      yield largeFrame.subarray(0, 5 * MIB);
      throw failure;
    }
    await expect(decodeZstdStream(input(), () => undefined, load)).rejects.toBe(failure);
  });

  it('streams a frame of much content through little memory', async () => {
    const size = 256 * MIB;
    const growth = await memoryGrowth(async () => {
      const hasher = createHasher();
      let total = 0;
      await decodeZstdStream(
        streamOf(bomb(size / (128 << 10))),
        (bytes) => {
          hasher.update(bytes);
          total += bytes.length;
        },
        load,
      );
      expect(total).toBe(size);
    });
    expect(growth).toBeLessThan(64 * MIB);
  });

  it('streams a frame of much input through little memory', async () => {
    const blocks = 2000;
    async function* input() {
      const block = Buffer.alloc(3 + (128 << 10), 'x');
      for (let number = 1; number <= blocks; number++) {
        block.writeUIntLE(((128 << 10) << 3) | (number === blocks ? 1 : 0), 0, 3);
        yield number === 1 ? Buffer.concat([buildFrame({ blocks: [] }), block]) : Buffer.from(block);
      }
    }
    let total = 0;
    const growth = await memoryGrowth(() =>
      decodeZstdStream(
        input(),
        (bytes) => {
          total += bytes.length;
        },
        load,
      ),
    );
    expect(total).toBe(blocks * (128 << 10));
    expect(growth).toBeLessThan(128 * MIB);
  });

  it('refuses a frame that claims little and holds much without using much memory', async () => {
    const bytes = Buffer.concat([hello, bomb(2048, 3_000_000)]);
    const growth = await memoryGrowth(() =>
      rejected(
        'TAR_INVALID',
        decodeZstdStream(streamOf(bytes), () => undefined, load),
      ),
    );
    expect(growth).toBeLessThan(64 * MIB);
  });
});

function flip(bytes: Buffer, at: number): Buffer {
  bytes[at] = (bytes[at] ?? 0) ^ 0x10;
  return bytes;
}
