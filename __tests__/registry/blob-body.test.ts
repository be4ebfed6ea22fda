import { describe, expect, it } from 'vitest';
import { createOriginGate } from '../../src/http/origin-gate.ts';
import { RetryBudget } from '../../src/http/retry.ts';
import { readBlob } from '../../src/registry/blob-body.ts';
import { serve } from '../http/served-transport.ts';

const SIZE = 300_000;
const range = { start: 0, end: SIZE };
const signal = new AbortController().signal;

/** As many bytes in all as `sizes` say, one part per connection. */
async function readFrom(sizes: readonly number[], stopAt: number) {
  const parts = [...sizes];
  await using served = await serve((_request, response) => {
    response.writeHead(206).end(Buffer.alloc(parts.shift() ?? 0));
  });
  const open = async (part: typeof range) => ({
    range: part,
    answer: await served.transport.send(served.request()),
  });
  const first = await open(range);
  const policy = { gate: createOriginGate(), scale: 0.01, hasAnswered: () => true };
  const budget = new RetryBudget(policy, signal);
  let received = 0;
  for await (const bytes of readBlob({ first, reopen: open, budget })) {
    received += bytes.length;
    if (received >= stopAt) break;
  }
  return { received, isFinished: first.answer.watch.isFinished, requests: served.transport.requests };
}

describe('a body of a blob', () => {
  it('counts as finished by its last byte, though its reader does not come back after that', async () => {
    expect(await readFrom([SIZE], SIZE)).toEqual({ received: SIZE, isFinished: true, requests: 1 });
  });

  it('is not finished when its reader leaves before', async () => {
    expect(await readFrom([SIZE], 1)).toMatchObject({ isFinished: false, requests: 1 });
  });

  it('is not finished when it was too short, even though the rest came after it', async () => {
    const { received, ...rest } = await readFrom([SIZE - 1000, 1000], Number.POSITIVE_INFINITY);
    expect([received, rest]).toEqual([SIZE, { isFinished: false, requests: 2 }]);
  });
});
