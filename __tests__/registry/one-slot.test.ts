import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { fixtureImage } from '../support/fixture-image.ts';
import { collect, startPair } from '../support/registry-client.ts';

const never = new AbortController().signal;
const image = fixtureImage();
const { layer } = image;

describe('a client with one slot', () => {
  const part = { start: 0, end: 300_000 };
  const wanted = image.bytes(layer).subarray(0, 300_000);

  it.each([
    ['a body that was read', []],
    ['a refusal', [{ kind: 'status', status: 500, times: 1 }]],
    ['a reset', [{ kind: 'reset', times: 1 }]],
    ['a body that broke', [{ kind: 'cut', bytes: 1000, times: 1 }]],
    ['a body that fell silent', [{ kind: 'stall', bytes: 1000, times: 1 }]],
    ['a range that was ignored', [{ kind: 'ignore-ranges', times: 1 }]],
    ['an answer that was no range', [{ kind: 'content-range', value: 'bytes 5-6/7', times: 1 }]],
  ] as const)('goes on after %s', async (_name, faults) => {
    await using pair = await startPair({ faults: [...faults], blobs: 'redirect' }, { connections: 1 });
    for (let round = 0; round < 3; round++) {
      const { chunks, range } = await pair.client.blob(layer, part, never);
      expect((await collect(chunks)).subarray(0, 300_000).equals(wanted)).toBe(true);
      expect(range.start).toBe(0);
    }
  });

  it('goes on after a body that was cancelled, one that was left half read, and one that nobody read', async () => {
    await using pair = await startPair({}, { connections: 1 });
    const cancelled = new AbortController();
    const body = await pair.client.blob(layer, part, cancelled.signal);
    cancelled.abort();
    await expect(collect(body.chunks)).rejects.toMatchObject({ code: 'ABORTED' });
    for await (const _ of (await pair.client.blob(layer, part, never)).chunks) break;
    const unread = new AbortController();
    await pair.client.blob(layer, part, unread.signal);
    unread.abort();
    expect((await collect((await pair.client.blob(layer, part, never)).chunks)).equals(wanted)).toBe(true);
  });

  it('gets tokens and manifests while the slot is taken', async () => {
    const auth = { kind: 'bearer', tokenUses: 2 } as const;
    await using pair = await startPair({ auth }, { connections: 1 });
    const first = await pair.client.blob(layer, part, never);
    const manifests = [1, 2, 3].map(() => pair.client.manifest({ target: 'v1', expected: undefined }));
    for (const one of await Promise.all(manifests)) expect(one.digest).toBe(image.digest);
    const second = pair.client.blob(layer, part, never);
    await sleep(50);
    expect((await collect(first.chunks)).equals(wanted)).toBe(true);
    expect((await collect((await second).chunks)).equals(wanted)).toBe(true);
  });

  it('renews a token for the very request that holds the slot', async () => {
    await using pair = await startPair({ auth: { kind: 'bearer', tokenUses: 1 } }, { connections: 1 });
    for (let round = 0; round < 3; round++) {
      const bytes = await collect((await pair.client.blob(layer, part, never)).chunks);
      expect(bytes.equals(wanted)).toBe(true);
    }
  });
});
