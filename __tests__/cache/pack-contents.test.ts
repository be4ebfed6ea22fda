import { hash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { OpenEntry } from '../../src/cache/blob-cache.ts';
import { isAnyNeeded, neededBytes, readContents } from '../../src/cache/pack-contents.ts';
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
    ignoresRanges: false,
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

async function listed(entry: OpenEntry): Promise<readonly PackEntry[]> {
  const contents = await readContents(entry, entry.size ?? 0);
  if (typeof contents === 'string') throw new Error(contents);
  expect([...contents.entries()]).toEqual([...contents.entries()]);
  return [...contents.entries()];
}

describe('reading what is in a pack', () => {
  it('lists what is in it', async () => {
    const found = await listed(entryOf(pack).entry);
    expect(found.map(({ hex }) => hex).sort()).toEqual(blobs.map(({ hex }) => hex).sort());
  });

  it('reads a large pack from its end, once, and a long table in one more request', async () => {
    const few = Buffer.alloc(3_000_000);
    const short = entryOf(Buffer.concat([few, encodeTable([frame(1, 0, 100)], few.length)]));
    expect(await listed(short.entry)).toHaveLength(1);
    expect(short.reads).toEqual([256 << 10]);
    const many = Array.from({ length: 20_000 }, (_, index) => {
      const made = frame(0, index * 100, 100);
      return { ...made, hex: sampleBlob(String(index)).hex };
    });
    const long = entryOf(Buffer.concat([few, encodeTable(many, few.length)]));
    expect(await listed(long.entry)).toHaveLength(20_000);
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
    expect(await readContents(entryOf(bytes).entry, size)).toBe('unreadable');
  });
});

describe('the budget of a restore', () => {
  const few = Buffer.alloc(300_000);
  const packOf = (count: number, tail = Buffer.alloc(0)) => {
    const entries = Array.from({ length: count }, () => frame(7, 0, 0));
    const table = encodeTable(entries, few.length);
    const [columns, trailer] = [table.subarray(0, -64), Buffer.from(table.subarray(-64))];
    const whole = Buffer.concat([columns, tail]);
    trailer.writeBigUInt64LE(BigInt(whole.length), 24);
    trailer.write(hash('sha256', whole, 'hex'), 32, 'hex');
    return entryOf(Buffer.concat([few, whole, trailer]));
  };

  it('is one for all packs, and what does not fit is passed over', async () => {
    const budget = { entries: 25_000 };
    const answers: unknown[] = [];
    for (const count of [10_000, 20_000, 10_000, 10_000]) {
      const { entry } = packOf(count);
      const contents = await readContents(entry, entry.size ?? 0, budget);
      answers.push(typeof contents === 'string' ? contents : [...contents.entries()].length);
    }
    expect(answers).toEqual([10_000, 'passed-over', 10_000, 'passed-over']);
    expect(budget.entries).toBe(5000);
  });

  it('is spent by a long table of few entries, too, which is not read first', async () => {
    const { entry, reads } = packOf(1, Buffer.alloc(300_000));
    const budget = { entries: 5000 };
    expect(await readContents(entry, entry.size ?? 0, budget)).toBe('passed-over');
    expect([reads, budget.entries]).toEqual([[256 << 10], 5000]);
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
    expect(neededBytes([layer, frame(1, 20, 10), frame(3, 100, 100)], isOdd)).toBe(200);
    expect(neededBytes([frame(1, 0, 100), frame(3, 50, 100)], isOdd)).toBe(150);
  });

  it('is nothing, or something', () => {
    expect([
      isAnyNeeded([frame(2, 0, 1), frame(3, 1, 1)], isOdd),
      isAnyNeeded([frame(2, 0, 1)], isOdd),
    ]).toEqual([true, false]);
  });
});
