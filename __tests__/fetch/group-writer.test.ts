import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ByteRange, rangeLength } from '../../src/bytes/range.ts';
import { GroupWriter } from '../../src/fetch/group-writer.ts';
import type { FetchGroup } from '../../src/plan/fetch-plan.ts';
import { StagedPack } from '../../src/store/staged-pack.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const newDirectory = temporaryDirectories();

function groupOf(pieces: readonly ByteRange[], packOffset = 0): FetchGroup {
  const range = { start: pieces[0]?.start ?? 0, end: pieces.at(-1)?.end ?? 0 };
  const keptBytes = pieces.reduce((sum, piece) => sum + rangeLength(piece), 0);
  return { range, pieces, layer: 3, pack: 0, packOffset, keptBytes };
}

/** Feeds `bytes`, which stand at `start` of the blob, in slices; gives what was written and reported. */
async function write(group: FetchGroup, parts: readonly { bytes: Uint8Array; position: number }[]) {
  const pack = await StagedPack.create(join(newDirectory(), 'pack'));
  const reported: number[] = [];
  const writer = new GroupWriter(group, pack, (bytes) => {
    // What is reported can be read.
    const size = readFileSync(pack.path).length - group.packOffset;
    expect(size).toBeGreaterThanOrEqual(reported.reduce((sum, one) => sum + one, bytes));
    reported.push(bytes);
  });
  const answers: boolean[] = [];
  for (const { bytes, position } of parts) answers.push(await writer.accept(bytes, position));
  const written = readFileSync(pack.path).subarray(group.packOffset);
  await pack.discard();
  return { written, reported, answers, layer: writer.layer };
}

const blob = Buffer.from(Array.from({ length: 400 }, (_, index) => index & 0xff));
const keep = (pieces: readonly ByteRange[]) =>
  Buffer.concat(pieces.map(({ start, end }) => blob.subarray(start, end)));
const whole = (start: number, end: number) => [{ bytes: blob.subarray(start, end), position: start }];

describe('GroupWriter', () => {
  it('leaves out the gaps', async () => {
    const pieces = [
      { start: 10, end: 20 },
      { start: 25, end: 40 },
    ];
    const { written, reported, answers } = await write(groupOf(pieces, 7), whole(10, 40));
    expect(written).toEqual(keep(pieces));
    expect([reported, answers]).toEqual([[25], [true]]);
  });

  it('takes out of a whole blob what belongs to it', async () => {
    const pieces = [{ start: 100, end: 130 }];
    const { written, answers } = await write(groupOf(pieces), [
      ...whole(0, 90),
      ...whole(90, 110),
      ...whole(110, 400),
    ]);
    expect(written).toEqual(keep(pieces));
    expect(answers).toEqual([false, false, true]);
  });

  it('is complete at the last byte, not before', async () => {
    const { answers } = await write(groupOf([{ start: 0, end: 10 }]), [...whole(0, 9), ...whole(9, 10)]);
    expect(answers).toEqual([false, true]);
  });

  it('bears slices of no bytes', async () => {
    const parts = [...whole(0, 0), ...whole(0, 5), ...whole(5, 5), ...whole(5, 10)];
    expect(await write(groupOf([{ start: 0, end: 10 }]), parts)).toMatchObject({
      written: blob.subarray(0, 10),
      answers: [false, false, false, true],
    });
  });

  it('knows its layer', async () => expect((await write(groupOf([{ start: 0, end: 1 }]), [])).layer).toBe(3));

  it('reports as it goes', async () => {
    const size = 3 << 20;
    const bytes = Buffer.alloc(size, 'x');
    const step = 100_000;
    const parts = Array.from({ length: Math.ceil(size / step) }, (_, index) => ({
      bytes: bytes.subarray(index * step, (index + 1) * step),
      position: index * step,
    }));
    const { written, reported } = await write(groupOf([{ start: 0, end: size }]), parts);
    expect(written).toEqual(bytes);
    expect(reported.length).toBeGreaterThan(3);
    expect(reported.reduce((sum, one) => sum + one, 0)).toBe(size);
  });

  it('writes the same however the range is cut', async () => {
    const pieces = fc.array(fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20 })), {
      minLength: 1,
      maxLength: 8,
    });
    const lengths = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 10 });
    await fc.assert(
      fc.asyncProperty(pieces, lengths, async (steps, cut) => {
        let at = 0;
        const wanted = steps.map(([gap, length]) => {
          const start = at + gap;
          at = start + length;
          return { start, end: at };
        });
        const group = groupOf(wanted);
        const parts: { bytes: Uint8Array; position: number }[] = [];
        for (let position = group.range.start, turn = 0; position < at; turn++) {
          const end = Math.min(at, position + (cut[turn % cut.length] ?? 1));
          parts.push(...whole(position, end));
          position = end;
        }
        const { written, reported, answers } = await write(group, parts);
        expect(written).toEqual(keep(wanted));
        expect(reported.reduce((sum, one) => sum + one, 0)).toBe(group.keptBytes);
        expect(answers.indexOf(true)).toBe(answers.length - 1);
      }),
      { numRuns: 40 },
    );
  });
});
