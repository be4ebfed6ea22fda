import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type CacheBackend, isCacheBackend, openCache } from '../../src/cache/choose-backend.ts';
import * as keys from '../../src/cache/keys.ts';
import { RemoteCacheSession } from '../../src/cache/remote-session.ts';
import { saveToCache } from '../../src/cache/save.ts';
import { imageIdentity, makePack, NOON, PREFIX } from '../support/cache-flow.ts';
import { CacheService, SERVICE_LIMITS } from '../support/cache-service.ts';
import { type FakeRunner, startRunner } from '../support/runner.ts';

let service: CacheService;
let runner: FakeRunner;
const debugged: string[] = [];
const logged: string[] = [];

function open(backend: CacheBackend, env: Record<string, string | undefined> = {}) {
  return openCache({
    backend,
    env: { ...process.env, ...env },
    tempDirectory: runner.temp,
    log: (line) => logged.push(line),
    debug: (line) => debugged.push(line),
    onSecret: () => undefined,
  });
}

beforeEach(async () => {
  service = await CacheService.start(SERVICE_LIMITS);
  runner = await startRunner(service.environment());
});
afterEach(async () => {
  await runner.end();
  await service.close();
  debugged.length = 0;
  logged.length = 0;
});

describe('the choice of a backend', () => {
  it.each<[string, CacheBackend, Record<string, string | undefined>, string]>([
    ['the service of github.com', 'auto', {}, 'direct'],
    ['that of GitHub with data residency', 'auto', { GITHUB_SERVER_URL: 'https://acme.ghe.com' }, 'direct'],
    ['no server named', 'auto', { GITHUB_SERVER_URL: undefined }, 'direct'],
    ['GitHub Enterprise Server', 'auto', { GITHUB_SERVER_URL: 'https://git.example' }, 'toolkit'],
    ['a service of version 1, as with act', 'auto', { ACTIONS_CACHE_SERVICE_V2: undefined }, 'toolkit'],
    ['no service', 'auto', { ACTIONS_RESULTS_URL: '' }, 'toolkit'],
    ['an address that is none', 'auto', { ACTIONS_RESULTS_URL: 'results' }, 'toolkit'],
    ['no token', 'auto', { ACTIONS_RUNTIME_TOKEN: '' }, 'toolkit'],
    ['a token that is no header', 'auto', { ACTIONS_RUNTIME_TOKEN: 'a\r\nb: c' }, 'toolkit'],
    [
      'a proxy that cannot be used',
      'auto',
      { https_proxy: 'ftp://proxy.test', ACTIONS_RESULTS_URL: 'https://results.test/' },
      'toolkit',
    ],
    ['the word toolkit', 'toolkit', {}, 'toolkit'],
    ['the word direct', 'direct', {}, 'direct'],
    ['the word direct without a service', 'direct', { ACTIONS_RESULTS_URL: '' }, 'none'],
  ])('for %s (%s) is told in one line', (_, backend, env, chosen) => {
    open(backend, env);
    expect(debugged).toEqual([expect.stringMatching(new RegExp(`^cache backend: ${chosen} \\(`))]);
    expect(debugged.join()).toContain(`cache-backend: ${backend}`);
    expect(service.log).toEqual([]);
  });

  it('knows its own words', () => {
    expect(['auto', 'toolkit', 'direct', '', 'Auto', 'none'].map(isCacheBackend)).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  it('is a cache in which everything misses where direct cannot be', async () => {
    const cache = open('direct', { ACTIONS_RUNTIME_TOKEN: '' });
    expect(await cache.lookup('thing', ['k-'])).toBeUndefined();
    const outcome = await cache.save({ name: 'thing', key: 'k-1', equivalents: [], file: '/absent' });
    expect(outcome).toMatchObject({ kind: 'unavailable', message: expect.stringContaining('TOKEN') });
  });
});

describe('entries of the two backends', () => {
  it('do not meet, even under the same key', async () => {
    const file = join(await mkdtemp(join(runner.root, 'in-')), 'file');
    await writeFile(file, 'bytes');
    const request = { name: 'v1-thing', key: 'k-1', equivalents: [], file };
    expect(await open('toolkit').save(request)).toEqual({ kind: 'saved' });
    const direct = open('direct');
    expect(await direct.lookup('v1-thing', ['k-'])).toBeUndefined();
    expect(await direct.save(request)).toEqual({ kind: 'saved' });
    const out = join(runner.root, 'out');
    for (const cache of [direct, open('toolkit')]) {
      expect(await cache.restore('v1-thing', ['k-'], out)).toBe('k-1');
      expect(await readFile(out, 'utf8')).toBe('bytes');
    }
  });
});

describe('a protocol that is not as expected', () => {
  const { signal } = new AbortController();
  const log = (line: string) => logged.push(line);
  const page = { status: 200, body: '<html>sign in</html>' };

  async function plan(names: readonly string[]) {
    const packs = await Promise.all(
      names.map((name, index) => makePack(runner.root, name, 1000 * (index + 1))),
    );
    const restored = { image: imageIdentity(), packs: [] };
    return { prefix: PREFIX, restored, newPacks: packs, livePacks: packs };
  }
  const options = (cache: ReturnType<typeof open>) => ({
    cache,
    tempDirectory: runner.temp,
    now: NOON,
    signal,
    log,
  });

  it('is left to the toolkit for the rest of the job, with one line', async () => {
    await saveToCache(await plan(['one']), options(open('toolkit')));
    const cache = open('auto');
    expect(cache.form).toBe('raw');
    service.faults = { surprise: { method: 'GetCacheEntryDownloadURL', ...page, times: 1 } };
    const session = new RemoteCacheSession({ cache, prefix: PREFIX, log, signal });
    const report = await session.restore(imageIdentity(), join(runner.root, 'packs'));
    expect(report).toMatchObject({ match: 'exact', bytes: 1000 });
    expect(session.restored?.form).toBe('archive');
    expect(cache.form).toBe('archive');
    expect(debugged.filter((line) => line.includes('from now on'))).toHaveLength(1);
    expect(await cache.open('v1-thing', ['k-'])).toBeUndefined();
  });

  it('stays without a fallback where the user wants none', async () => {
    const cache = open('direct');
    service.faults = { surprise: { method: 'GetCacheEntryDownloadURL', ...page } };
    expect(await cache.lookup('thing', ['k-'])).toBeUndefined();
    expect(cache.form).toBe('raw');
    expect(logged.join()).toContain('no JSON object');
  });

  it.each([1, 2, 3])('in create %i of a save makes the toolkit save all of it', async (create) => {
    const cache = open('auto');
    const call = vi.fn();
    const three = await plan(['one', 'two']);
    service.onCall = (method) => {
      if (method !== 'CreateCacheEntry') return;
      call();
      service.faults = call.mock.calls.length === create ? { surprise: { method, ...page, times: 1 } } : {};
    };
    const report = await saveToCache(three, options(cache));
    expect(report).toMatchObject({ kind: 'saved', uploadedPacks: 2, uploadedBytes: 3000 });
    const fresh = new RemoteCacheSession({ cache: open('toolkit'), prefix: PREFIX, log, signal });
    expect(await fresh.restore(imageIdentity(), join(runner.root, 'packs'))).toMatchObject({ bytes: 3000 });
    // Nobody who reads the other form may find a head of packs that are not there.
    expect(await open('direct').lookup(keys.HEAD_NAME, [PREFIX])).toBeUndefined();
  });

  it('between main and post makes post save what the other backend cannot see', async () => {
    const saved = await plan(['one']);
    await saveToCache(saved, options(open('toolkit')));
    const session = new RemoteCacheSession({ cache: open('toolkit'), prefix: PREFIX, log, signal });
    await session.restore(imageIdentity(), join(runner.root, 'packs'));
    if (!session.restored) throw new Error('nothing was restored');
    const two = await plan(['one', 'two']);
    const newPacks = two.newPacks.slice(1);
    const report = await saveToCache(
      { ...two, newPacks, restored: session.restored },
      options(open('direct')),
    );
    expect(report).toMatchObject({ kind: 'saved', uploadedPacks: 2 });
  });
});
