// What a client can tell about a repository beside its content: quota, tags, and whether strangers may see it.
import { describe, expect, it } from 'vitest';
import { probeAnonymous } from '../../src/registry/probe.ts';
import { fixtureImage } from '../support/fixture-image.ts';
import { hostFor, rejection, startPair, VERIFIED } from '../support/registry-client.ts';

const image = fixtureImage();
const V1 = { target: 'v1', expected: undefined };
const CREDENTIAL = { username: 'reader', password: 'hunter2-hunter2' };
const signal = new AbortController().signal;

describe('the quota', () => {
  const headers = { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '7;w=21600' };
  const QUOTA = { remaining: 7, limit: 100, windowSeconds: 21_600 };

  it('is what the last manifest came with', async () => {
    await using pair = await startPair();
    expect(pair.client.quota).toBeUndefined();
    const body = image.manifest.toString();
    pair.registry.faults.add({ kind: 'status', status: 200, headers, body, times: 1 });
    await pair.client.manifest(V1);
    expect(pair.client.quota).toEqual(QUOTA);
    await pair.client.manifest(V1);
    expect(pair.client.quota).toEqual(QUOTA);
  });

  it('is known as well when it is used up', async () => {
    const used = { ...headers, 'ratelimit-remaining': '0;w=21600', 'retry-after': '3600' };
    await using pair = await startPair({ faults: [{ kind: 'status', status: 429, headers: used }] });
    expect(await rejection(pair.client.manifest(V1))).toMatchObject({ code: 'RATE_LIMITED' });
    expect(pair.client.quota).toEqual({ ...QUOTA, remaining: 0 });
  });
});

describe('the tags', () => {
  const listed = (body: string, status = 200) =>
    startPair({ faults: [{ kind: 'status', status, body, on: '/tags/list' }] });

  it('are one page of the list', async () => {
    await using pair = await listed(JSON.stringify({ name: 'owner/image', tags: ['v1', 'v2'] }));
    expect(await pair.client.tags(10_000)).toEqual(['v1', 'v2']);
    expect(pair.registry.requests.map(({ path }) => path)).toEqual(['/v2/owner/image/tags/list?n=1000']);
  });

  it.each([
    ['no tags', '{"name":"owner/image","tags":null}', 200, []],
    ['what is no tag', '{"tags":["v1",7,"a b","\\u001b[31m",null,"v2"]}', 200, ['v1', 'v2']],
    ['no list', '[]', 200, []],
    ['nonsense', 'nonsense', 200, []],
    ['a refusal', '{}', 403, []],
    ['an error', '{}', 503, []],
    ['too much', JSON.stringify({ tags: ['v'.repeat(20_000)] }), 200, []],
  ])('are few or none where the registry sends %s', async (_name, body, status, expected) => {
    await using pair = await listed(body, status);
    expect(await pair.client.tags(10_000)).toEqual(expected);
    expect(pair.client.requests).toBe(1);
  });

  it('are none where nobody answers', async () => {
    await using pair = await startPair();
    await pair.registry.close();
    expect(await pair.client.tags(10_000)).toEqual([]);
  });
});

describe('a probe', () => {
  const probe = (host: string, target: string = image.digest) =>
    probeAnonymous({ host: hostFor(host), target, signal }).then(({ isPublic }) => isPublic);

  it('finds what anybody may see with one HEAD, which costs no quota', async () => {
    await using pair = await startPair();
    expect(await probe(pair.registry.host)).toBe(true);
    expect(pair.registry.requests.map(({ method }) => method)).toEqual(['HEAD']);
  });

  it('gets itself an anonymous token', async () => {
    await using pair = await startPair({ auth: { kind: 'bearer' } });
    expect(await probe(pair.registry.host)).toBe(true);
  });

  it('asks again with GET where HEAD is not known', async () => {
    await using pair = await startPair({ faults: [{ kind: 'status', status: 405, times: 1 }] });
    expect(await probe(pair.registry.host)).toBe(true);
    expect(pair.registry.requests.map(({ method }) => method)).toEqual(['HEAD', 'GET']);
  });

  it('asks again with GET where HEAD does not say what it has found', async () => {
    const faults = [{ kind: 'header', name: 'docker-content-digest', value: 'something' }] as const;
    await using pair = await startPair({ faults });
    expect(await probe(pair.registry.host)).toBe(true);
    expect(pair.registry.requests.map(({ method }) => method)).toEqual(['HEAD', 'GET']);
  });

  it.each(['HEAD', 'HEAD and GET'])('that is led to a page with a login (%s) says no', async (methods) => {
    const login = { kind: 'redirect', on: '/manifests/', to: '/v2/' } as const;
    await using pair = await startPair({ faults: [{ ...login, ...(methods === 'HEAD' && { times: 1 }) }] });
    if (methods === 'HEAD') pair.registry.faults.add({ kind: 'status', status: 401, on: '/manifests/' });
    expect(await probe(pair.registry.host)).toBe(false);
    expect(pair.registry.requests[1]).toMatchObject({ method: 'HEAD', path: '/v2/', status: 200 });
  });

  it.each([
    ['refused', { auth: { kind: 'basic', ...CREDENTIAL } as const }],
    ['refused a token', { auth: { kind: 'bearer', ...CREDENTIAL } as const }],
    ['told that there is nothing', { faults: [{ kind: 'status', status: 404 } as const] }],
    ['sent away', { faults: [{ kind: 'status', status: 503 } as const] }],
  ])('that is %s says no', async (_name, registry) => {
    await using pair = await startPair(registry);
    expect(await probe(pair.registry.host)).toBe(false);
  });

  it('that reaches nobody says no', async () => {
    await using pair = await startPair();
    await pair.registry.close();
    expect(await probe(pair.registry.host)).toBe(false);
  });

  it('shows nothing by which the host knows its friends', async () => {
    await using pair = await startPair();
    const client = { certificate: 'no certificate', key: 'no key' };
    const host = hostFor(pair.registry.host, {
      headers: { 'x-pass': 'friend' },
      tls: { ...VERIFIED, client },
    });
    expect(await probeAnonymous({ host, target: image.digest, signal })).toMatchObject({ isPublic: true });
    expect(pair.registry.requests[0]?.headers).not.toHaveProperty('x-pass');
  });
});
