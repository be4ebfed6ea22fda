import { describe, expect, it } from 'vitest';
import { openRegistryClient } from '../../src/registry/client.ts';
import { fixtureImage } from '../support/fixture-image.ts';
import { clientOptionsFor, rejection, startPair } from '../support/registry-client.ts';
import type { Fault } from '../support/registry-faults.ts';

const V1 = { target: 'v1', expected: undefined };
const image = fixtureImage();

describe('retrying', () => {
  it.each([408, 425, 429, 500, 502, 503, 504, 522, 524])('outlives a passing %d', async (status) => {
    await using pair = await startPair({ faults: [{ kind: 'status', status, times: 2 }] });
    expect((await pair.client.manifest(V1)).digest).toBe(image.digest);
    expect(pair.client.requests).toBe(3);
  });

  it.each([
    [400, 'RESPONSE_INVALID'],
    [401, 'UNAUTHORIZED'],
    [403, 'UNAUTHORIZED'],
    [404, 'NOT_FOUND'],
    [406, 'RESPONSE_INVALID'],
    [501, 'REGISTRY_UNAVAILABLE'],
  ])('does not repeat what was answered %d', async (status, code) => {
    await using pair = await startPair({ faults: [{ kind: 'status', status, on: '/manifests/' }] });
    await expect(pair.client.manifest(V1)).rejects.toMatchObject({ code, status });
    expect(pair.registry.requests.filter((one) => one.path.includes('/manifests/'))).toHaveLength(1);
  });

  it('outlives broken connections and silence', async () => {
    const faults: Fault[] = [
      { kind: 'cut', bytes: 100, times: 1 },
      { kind: 'stall', bytes: 100, times: 1, after: 1 },
    ];
    await using pair = await startPair({ faults });
    expect((await pair.client.manifest(V1)).digest).toBe(image.digest);
    expect(pair.client.requests).toBe(3);
  });

  it('gives up when its patience is spent and names the last failure', async () => {
    const body = JSON.stringify({ errors: [{ code: 'UNAVAILABLE', message: 'down for repairs' }] });
    await using pair = await startPair({ faults: [{ kind: 'status', status: 503, body }] });
    const error = await rejection(pair.client.manifest(V1));
    expect(error).toMatchObject({ code: 'REGISTRY_UNAVAILABLE', status: 503 });
    expect(error.message).toContain('down for repairs');
    // Some fourteen; how many exactly is up to the dice.
    expect(pair.client.requests).toBeGreaterThan(7);
    expect(pair.client.requests).toBeLessThan(40);
    expect(error.message).toContain(`gave up after ${pair.client.requests} attempts`);
  });

  it('reads no more than it wants of a long error page', async () => {
    const body = 'x'.repeat(5_000_000);
    await using pair = await startPair({ faults: [{ kind: 'status', status: 404, body }] });
    const error = await rejection(pair.client.manifest(V1));
    expect(error).toMatchObject({ code: 'NOT_FOUND', diagnostics: [] });
    expect(error.message.length).toBeLessThan(300);
  });
});

describe('an origin of which nothing comes any more', () => {
  it('is left alone by all requests together', async () => {
    await using pair = await startPair({ faults: [{ kind: 'status', status: 503 }] }, { backoff: 0.05 });
    const all = Array.from({ length: 8 }, () => rejection(pair.client.manifest(V1)));
    for (const error of await Promise.all(all)) expect(error).toMatchObject({ status: 503 });
    const { requests } = pair.registry;
    const rounds = requests.filter(({ at }, index) => at - (requests[index - 1]?.at ?? -1000) > 20);
    expect(rounds.length).toBeLessThan(requests.length / 2);
  }, 30_000);
});

describe('Retry-After', () => {
  const limited = (retryAfter: string, times?: number): Fault => ({
    kind: 'status',
    status: 429,
    headers: { 'retry-after': retryAfter },
    ...(times === undefined ? {} : { times }),
  });

  it('is waited for, by all requests to that origin', async () => {
    await using pair = await startPair({ faults: [limited('20', 1)] }, { backoff: 0.01 });
    const first = pair.client.manifest(V1);
    while (pair.registry.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await Promise.all([first, pair.client.manifest(V1)]);
    const [refused, ...later] = pair.registry.requests;
    expect(later).toHaveLength(2);
    for (const one of later) expect(one.at - (refused?.at ?? 0)).toBeGreaterThan(190);
  });

  it('is waited for as a date', async () => {
    const date = new Date(Date.now() + 30_000).toUTCString();
    await using pair = await startPair({ faults: [limited(date, 1)] });
    await pair.client.manifest(V1);
    const [refused, repeated] = pair.registry.requests;
    expect((repeated?.at ?? 0) - (refused?.at ?? 0)).toBeGreaterThan(250);
  });

  it('above a minute ends the pull and says when it may work again', async () => {
    await using pair = await startPair({ faults: [limited('3600')] });
    const error = await rejection(pair.client.manifest(V1));
    expect(error).toMatchObject({ code: 'RATE_LIMITED', retryAfter: 3_600_000 });
    expect(error.message).toMatch(/3600 s, until \d{4}-\d\d-\d\dT/);
    expect(pair.client.requests).toBe(1);
  });

  it('beyond all dates ends the pull as any other long one', async () => {
    await using pair = await startPair({ faults: [limited('999999999h'.repeat(4))] });
    await expect(pair.client.manifest(V1)).rejects.toMatchObject({ code: 'RATE_LIMITED', status: 429 });
  });

  it('is not needed to give up on a quota soon', async () => {
    const body = JSON.stringify({ errors: [{ code: 'TOOMANYREQUESTS', message: 'pull rate limit' }] });
    await using pair = await startPair({ faults: [{ kind: 'status', status: 429, body }] });
    await expect(pair.client.manifest(V1)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    expect(pair.client.requests).toBeLessThan(7);
  });
});

describe('a host that never answers', () => {
  it.each([['127.0.0.1:1'], ['no-such-host.invalid']])('is given up soon: %s', async (host) => {
    const client = openRegistryClient({ ...clientOptionsFor(host), backoff: 1 });
    const started = performance.now();
    const error = await rejection(client.manifest(V1));
    await client.close();
    expect(error).toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
    expect(error.message).toContain(host);
    if (host.endsWith('.invalid')) expect(error.message).toContain(`the host name ${host} is not known`);
    expect(client.requests).toBe(3);
    expect(performance.now() - started).toBeLessThan(3000);
  });
});

describe('what is tried again', () => {
  async function toldBy(faults: Fault[], questions = 1) {
    const told: { kind: string; message: string }[] = [];
    await using pair = await startPair({ faults }, { tell: (event) => void told.push(event) });
    await Promise.all(
      Array.from({ length: questions }, () => pair.client.manifest(V1).catch(() => undefined)),
    );
    const of = (wanted: string) => told.flatMap(({ kind, message }) => (kind === wanted ? [message] : []));
    // Each request is told as well, beginning with its method.
    const debugs = of('debug').filter((message) => !/^[A-Z]+ http/.test(message));
    return { host: pair.registry.host, infos: of('info'), debugs };
  }

  it('is told after the second failure, once for all requests, and each time for whoever looks closely', async () => {
    const { host, infos, debugs } = await toldBy([{ kind: 'status', status: 503, times: 20 }], 8);
    expect(infos).toEqual([
      expect.stringMatching(new RegExp(`^${host}: answered 503 .*; trying again for up to (8\\d|90) s$`)),
    ]);
    expect(debugs).toHaveLength(20);
    expect(debugs[0]).toMatch(/^manifest v1 of .* answered 503 .*; attempt 2 in \d+ ms$/);
  });

  it('is not worth a line after a single failure', async () => {
    const { infos, debugs } = await toldBy([{ kind: 'reset', times: 1 }]);
    expect([infos, debugs.length]).toEqual([[], 1]);
  });

  it('is told at once where the server asks for a long wait', async () => {
    const headers = { 'retry-after': '20' };
    const { host, infos } = await toldBy([{ kind: 'status', status: 429, headers, times: 1 }]);
    expect(infos).toEqual([
      expect.stringMatching(new RegExp(`^${host}: answered 429 .*; trying again in 2[01] s$`)),
    ]);
  });

  it('is a host that cannot be reached once more only', async () => {
    const told: string[] = [];
    const client = openRegistryClient({
      ...clientOptionsFor('127.0.0.1:1'),
      tell: ({ kind, message }) => void (kind === 'info' && told.push(message)),
    });
    await rejection(client.manifest(V1));
    await client.close();
    expect(told).toEqual(['127.0.0.1:1: the connection was refused (ECONNREFUSED); trying once more']);
  });
});
