import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { HttpAnswer } from '../../src/http/exchange.ts';
import { HttpError } from '../../src/http/http-error.ts';
import { createOriginSlots } from '../../src/http/origin-slots.ts';
import { RetryBudget } from '../../src/http/retry.ts';
import { createStallWatch } from '../../src/http/stall.ts';
import { withSlots } from '../../src/http/with-slots.ts';
import { serve } from './served-transport.ts';

/** Sends a few bytes every 10 ms, for ever. */
function stream(response: ServerResponse): void {
  const more = setInterval(() => response.write('more'), 10);
  response.on('close', () => clearInterval(more));
}

/** As a blob's reader does it: no further than the last byte it wants. */
async function read({ body, watch }: HttpAnswer, wanted = Number.POSITIVE_INFINITY): Promise<void> {
  const stall = createStallWatch(15_000);
  let received = 0;
  for await (const bytes of body as AsyncIterable<Uint8Array>) {
    watch.wait();
    watch.arrived(bytes.length, stall);
    received += bytes.length;
    if (received < wanted) continue;
    watch.finished();
    break;
  }
}

describe('an origin that streams', () => {
  it('is not paused for all when requests of another one keep failing', async () => {
    await using served = await serve((_request, response) => stream(response));
    const { gate, origin, transport } = served;
    const controller = new AbortController();
    const streaming = read(await transport.send(served.request({ signal: controller.signal }))).catch(
      () => undefined,
    );
    const budget = new RetryBudget(
      { gate, scale: 0.2, hasAnswered: transport.hasAnswered },
      controller.signal,
    );
    const failure = (took: number) =>
      new HttpError('REGISTRY_UNAVAILABLE', 'broke off', { retry: 'soon', origin, took });
    await budget.spend(failure(0));
    await sleep(50);
    // A long wait, of up to 3 s, which would be for all if there were no sign of life.
    const waiting = budget.spend(failure(60_000)).catch(() => undefined);
    const started = performance.now();
    await gate.pass(origin, controller.signal);
    expect(performance.now() - started).toBeLessThan(20);
    controller.abort();
    await Promise.all([streaming, waiting]);
  });
});

describe('a body, for the slots of its origin,', () => {
  async function limitAfter(bodies: number, use: (answer: HttpAnswer) => void | Promise<void>) {
    await using served = await serve((_request, response) => stream(response));
    const { origin } = served;
    const slots = createOriginSlots(8);
    const send = withSlots(served.transport.send, slots);
    const halved = await slots.acquire(origin, new AbortController().signal);
    halved.trouble();
    halved.release();
    const before = slots.state(origin).limit;
    for (let sent = 0; sent < bodies; sent++) {
      const answer = await send(served.request());
      const closed = new Promise((resolve) => answer.body.once('close', resolve));
      await use(answer);
      await closed;
    }
    expect(slots.state(origin).inUse).toBe(0);
    return { before, after: slots.state(origin).limit };
  }

  it('makes room for one more when it came whole', async () => {
    expect(await limitAfter(2, (answer) => read(answer, 4))).toEqual({ before: 2, after: 3 });
  });

  it('says nothing either way when it was given up', async () => {
    const limits = await limitAfter(10, ({ body }) => void body.destroy());
    expect(limits).toEqual({ before: 2, after: 2 });
  });
});
