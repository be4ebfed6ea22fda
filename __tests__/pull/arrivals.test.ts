import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { fetchArriving } from '../../src/cache/arriving-pack.ts';
import { Arrivals, countersOf, followArrivals } from '../../src/pull/arrivals.ts';
import { packsDirectory } from '../../src/store/places.ts';
import { ChunkStore } from '../../src/store/store.ts';
import { ProgressBoard } from '../../src/workers/progress-board.ts';
import { makeArrival, type TestArrival } from '../support/arriving-pack.ts';
import { packBytes, readStored, sampleBlob } from '../support/store-samples.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const PART = 4 << 20;
const newDirectory = temporaryDirectories();
const keyOf = (digit: number) => String(digit).repeat(40);
const chunk = (number: number) => sampleBlob(`${number}`.repeat(PART));

/** Packs 1 to `count`, each of two chunks and parts: of numbers 2n and 2n + 1. */
async function arrivalsOf(count: number) {
  const store = await ChunkStore.open(newDirectory(), true);
  const arrivals = new Arrivals();
  const tests: TestArrival[] = [];
  for (let pack = 1; pack <= count; pack++) {
    const bytes = packBytes([chunk(2 * pack), chunk(2 * pack + 1)]);
    tests.push(await makeArrival(packsDirectory(store.directory), keyOf(pack), bytes));
  }
  arrivals.expect(tests.map(({ arriving }) => arriving));
  await arrivals.showTo(store);
  const board = ProgressBoard.create(3 + count);
  return { store, arrivals, tests, board };
}

async function settleDown(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await turn();
}

async function bring({ arriving, asked }: TestArrival, parts = Number.POSITIVE_INFINITY): Promise<void> {
  if (asked.length === 0 && arriving.there === 0) void fetchArriving([arriving]);
  for (let count = 0; count < parts && asked[0]; count++) {
    await asked[0].answer();
    await settleDown();
  }
}

const find = (store: ChunkStore, number: number) => store.find('blob', chunk(number).key);
const [first, second, third] = [0, 1, 2] as const;

describe('packs that arrive', () => {
  it('are found in the store at once, and in their place once they are settled', async () => {
    const { store, arrivals, tests } = await arrivalsOf(2);
    expect(find(store, 3)).toMatchObject({ path: tests[first]?.arriving.path, offset: PART });
    for (const test of tests) await bring(test);
    await arrivals.settle(store);
    expect(arrivals).toMatchObject({ packs: [], lost: 0 });
    expect(readdirSync(packsDirectory(store.directory)).sort()).toEqual(
      [1, 2].map((n) => `${keyOf(n)}.pack`),
    );
    expect(find(store, 3)?.path).toBe(tests[first]?.finalPath);
    expect(readStored(find(store, 5))).toBe(chunk(5).bytes.toString());
    expect(store.packAt(tests[second]?.finalPath ?? '')).toMatchObject({ key: keyOf(2) });
  });

  it('have the store wait for what is on its way, and for nothing else', async () => {
    const { store, arrivals, tests } = await arrivalsOf(1);
    const log: string[] = [];
    for (const number of [2, 3]) {
      const at = find(store, number);
      if (at) void store.isThere(at).then((isThere) => log.push(`${number}: ${isThere}`));
    }
    await settleDown();
    expect(log).toEqual([]);
    await bring(tests[first] as TestArrival, 1);
    expect(log).toEqual(['2: true']);
    tests[first]?.asked[0]?.fail();
    await settleDown();
    expect(log).toEqual(['2: true', '3: false']);
    await arrivals.settle(store);
  });

  it('and do not, cost no more than what is in them', async () => {
    const { store, arrivals, tests } = await arrivalsOf(2);
    await bring(tests[first] as TestArrival, 1);
    tests[first]?.asked[0]?.fail();
    await bring(tests[second] as TestArrival);
    await settleDown();
    await arrivals.giveUpLost(store);
    expect(arrivals.lost).toBe(1);
    expect([2, 3].map((number) => find(store, number))).toEqual([undefined, undefined]);
    expect(existsSync(tests[first]?.arriving.path ?? '')).toBe(false);
    expect(find(store, 4)).toBeDefined();
    await arrivals.settle(store);
    expect(arrivals.lost).toBe(1);
    expect(readdirSync(packsDirectory(store.directory))).toEqual([`${keyOf(2)}.pack`]);
  });

  it('and get lost at the very end, are not found either', async () => {
    const { store, arrivals, tests } = await arrivalsOf(1);
    await bring(tests[first] as TestArrival, 1);
    const settled = arrivals.settle(store);
    tests[first]?.asked[0]?.fail();
    await settled;
    expect(arrivals).toMatchObject({ packs: [], lost: 1 });
    expect(find(store, 2)).toBeUndefined();
    expect(readdirSync(packsDirectory(store.directory))).toEqual([]);
  });

  it('are all given up where that is asked for', async () => {
    const { store, arrivals, tests } = await arrivalsOf(3);
    await bring(tests[second] as TestArrival, 1);
    await arrivals.giveUpLost(store, true);
    expect(arrivals).toMatchObject({ packs: [], lost: 3 });
    expect(tests.map(({ stops }) => stops)).toEqual([1, 1, 1]);
    expect([2, 4, 6].map((number) => find(store, number))).toEqual([undefined, undefined, undefined]);
    expect(readdirSync(packsDirectory(store.directory))).toEqual([]);
  });

  it('leave nothing where the pull ends before', async () => {
    const { store, arrivals, tests } = await arrivalsOf(2);
    await bring(tests[first] as TestArrival);
    await arrivals[Symbol.asyncDispose]();
    expect(readdirSync(packsDirectory(store.directory))).toEqual([]);
    expect(tests.map(({ settled }) => settled)).toEqual([[false], [false]]);
  });
});

describe('a board that follows packs', () => {
  it('knows how much of each is there, from the beginning on', async () => {
    const { arrivals, tests, board } = await arrivalsOf(3);
    await bring(tests[first] as TestArrival, 1);
    const lost: string[] = [];
    const unfollow = followArrivals(arrivals.packs, { board, first: 3 }, ({ key }) => lost.push(key));
    expect([...countersOf(arrivals.packs, 3)].map(([, counter]) => board.at(counter))).toEqual([PART, 0, 0]);
    await bring(tests[second] as TestArrival, 1);
    await bring(tests[first] as TestArrival);
    const size = statSync(tests[first]?.arriving.path ?? '').size;
    expect([3, 4, 5].map((counter) => board.at(counter))).toEqual([size, PART, 0]);
    expect(lost).toEqual([]);
    tests[second]?.asked[0]?.fail();
    await settleDown();
    expect(new Set(lost)).toEqual(new Set([keyOf(2)]));
    expect(board.at(4)).toBe(PART);
    unfollow();
    await bring(tests[third] as TestArrival);
    expect([0, 1, 2, 5].map((counter) => board.at(counter))).toEqual([0, 0, 0, 0]);
    await arrivals[Symbol.asyncDispose]();
  });

  it('is told at once of one that is lost already', async () => {
    const { arrivals, tests, board } = await arrivalsOf(1);
    void fetchArriving([(tests[first] as TestArrival).arriving]);
    tests[first]?.asked[0]?.fail();
    await settleDown();
    const lost: string[] = [];
    followArrivals(arrivals.packs, { board, first: 3 }, ({ key }) => lost.push(key))();
    expect(lost).toEqual([keyOf(1)]);
    await arrivals[Symbol.asyncDispose]();
    expect(existsSync(join(tests[first]?.arriving.path ?? ''))).toBe(false);
  });
});
