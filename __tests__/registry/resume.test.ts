import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { fixtureImage } from '../support/fixture-image.ts';
import { collect, startPair } from '../support/registry-client.ts';

const image = fixtureImage();
const { layer } = image;
const content = image.bytes(layer);
const WHOLE = { start: 0, end: layer.size };
const PART = { start: 100_000, end: 2_000_000 };
const never = new AbortController().signal;

describe('a body whose connection breaks', () => {
  it.each([
    ['the whole blob', WHOLE],
    ['a range', PART],
  ])('resumes from the last good byte: %s', async (_name, range) => {
    await using pair = await startPair({ faults: [{ kind: 'cut', bytes: 500_000, times: 3 }] });
    const { chunks } = await pair.client.blob(layer, range, never);
    expect((await collect(chunks)).equals(content.subarray(range.start, range.end))).toBe(true);
    const starts = pair.registry.requests.map((one) => Number(/=(\d+)-/.exec(one.range ?? '=0-')?.[1]));
    expect(starts).toHaveLength(4);
    expect(starts).toEqual(starts.toSorted((a, b) => a - b));
    expect(starts[3]).toBeGreaterThan(range.start + 500_000);
  });

  it('outlives more breaks than the budget has, as long as bytes flow', async () => {
    await using pair = await startPair({ faults: [{ kind: 'cut', bytes: 150_000 }] });
    const bytes = Buffer.concat([
      await collect((await pair.client.blob(layer, WHOLE, never)).chunks),
      await collect((await pair.client.blob(layer, WHOLE, never)).chunks),
    ]);
    expect(bytes.equals(Buffer.concat([content, content]))).toBe(true);
    expect(pair.client.requests).toBeGreaterThan(24);
  });

  it('gives up when no byte comes any more', async () => {
    await using pair = await startPair({ faults: [{ kind: 'cut', bytes: 0 }] });
    const { chunks } = await pair.client.blob(layer, WHOLE, never);
    await expect(collect(chunks)).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
    expect(pair.client.requests).toBeLessThan(40);
  });

  it('starts over and leaves out what was delivered where the server does not resume', async () => {
    const faults = [{ kind: 'ignore-ranges' }, { kind: 'cut', bytes: 500_000, times: 2 }] as const;
    await using pair = await startPair({ faults });
    const { chunks, range } = await pair.client.blob(layer, PART, never);
    expect(range).toEqual(WHOLE);
    expect((await collect(chunks)).equals(content)).toBe(true);
    expect(pair.client.requests).toBe(3);
  });

  it('delivers no more than the range when only the resumed answer is the whole blob', async () => {
    const faults = [
      { kind: 'ignore-ranges', after: 1 },
      { kind: 'cut', bytes: 500_000, times: 1 },
    ] as const;
    await using pair = await startPair({ faults });
    const { chunks, range } = await pair.client.blob(layer, PART, never);
    expect(range).toEqual(PART);
    expect((await collect(chunks)).equals(content.subarray(PART.start, PART.end))).toBe(true);
  });

  it('does not start over for ever', async () => {
    await using pair = await startPair({
      faults: [{ kind: 'ignore-ranges' }, { kind: 'cut', bytes: 500_000 }],
    });
    const { chunks } = await pair.client.blob(layer, WHOLE, never);
    await expect(collect(chunks)).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
    expect(pair.client.requests).toBe(5);
  });

  it('is asked for again when it falls silent', async () => {
    await using pair = await startPair({ faults: [{ kind: 'stall', bytes: 300_000, times: 1 }] });
    const { chunks } = await pair.client.blob(layer, WHOLE, never);
    expect((await collect(chunks)).equals(content)).toBe(true);
    expect(pair.client.requests).toBe(2);
  });

  it('may be read slowly', async () => {
    await using pair = await startPair({}, { timeouts: { connect: 1000, headers: 1000, body: 500 } });
    const { chunks } = await pair.client.blob(layer, WHOLE, never);
    let size = 0;
    for await (const chunk of chunks) {
      if (size === 0) await sleep(2500);
      size += chunk.length;
    }
    expect([size, pair.client.requests]).toEqual([layer.size, 1]);
  });
});

describe('cancelling', () => {
  it('ends a body at once', async () => {
    const controller = new AbortController();
    await using pair = await startPair({ faults: [{ kind: 'stall', bytes: 300_000 }] });
    const { chunks } = await pair.client.blob(layer, WHOLE, controller.signal);
    setTimeout(() => controller.abort(), 50);
    await expect(collect(chunks)).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('ends a wait between attempts at once', async () => {
    const controller = new AbortController();
    const fault = { kind: 'status', status: 503, headers: { 'retry-after': '30' } } as const;
    await using pair = await startPair({ faults: [fault] }, { signal: controller.signal, backoff: 1 });
    setTimeout(() => controller.abort(new Error('enough')), 50);
    const manifest = pair.client.manifest({ target: 'v1', expected: undefined });
    await expect(manifest).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('keeps a request from being made', async () => {
    await using pair = await startPair();
    const blob = pair.client.blob(layer, WHOLE, AbortSignal.abort());
    await expect(blob).rejects.toMatchObject({ code: 'ABORTED' });
    expect(pair.registry.requests).toEqual([]);
  });

  it('of a body that nobody reads is no failure of the process', async () => {
    const controller = new AbortController();
    await using pair = await startPair();
    await pair.client.blob(layer, WHOLE, controller.signal);
    controller.abort();
    await sleep(50);
    expect(pair.client.requests).toBe(1);
  });
});
