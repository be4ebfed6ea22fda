import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { InputFiles } from '../../src/unpack/inputs.ts';
import { decodeMember, decodePiece, type StoredPiece } from '../../src/unpack/piece.ts';
import { ProgressBoard } from '../../src/workers/progress-board.ts';
import { rejected } from '../support/pull-error.ts';
import { collector } from '../support/slices.ts';
import { temporaryDirectories } from '../support/temporary.ts';
import { skippableFrame } from '../support/zstd-frame.ts';

const newDirectory = temporaryDirectories();
const opened: InputFiles[] = [];
afterEach(() => {
  for (const files of opened.splice(0)) files.close();
});

/** Three bytes into a file, with others behind. */
function stored(bytes: Uint8Array): StoredPiece {
  const path = join(newDirectory(), 'pack');
  writeFileSync(path, Buffer.concat([Buffer.from('abc'), bytes, Buffer.from('xyz')]));
  const files = new InputFiles({ files: [path] }, ProgressBoard.create(0));
  opened.push(files);
  const blob = { file: 0, offset: 3, compressedSize: bytes.length, groups: [], groupBytes: 1 };
  return { files, board: ProgressBoard.create(0), blob };
}

const COMPRESSIONS = [
  ['gzip', gzipSync],
  ['zstd', zstdCompressSync],
] as const;

describe.each(COMPRESSIONS)('a gap in %s', (_, compress) => {
  it.each([
    ['small', [Buffer.from('one'), Buffer.alloc(0), Buffer.from('two')]],
    ['large', [randomBytes(400_000), randomBytes(7)]],
    ['small, and decodes to much', [Buffer.alloc(20 << 20, 7), Buffer.from('end')]],
  ])('that is %s decodes to all of its members', async (_what, parts) => {
    const output = collector();
    await decodePiece(stored(Buffer.concat(parts.map((part) => compress(part)))), output.sink);
    expect(output.bytes().equals(Buffer.concat(parts))).toBe(true);
  });

  it.each([
    ['cut off', compress(Buffer.from('some text')).subarray(0, -6)],
    ['not compressed', Buffer.from('plain text, twenty bytes')],
  ])('that is %s is invalid', async (_what, bytes) => {
    await rejected(
      'TAR_INVALID',
      decodePiece(stored(bytes), () => undefined),
    );
  });
});

it('a gap passes over skippable frames', async () => {
  const output = collector();
  const bytes = Buffer.concat([skippableFrame(Buffer.from('hidden')), zstdCompressSync('shown')]);
  await decodePiece(stored(bytes), output.sink);
  expect(output.bytes().toString()).toBe('shown');
});

/** Chunks of a member, by inner offset and size. */
const at = (...chunks: [innerOffset: number, size: number][]) => ({
  innerOffsets: Float64Array.from(chunks, ([innerOffset]) => innerOffset),
  sizes: Float64Array.from(chunks, ([, size]) => size),
});
const to = (take: (bytes: Uint8Array, chunk: number) => void) => ({ take, count: () => undefined });

describe.each(COMPRESSIONS)('a chunk in a member of %s', (_, compress) => {
  const content = randomBytes(600_000);

  it.each([
    [0, 600_000],
    [0, 10],
    [512, 100],
    [300_000, 300_000],
  ])('from byte %i on, %i bytes, is cut out', async (innerOffset, size) => {
    const output = collector();
    await decodeMember(stored(compress(content)), at([innerOffset, size]), to(output.sink));
    expect(output.bytes().equals(content.subarray(innerOffset, innerOffset + size))).toBe(true);
  });

  it.each([
    ['small', 7],
    ['large', 5_000_000],
  ])('is cut out along with those behind it, all in one go (%s)', async (_what, unit) => {
    const bytes = Buffer.concat([Buffer.alloc(2 * unit, 1), randomBytes(unit), Buffer.alloc(3 * unit, 2)]);
    const cuts = [
      [0, 1],
      [1, unit],
      [2 * unit, unit],
      [3 * unit + 2, 0],
      [3 * unit + 2, unit],
    ] as const;
    const found = cuts.map(() => collector());
    let decoded = 0;
    await decodeMember(
      stored(compress(bytes)),
      at(...cuts.map(([from, size]): [number, number] => [from, size])),
      {
        take: (part, chunk) => found[chunk]?.sink(part),
        count: (length) => {
          decoded += length;
        },
      },
    );
    const expected = cuts.map(([from, size]) => bytes.subarray(from, from + size));
    expect(found.map((one, index) => one.bytes().equals(expected[index] as Buffer))).toEqual(
      cuts.map(() => true),
    );
    expect(decoded).toBeGreaterThanOrEqual(4 * unit + 2);
    expect(decoded).toBeLessThanOrEqual(bytes.length);
  });

  it('does not go on for what follows it', async () => {
    const bomb = compress(Buffer.alloc(64 << 20));
    let [bytes, calls] = [0, 0];
    await decodeMember(
      stored(bomb),
      at([1, 5]),
      to((part) => {
        calls++;
        bytes += part.length;
      }),
    );
    expect([bytes, calls]).toEqual([5, 1]);
  });

  it('that the member is too short for is invalid', async () => {
    await rejected(
      'TAR_INVALID',
      decodeMember(
        stored(compress(content)),
        at([599_999, 2]),
        to(() => undefined),
      ),
    );
  });
});
