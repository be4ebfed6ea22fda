import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { HttpError } from '../../src/http/http-error.ts';
import { fixtureImage } from '../support/fixture-image.ts';
import { collect, type Pair, rejection, startPair } from '../support/registry-client.ts';

const image = fixtureImage();
const { layer } = image;
const never = new AbortController().signal;
const rangeAt = (index: number) => ({ start: index * 1000, end: (index + 1) * 1000 });

async function read({ client }: Pair, index: number, signal = never): Promise<void> {
  const { chunks } = await client.blob(layer, rangeAt(index), signal);
  expect(await collect(chunks)).toHaveLength(1000);
}

/** Requests that arrived at the registry itself since there were `before` in all. */
const lookupsSince = ({ registry }: Pair, before = 0) =>
  registry.requests.slice(before).filter(({ origin }) => origin === 'registry');

describe('the place of a blob', () => {
  const eight = Array.from({ length: 8 }, (_, index) => index);

  it('is looked up once for all who want it', async () => {
    await using pair = await startPair({ blobs: 'redirect' });
    await Promise.all(eight.map((index) => read(pair, index)));
    expect(lookupsSince(pair)).toHaveLength(1);
  });

  it('that cannot be looked up is a failure of all who wait for it, at once', async () => {
    const timeouts = { connect: 500, headers: 500, body: 500 };
    await using pair = await startPair({ blobs: 'redirect' }, { timeouts, patience: 'brief' });
    await read(pair, 0);
    const before = pair.registry.requests.length;
    pair.client.forget(layer.digest);
    pair.registry.faults.add({ kind: 'silence' });
    const started = performance.now();
    const errors = await Promise.all(eight.map((index) => rejection(read(pair, index))));
    // Two attempts with a time-out each. One after the other would take as many as there are ranges.
    expect(performance.now() - started).toBeLessThan(5000);
    expect(lookupsSince(pair, before)).toHaveLength(2);
    for (const error of errors) {
      expect(error).toBeInstanceOf(HttpError);
      expect((error as HttpError).took).toBeGreaterThan(400);
    }
  });

  it('that the registry refuses to tell is asked for by each for itself', async () => {
    await using pair = await startPair({ faults: [{ kind: 'status', status: 416, times: 1 }] });
    const [first, ...others] = await Promise.allSettled(eight.map((index) => read(pair, index)));
    expect(first).toMatchObject({ status: 'rejected', reason: { code: 'RESPONSE_INVALID' } });
    expect(others.map(({ status }) => status)).toEqual(Array(7).fill('fulfilled'));
  });

  it('is looked up by the next one when the first gives up', async () => {
    const controller = new AbortController();
    await using pair = await startPair({ blobs: 'redirect', faults: [{ kind: 'silence', times: 1 }] });
    const first = rejection(read(pair, 0, controller.signal));
    await sleep(50);
    const second = read(pair, 1);
    await sleep(50);
    controller.abort();
    expect(await first).toMatchObject({ code: 'ABORTED' });
    await second;
    expect(lookupsSince(pair)).toHaveLength(2);
  });

  it('is not forgotten because somebody does not want it any more', async () => {
    const controller = new AbortController();
    await using pair = await startPair({ blobs: 'redirect' });
    await read(pair, 0);
    pair.registry.faults.add({ kind: 'silence', on: '/storage/', times: 1 });
    const given = rejection(read(pair, 1, controller.signal));
    await sleep(100);
    controller.abort();
    expect(await given).toMatchObject({ code: 'ABORTED' });
    await read(pair, 2);
    expect(lookupsSince(pair)).toHaveLength(1);
  });

  it('is forgotten when nothing comes from there', async () => {
    await using pair = await startPair({ blobs: 'redirect' });
    await read(pair, 0);
    pair.registry.faults.add({ kind: 'reset', on: '/storage/', times: 1 });
    await read(pair, 1);
    expect(lookupsSince(pair)).toHaveLength(2);
  });
});
