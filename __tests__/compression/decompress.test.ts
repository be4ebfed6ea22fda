import { randomBytes } from 'node:crypto';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decompress, sniffCompression } from '../../src/compression/decompress.ts';
import { digestOf } from '../../src/integrity/hash.ts';
import { parseConfig } from '../../src/oci/config.ts';
import { fixtureImage } from '../support/fixture-image.ts';
import { rejected } from '../support/pull-error.ts';
import { collector, streamOf } from '../support/slices.ts';
import { bomb, skippableFrame } from '../support/zstd-frame.ts';

const hello = gzipSync('hello ');
const world = gzipSync('world');
const large = Buffer.from(randomBytes(2 << 20).toString('hex'));

async function read(bytes: Uint8Array, lengths: readonly number[] = [64 << 10]): Promise<Buffer> {
  const output = collector();
  await decompress(streamOf(bytes, lengths), output.sink);
  return output.bytes();
}

describe('sniffCompression', () => {
  it.each([
    ['gzip', hello, 'gzip'],
    ['gzip of another method', Buffer.of(0x1f, 0x8b, 7, 0), 'none'],
    ['zstd', zstdCompressSync('x'), 'zstd'],
    ['a skippable zstd frame', skippableFrame(Buffer.of(1), 9), 'zstd'],
    ['tar', Buffer.alloc(512), 'none'],
    ['nothing', Buffer.alloc(0), 'none'],
    ['the beginning of a magic number', hello.subarray(0, 2), 'none'],
  ])('knows %s', (_, bytes, expected) => expect(sniffCompression(bytes)).toBe(expected));
});

describe('decompress', () => {
  it.each([1, 2, 5, 100, 64 << 10])('goes by the bytes, in slices of %i', async (length) => {
    const text = 'The quick brown fox';
    for (const bytes of [Buffer.from(text), gzipSync(text), zstdCompressSync(text)]) {
      expect((await read(bytes, [length])).toString()).toBe(text);
    }
  });

  it('waits for the magic number behind empty slices', async () => {
    async function* input() {
      yield new Uint8Array();
      yield hello;
    }
    const output = collector();
    await decompress(input(), output.sink);
    expect(output.text()).toBe('hello ');
  });

  it.each([0, 1, 3])('passes %i bytes on as they are', async (length) => {
    expect(await read(Buffer.alloc(length, 'x'))).toEqual(Buffer.alloc(length, 'x'));
  });

  it.each([1, 3, 7, 64 << 10])('reads all members of a gzip stream in slices of %i', async (length) => {
    expect((await read(Buffer.concat([hello, world, hello]), [length])).toString()).toBe('hello worldhello ');
  });

  it.each([1, 9, 64 << 10])('passes over zeros behind a gzip stream in slices of %i', async (length) => {
    expect((await read(Buffer.concat([hello, Buffer.alloc(3000)]), [length])).toString()).toBe('hello ');
  });

  it('reads what is larger than the buffers on the way', async () => {
    for (const bytes of [gzipSync(large), zstdCompressSync(large)]) {
      expect(digestOf(await read(bytes))).toBe(digestOf(large));
    }
  });

  it('gives back what was compressed, however it is cut', async () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 5 });
    const members = fc.array(fc.uint8Array({ maxLength: 1500 }), { minLength: 1, maxLength: 4 });
    const compress = fc.constantFrom<((bytes: Uint8Array) => Buffer)[]>(
      (bytes) => gzipSync(bytes),
      (bytes) => zstdCompressSync(bytes),
    );
    await fc.assert(
      fc.asyncProperty(members, lengths, compress, async (parts, cut, one) => {
        expect(await read(Buffer.concat(parts.map(one)), cut)).toEqual(Buffer.concat(parts));
      }),
      { numRuns: 50 },
    );
  });

  const flipped = Buffer.from(gzipSync(large));
  flipped[1 << 20] = (flipped[1 << 20] ?? 0) ^ 0xff;
  const broken: [string, Uint8Array][] = [
    ['gzip cut off in its data', hello.subarray(0, -9)],
    ['gzip cut off in its trailer', hello.subarray(0, -1)],
    ['gzip cut off in its header', hello.subarray(0, 5)],
    ['gzip cut off in a second member', Buffer.concat([hello, world.subarray(0, 12)])],
    ['gzip with a wrong byte', flipped],
    ['gzip with junk behind it', Buffer.concat([hello, Buffer.from('junk')])],
    ['zstd cut off', zstdCompressSync(large).subarray(0, -3)],
  ];
  it.each(broken)('refuses %s, in any slices', async (_, bytes) => {
    await rejected('TAR_INVALID', read(bytes));
    if (bytes.length < 100) await rejected('TAR_INVALID', read(bytes, [1]));
  });

  it.each([
    ['gzip', gzipSync(large)],
    ['zstd of short frames', Buffer.concat(Array(200).fill(zstdCompressSync(large.subarray(0, 50_000))))],
    ['zstd of one long frame', bomb(4096)],
    ['nothing', large],
  ])('ends with what the sink throws in the middle of %s, and ends the input', async (_, bytes) => {
    const failure = new Error('disk full');
    let ended = false;
    async function* input() {
      try {
        yield* streamOf(bytes);
      } finally {
        ended = true;
      }
    }
    let received = 0;
    const run = decompress(input(), (output) => {
      received += output.length;
      if (received > 1_000_000) throw failure;
    });
    await expect(run).rejects.toBe(failure);
    expect(ended).toBe(true);
  });

  it.each(['gzip', 'none', 'zstd', 'zstd-chunked', 'zstd-chunked-legacy'] as const)(
    'turns the %s layers into the tar streams that the config names',
    async (format) => {
      for (const tag of ['v1', 'v2']) {
        const image = fixtureImage(tag, format);
        const { diffIds } = parseConfig(image.bytes(image.config));
        const found: string[] = [];
        for (const layer of image.layers)
          found.push(digestOf(await read(image.bytes(layer), [50_000, 1, 313])));
        expect(found).toEqual(diffIds);
      }
    },
  );
});
