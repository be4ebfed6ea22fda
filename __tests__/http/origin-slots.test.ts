import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createOriginSlots, type Slot } from '../../src/http/origin-slots.ts';

const never = new AbortController().signal;
const A = 'https://a.example';

async function take(slots: ReturnType<typeof createOriginSlots>, count: number): Promise<Slot[]> {
  return Promise.all(Array.from({ length: count }, () => slots.acquire(A, never)));
}

describe('slots of an origin', () => {
  it('start at four, or at the maximum if that is less', async () => {
    for (const [maximum, start] of [
      [8, 4],
      [2, 2],
      [1, 1],
    ] as const) {
      const slots = createOriginSlots(maximum);
      for (let asked = 0; asked < 10; asked++) void slots.acquire(A, never);
      await turn();
      expect(slots.state(A)).toEqual({ limit: start, inUse: start, waiting: 10 - start });
    }
  });

  it('reach the maximum as soon as four requests were taken without complaint', async () => {
    const slots = createOriginSlots(8);
    for (const slot of await take(slots, 4)) slot.accepted();
    expect(slots.state(A).limit).toBe(8);
    for (const slot of await take(slots, 4)) slot.accepted();
    expect(slots.state(A)).toEqual({ limit: 8, inUse: 8, waiting: 0 });
  });

  it('are halved by trouble, once for all that were under way, and never below one', async () => {
    const slots = createOriginSlots(8);
    for (const slot of await take(slots, 4)) slot.accepted();
    const all = await take(slots, 4);
    for (const slot of all) slot.trouble();
    expect(slots.state(A).limit).toBe(4);
    const lone = createOriginSlots(8);
    for (let round = 0; round < 6; round++) {
      const slot = await lone.acquire(A, never);
      slot.trouble();
      slot.release();
    }
    expect(lone.state(A)).toEqual({ limit: 1, inUse: 0, waiting: 0 });
  });

  it('grow by one after as many clean bodies as there are slots', async () => {
    const slots = createOriginSlots(8);
    const [first] = await take(slots, 1);
    first?.trouble();
    first?.release();
    const limits: number[] = [];
    for (let bodies = 0; bodies < 9; bodies++) {
      const slot = await slots.acquire(A, never);
      slot.accepted();
      slot.finished();
      slot.release();
      limits.push(slots.state(A).limit);
    }
    // Halved to 2: two clean bodies make it 3, three more 4.
    expect(limits).toEqual([2, 3, 3, 3, 4, 4, 4, 4, 5]);
  });

  it('do not grow by bodies that were given up or broke off', async () => {
    const slots = createOriginSlots(8);
    const [first] = await take(slots, 1);
    first?.trouble();
    first?.release();
    for (let bodies = 0; bodies < 20; bodies++) {
      const slot = await slots.acquire(A, never);
      slot.accepted();
      slot.release();
    }
    expect(slots.state(A)).toEqual({ limit: 2, inUse: 0, waiting: 0 });
  });

  it('of one origin are no matter to another', async () => {
    const slots = createOriginSlots(1);
    await slots.acquire(A, never);
    await slots.acquire('https://b.example', never);
    expect(slots.state('https://b.example').inUse).toBe(1);
  });

  it('are given in the order of asking', async () => {
    const slots = createOriginSlots(1);
    const [held] = await take(slots, 1);
    const order: number[] = [];
    const waiting = [1, 2, 3].map(async (number) => {
      const slot = await slots.acquire(A, never);
      order.push(number);
      slot.release();
    });
    held?.release();
    await Promise.all(waiting);
    expect(order).toEqual([1, 2, 3]);
  });

  it('leave the queue when the wait is cancelled', async () => {
    const slots = createOriginSlots(1);
    const [held] = await take(slots, 1);
    const controller = new AbortController();
    const waiting = slots.acquire(A, controller.signal);
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' });
    held?.release();
    held?.release();
    expect(slots.state(A)).toEqual({ limit: 1, inUse: 0, waiting: 0 });
  });

  it('never leak and never exceed the limit, whatever happens in whatever order', async () => {
    const step = fc.constantFrom(
      'acquire',
      'abort',
      'accept',
      'trouble',
      'finish',
      'release',
      'release twice',
      'break',
    );
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 9 }),
        fc.array(step, { maxLength: 60 }),
        async (maximum, steps) => {
          const slots = createOriginSlots(maximum);
          const held: Slot[] = [];
          const waiting = new Set<AbortController>();
          const ask = () => {
            const controller = new AbortController();
            waiting.add(controller);
            slots.acquire(A, controller.signal).then(
              (slot) => {
                waiting.delete(controller);
                held.push(slot);
              },
              () => waiting.delete(controller),
            );
          };
          for (const one of steps) {
            if (one === 'acquire') ask();
            if (one === 'abort') [...waiting].at(-1)?.abort();
            if (one === 'accept') held.at(0)?.accepted();
            if (one === 'trouble') held.at(-1)?.trouble();
            if (one === 'finish') held.at(-1)?.finished();
            if (one === 'break') slots.trouble(A);
            if (one.startsWith('release')) {
              const slot = held.shift();
              slot?.release();
              if (one === 'release twice') slot?.release();
            }
            await turn();
            const { limit, inUse } = slots.state(A);
            expect(inUse).toBe(held.length);
            expect(limit).toBeGreaterThanOrEqual(1);
            expect(limit).toBeLessThanOrEqual(maximum);
          }
          while (held.length > 0 || waiting.size > 0) {
            held.shift()?.release();
            await turn();
          }
          expect(slots.state(A)).toMatchObject({ inUse: 0, waiting: 0 });
        },
      ),
      { numRuns: 200 },
    );
  });
});
