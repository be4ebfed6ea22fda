import fc from 'fast-check';
import { expect, it } from 'vitest';
import { applyChanges, BoardRelay } from '../../src/elevate/board-relay.ts';
import { ProgressBoard } from '../../src/workers/progress-board.ts';

it('brings another board up to date, whenever it is asked', () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ counter: fc.nat(4), amount: fc.integer({ min: 1, max: 2 ** 40 }) }),
      fc.constant('relay'),
    ),
  );
  fc.assert(
    fc.property(steps, (plan) => {
      const [here, there] = [ProgressBoard.create(5), ProgressBoard.create(5)];
      const relay = new BoardRelay(here);
      const bring = () => {
        const changes = relay.changes();
        if (changes) applyChanges(there, changes);
      };
      for (const step of plan) {
        if (typeof step === 'string') bring();
        else here.add((step as { counter: number }).counter, (step as { amount: number }).amount);
      }
      bring();
      const values = (board: ProgressBoard) =>
        Array.from({ length: board.counters }, (_, at) => board.at(at));
      expect(values(there)).toEqual(values(here));
    }),
  );
});

it('has nothing to tell where nothing has changed', () => {
  const board = ProgressBoard.create(2);
  const relay = new BoardRelay(board);
  expect(relay.changes()).toBeUndefined();
  board.add(1, 7);
  expect(relay.changes()).toEqual({ counters: Uint32Array.of(1), amounts: Float64Array.of(7) });
  expect(relay.changes()).toBeUndefined();
});

it('does not take an abort for bytes', () => {
  const board = ProgressBoard.create(2);
  const relay = new BoardRelay(board);
  board.abort();
  expect(relay.changes()).toBeUndefined();
});
