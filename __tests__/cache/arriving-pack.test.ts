import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fetchArriving } from '../../src/cache/arriving-pack.ts';
import { encodeTable } from '../../src/store/pack-format.ts';
import { makeArrival, type TestArrival } from '../support/arriving-pack.ts';
import { seededRandom } from '../support/random.ts';
import { packBytes, sampleBlob } from '../support/store-samples.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const PART = 4 << 20;
const newDirectory = temporaryDirectories();
/** Of four parts, the last one short. */
const large = packBytes([sampleBlob('a'.repeat(PART)), sampleBlob('b'.repeat(2 * PART + 1000))]);

const arrivalOf = (pack: Buffer, key = 'one', directory = newDirectory()) =>
  makeArrival(directory, key, pack);

/** Lets everything happen that waits for nothing but its turn. */
async function settleDown(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await turn();
}

async function answerAll({ asked }: TestArrival): Promise<void> {
  for (let part = asked[0]; part; part = asked[0]) {
    await part.answer();
    await settleDown();
  }
}

describe('an arriving pack', () => {
  it('has its table from the beginning, its full size, and none of its chunks', async () => {
    const { arriving } = await arrivalOf(large);
    const file = readFileSync(arriving.path);
    expect(file.length).toBe(large.length);
    expect(file.subarray(3 * PART + 1000).equals(large.subarray(3 * PART + 1000))).toBe(true);
    expect(file.subarray(0, 3 * PART + 1000).every((byte) => byte === 0)).toBe(true);
    expect(arriving.there).toBe(0);
    await arriving.abandon();
  });

  it('is there as far as nothing is missing before, in whatever order parts arrive', async () => {
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }), async (order) => {
        const arrival = await arrivalOf(large);
        const { arriving, asked } = arrival;
        void fetchArriving([arriving]);
        const parts = [...asked];
        expect(parts.map(({ range }) => range.start)).toEqual([0, PART, 2 * PART, 3 * PART]);
        const came = new Set<number>();
        for (const index of order) {
          await parts[index]?.answer();
          await settleDown();
          came.add(index);
          const firstMissing = [0, 1, 2, 3].find((part) => !came.has(part));
          expect(arriving.there).toBe(firstMissing === undefined ? large.length : firstMissing * PART);
          const there = readFileSync(arriving.path).subarray(0, arriving.there);
          expect(there.equals(large.subarray(0, arriving.there))).toBe(true);
        }
        expect(await arriving.settle()).toBe(arrival.finalPath);
        expect(readFileSync(arrival.finalPath).equals(large)).toBe(true);
        expect(existsSync(arriving.path)).toBe(false);
        expect(arrival.settled).toEqual([true]);
      }),
      { numRuns: 12 },
    );
  });

  it('lets everybody wait for just what is needed', async () => {
    const arrival = await arrivalOf(large);
    const { arriving, asked } = arrival;
    const log: string[] = [];
    for (const bytes of [1, PART, PART + 1, large.length])
      void arriving.waitFor(bytes).then((isThere) => log.push(`${bytes}: ${isThere}`));
    void fetchArriving([arriving]);
    await settleDown();
    expect(log).toEqual([]);
    await asked[0]?.answer();
    await settleDown();
    expect(log).toEqual(['1: true', `${PART}: true`]);
    await answerAll(arrival);
    expect(log.slice(2)).toEqual([`${PART + 1}: true`, `${large.length}: true`]);
    expect(await arriving.waitFor(5)).toBe(true);
    await arriving.settle();
  });

  it('that loses a part has nobody wait any longer, and is removed', async () => {
    const arrival = await arrivalOf(large);
    const { arriving, asked } = arrival;
    void fetchArriving([arriving]);
    const waiting = [arriving.waitFor(PART), arriving.waitFor(2 * PART), arriving.settle()];
    await asked[0]?.answer();
    await settleDown();
    asked[0]?.fail();
    expect(await Promise.all(waiting)).toEqual([true, false, undefined]);
    expect(arriving.isLost).toBe(true);
    expect(arrival).toMatchObject({ settled: [false], stops: 1, asked: [] });
    expect(existsSync(arriving.path)).toBe(false);
    expect(existsSync(arrival.finalPath)).toBe(false);
  });

  it('that is lost asks for no further part', async () => {
    const many = packBytes([sampleBlob('c'.repeat(12 * PART))]);
    const { arriving, asked } = await arrivalOf(many);
    const fetched = fetchArriving([arriving]);
    expect(asked).toHaveLength(8);
    asked[3]?.fail();
    await settleDown();
    expect(asked).toHaveLength(7);
    await arriving.abandon();
    await fetched;
    expect(asked).toEqual([]);
  });

  it('that is abandoned before anything was asked for ends whoever waits, once', async () => {
    const arrival = await arrivalOf(large);
    const { arriving } = arrival;
    const waiting = [arriving.waitFor(1), arriving.settle()];
    await Promise.all([arriving.abandon(), arriving.abandon()]);
    await fetchArriving([arriving]);
    expect(await Promise.all(waiting)).toEqual([false, undefined]);
    expect(arrival).toMatchObject({ settled: [false], stops: 1, asked: [] });
    expect(existsSync(arriving.path)).toBe(false);
  });

  it('that cannot be put in its place is removed', async () => {
    const arrival = await arrivalOf(large);
    mkdirSync(join(arrival.finalPath, 'in the way'), { recursive: true });
    void fetchArriving([arrival.arriving]);
    await answerAll(arrival);
    expect(await arrival.arriving.settle()).toBe(undefined);
    expect(arrival.settled).toEqual([false]);
    expect(existsSync(arrival.arriving.path)).toBe(false);
  });

  it('of nothing but a table is there at once', async () => {
    const arrival = await arrivalOf(encodeTable([], 0));
    await fetchArriving([arrival.arriving]);
    expect(await arrival.arriving.settle()).toBe(arrival.finalPath);
    expect(arrival.settled).toEqual([true]);
  });

  it('takes no place where something stands, and leaves that alone', async () => {
    const directory = newDirectory();
    writeFileSync(join(directory, 'one.partial'), 'something');
    await expect(makeArrival(directory, 'one', large)).rejects.toThrow('EEXIST');
    expect(readFileSync(join(directory, 'one.partial'), 'utf8')).toBe('something');
    expect(readdirSync(directory)).toEqual(['one.partial']);
  });
});

it('several packs are asked for one after the other, never more than eight parts at once', async () => {
  const directory = newDirectory();
  const random = seededRandom();
  const arrivals: TestArrival[] = [];
  for (const key of ['one', 'two', 'three']) arrivals.push(await arrivalOf(large, key, directory));
  void fetchArriving(arrivals.map(({ arriving }) => arriving));
  const waiting = () => arrivals.flatMap(({ asked }) => asked);
  expect(arrivals.map(({ asked }) => asked.length)).toEqual([4, 4, 0]);
  while (waiting().length > 0) {
    const parts = waiting();
    expect(parts.length).toBeLessThanOrEqual(8);
    await parts[random.below(parts.length)]?.answer();
    await settleDown();
  }
  for (const { arriving, finalPath } of arrivals) expect(await arriving.settle()).toBe(finalPath);
  expect(readdirSync(directory).sort()).toEqual(['one.pack', 'three.pack', 'two.pack']);
});
