import { describe, expect, it } from 'vitest';
import type { OpenEntry } from '../../src/cache/blob-cache.ts';
import { neededBytes, surveyPack } from '../../src/cache/pack-survey.ts';
import { encodeTable, type PackEntry } from '../../src/store/pack-format.ts';
import { packBytes, sampleBlob } from '../support/store-samples.ts';

/** What is read of these bytes is counted. */
function entryOf(pack: Buffer) {
  const reads: number[] = [];
  const entry: OpenEntry = {
    key: 'k',
    size: pack.length,
    read: async ({ start, end }) => {
      reads.push(end - start);
      return end <= pack.length ? pack.subarray(start, end) : undefined;
    },
    copy: async () => false,
  };
  return { entry, reads };
}

const blobs = ['first', 'second', 'third'].map(sampleBlob);
const pack = packBytes(blobs);
const frame = (number: number, offset: number, compressedSize: number): PackEntry => {
  const hex = number.toString(16).padStart(64, '0');
  return { form: 'frame', hex, offset, compressedSize, size: compressedSize };
};

describe('the survey of a pack', () => {
  it('lists what is in it', async () => {
    const found = await surveyPack(entryOf(pack).entry, pack.length);
    expect(found?.map(({ hex }) => hex).sort()).toEqual(blobs.map(({ hex }) => hex).sort());
  });

  it('reads a large pack from its end, once, and a long table in one more request', async () => {
    const few = Buffer.alloc(3_000_000);
    const short = entryOf(Buffer.concat([few, encodeTable([frame(1, 0, 100)], few.length)]));
    expect(await surveyPack(short.entry, short.entry.size ?? 0)).toHaveLength(1);
    expect(short.reads).toEqual([256 << 10]);
    const many = Array.from({ length: 20_000 }, (_, index) => {
      const made = frame(0, index * 100, 100);
      return { ...made, hex: sampleBlob(String(index)).hex };
    });
    const long = entryOf(Buffer.concat([few, encodeTable(many, few.length)]));
    expect(await surveyPack(long.entry, long.entry.size ?? 0)).toHaveLength(20_000);
    expect(long.reads).toHaveLength(2);
  });

  it.each<[string, Buffer, number]>([
    ['is no pack', Buffer.alloc(1000), 1000],
    ['is too short', Buffer.alloc(10), 10],
    ['is shorter than it should be', pack, pack.length + 5],
    ['is longer than it should be', pack, pack.length - 5],
    [
      'has a damaged table',
      Buffer.concat([pack.subarray(0, -70), Buffer.alloc(6), pack.subarray(-64)]),
      pack.length,
    ],
  ])('finds nothing in what %s', async (_, bytes, size) => {
    expect(await surveyPack(entryOf(bytes).entry, size)).toBeUndefined();
  });
});

describe('what is needed of a pack', () => {
  const isOdd = ({ hex }: Pick<PackEntry, 'hex'>) => Number.parseInt(hex.slice(-1), 16) % 2 === 1;

  it('is counted in stored bytes', () => {
    expect(neededBytes([frame(1, 0, 100), frame(2, 100, 50), frame(3, 150, 7)], isOdd)).toBe(107);
    expect(neededBytes([frame(2, 0, 100)], isOdd)).toBe(0);
  });

  it('counts once what lies inside of something else, or beside it in part', () => {
    const layer: PackEntry = { ...frame(5, 0, 200), form: 'blob' };
    expect(neededBytes([frame(1, 20, 10), layer, frame(3, 100, 100)], isOdd)).toBe(200);
    expect(neededBytes([frame(1, 0, 100), frame(3, 50, 100)], isOdd)).toBe(150);
  });
});
