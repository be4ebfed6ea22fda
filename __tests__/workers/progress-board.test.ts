import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { WorkerPool } from '../../src/workers/pool.ts';
import { ProgressBoard } from '../../src/workers/progress-board.ts';
import type { EchoJobs } from '../support/echo-worker.ts';
import { rejected, thrown } from '../support/pull-error.ts';

const SCRIPT = new URL('../support/echo-worker.ts', import.meta.url);
let pool: WorkerPool<EchoJobs> | undefined;
afterEach(async () => {
  await pool?.close();
  pool = undefined;
});

/** Waits in a thread of its own; `started` settles when it is about to. */
function waitInWorker(board: ProgressBoard, counter: number, amount: number) {
  pool ??= new WorkerPool<EchoJobs>(SCRIPT, 3);
  const started = Promise.withResolvers<void>();
  const input = { memory: board.memory, counter, amount };
  const done = pool.run('waitFor', input, { onEvent: () => started.resolve() });
  return { started: started.promise, done };
}

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const marker = Symbol('pending');
  for (let round = 0; round < 5; round++) await turn();
  return (await Promise.race([promise, Promise.resolve(marker)])) === marker;
}

describe('ProgressBoard', () => {
  it('knows what has been counted, for each counter', () => {
    const board = ProgressBoard.create(2);
    board.add(0, 5);
    board.add(1, 2);
    board.add(0, 5);
    expect([board.has(0, 10), board.has(0, 11), board.has(1, 2), board.has(1, 3)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });

  it('has reached nothing from the beginning', () => {
    expect(ProgressBoard.create(1).has(0, 0)).toBe(true);
  });

  it('counts beyond 32 bits', () => {
    const board = ProgressBoard.create(1);
    board.add(0, 2 ** 52);
    board.add(0, 2 ** 40);
    expect([board.has(0, 2 ** 52 + 2 ** 40), board.has(0, 2 ** 52 + 2 ** 40 + 1)]).toEqual([true, false]);
  });

  it('does not wait for what is there', async () => {
    const board = ProgressBoard.create(1);
    board.add(0, 3);
    await expect(board.waitFor(0, 3)).resolves.toBeUndefined();
  });

  it('waits until enough is there', async () => {
    const board = ProgressBoard.create(2);
    const waiting = board.waitFor(1, 10);
    board.add(0, 100);
    board.add(1, 9);
    expect(await isPending(waiting)).toBe(true);
    board.add(1, 1);
    await waiting;
  });

  it('wakes all who wait for one counter', async () => {
    const board = ProgressBoard.create(1);
    const waiting = [1, 2, 3].map((amount) => board.waitFor(0, amount));
    board.add(0, 3);
    await Promise.all(waiting);
  });

  it('wakes those who wait when it is aborted, and all who come later', async () => {
    const board = ProgressBoard.create(2);
    const waiting = [board.waitFor(0, 1), board.waitFor(1, 2 ** 50)].map((one) => rejected('ABORTED', one));
    board.abort();
    await Promise.all(waiting);
    await rejected('ABORTED', board.waitFor(0, 0));
    thrown('ABORTED', () => board.has(1, 0));
  });

  it('stays aborted when it is aborted again and counted on', () => {
    const board = ProgressBoard.create(1);
    board.abort();
    board.abort();
    board.add(0, 5);
    thrown('ABORTED', () => board.has(0, 1));
  });

  it('without counters can be aborted', () => {
    expect(() => ProgressBoard.create(0).abort()).not.toThrow();
  });
});

describe('a ProgressBoard between threads', () => {
  it('lets a worker wait for what the main thread counts', async () => {
    const board = ProgressBoard.create(2);
    const { started, done } = waitInWorker(board, 1, 1000);
    await started;
    for (let step = 0; step < 999; step++) board.add(1, 1);
    expect(await isPending(done)).toBe(true);
    board.add(1, 1);
    expect(await done).toBe('there');
  });

  it('shows a worker what was counted before it came', async () => {
    const board = ProgressBoard.create(1);
    board.add(0, 7);
    expect(await waitInWorker(board, 0, 7).done).toBe('there');
  });

  it('wakes workers when it is aborted', async () => {
    const board = ProgressBoard.create(3);
    const waiting = [0, 1, 2].map((counter) => waitInWorker(board, counter, 1));
    const outcomes = waiting.map(({ done }) => rejected('ABORTED', done));
    await Promise.all(waiting.map(({ started }) => started));
    board.abort();
    await Promise.all(outcomes);
  });

  it('wakes a worker that main has counted for while it went to sleep', async () => {
    const board = ProgressBoard.create(50);
    const waiting = Array.from({ length: 50 }, (_, counter) => waitInWorker(board, counter, 2).done);
    for (let counter = 0; counter < 50; counter++) {
      board.add(counter, 1);
      if (counter % 7 === 0) await turn();
      board.add(counter, 1);
    }
    expect(await Promise.all(waiting)).toEqual(Array(50).fill('there'));
  });
});
