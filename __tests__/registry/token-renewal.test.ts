import { afterEach, describe, expect, it, vi } from 'vitest';
import { fixtureImage } from '../support/fixture-image.ts';
import { startPair } from '../support/registry-client.ts';
import { BEARER, CREDENTIAL, tokenRequests, trace, V1 } from './traced-pull.ts';

const image = fixtureImage();

describe('authorisation', () => {
  it('gets one token for many requests at once, and one more when that has expired', async () => {
    await using pair = await startPair({ auth: BEARER }, { credential: CREDENTIAL });
    const many = () => Promise.all(Array.from({ length: 8 }, () => pair.client.manifest(V1)));
    await many();
    expect(tokenRequests(pair.registry.requests)).toHaveLength(1);
    pair.registry.expireTokens();
    await many();
    expect(tokenRequests(pair.registry.requests)).toHaveLength(2);
  });

  it('renews an expired token where the registry answers 400', async () => {
    await using pair = await startPair({ auth: BEARER }, { credential: CREDENTIAL });
    await pair.client.manifest(V1);
    pair.registry.faults.add({ kind: 'status', status: 400, on: '/manifests/', times: 1 });
    await pair.client.manifest(V1);
    expect(trace(pair.registry.requests).slice(3)).toEqual([
      'v2 bearer 400',
      'token basic 200',
      'v2 bearer 200',
    ]);
  });

  it('renews it once for many requests at once where the registry answers 400 to what is stale', async () => {
    const auth = { ...BEARER, staleStatus: 400 };
    await using pair = await startPair({ auth }, { credential: CREDENTIAL });
    await pair.client.manifest(V1);
    pair.registry.expireTokens();
    await Promise.all(Array.from({ length: 8 }, () => pair.client.manifest(V1)));
    expect(tokenRequests(pair.registry.requests)).toHaveLength(2);
  });

  it('takes a 400 that a new token does not change for an answer', async () => {
    await using pair = await startPair({ auth: BEARER }, { credential: CREDENTIAL });
    await pair.client.manifest(V1);
    pair.registry.faults.add({ kind: 'status', status: 400, on: '/manifests/' });
    for (let pulls = 0; pulls < 3; pulls++)
      await expect(pair.client.manifest(V1)).rejects.toMatchObject({ code: 'RESPONSE_INVALID', status: 400 });
    const statuses = trace(pair.registry.requests).slice(3);
    expect(statuses).toEqual(['v2 bearer 400', 'token basic 200', ...Array(3).fill('v2 bearer 400')]);
  });

  describe('with a token about to expire', () => {
    afterEach(() => vi.useRealTimers());

    async function startLate(minutes: number) {
      vi.useFakeTimers({ toFake: ['Date'] });
      const auth = { ...BEARER, expiresIn: 600 };
      const pair = await startPair({ auth }, { credential: CREDENTIAL });
      await pair.client.manifest(V1);
      vi.setSystemTime(Date.now() + minutes * 60_000);
      return pair;
    }

    it('gets the next one before anything is refused', async () => {
      await using early = await startLate(7);
      await early.client.manifest(V1);
      expect(trace(early.registry.requests).slice(3)).toEqual(['v2 bearer 200']);
      await using late = await startLate(9);
      await Promise.all(Array.from({ length: 8 }, () => late.client.manifest(V1)));
      expect(trace(late.registry.requests).slice(3)).toEqual([
        'token basic 200',
        ...Array(8).fill('v2 bearer 200'),
      ]);
    });

    it('gets along with the old one while the token server is down', async () => {
      await using pair = await startLate(9);
      pair.registry.faults.add({ kind: 'status', status: 503, on: '/token' });
      expect((await pair.client.manifest(V1)).digest).toBe(image.digest);
      expect(trace(pair.registry.requests).slice(3)).toEqual(['token basic 503', 'v2 bearer 200']);
    });
  });

  it('repeats a token request that failed in passing', async () => {
    await using pair = await startPair({ auth: BEARER }, { credential: CREDENTIAL });
    pair.registry.faults.add({ kind: 'status', status: 503, on: '/token', times: 2 });
    expect((await pair.client.manifest(V1)).digest).toBe(image.digest);
  });
});
