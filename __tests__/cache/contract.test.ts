// What every backend of the cache promises, over real HTTP to the double of the service, with the service's own limits on.
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, open, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SaveOutcome } from '../../src/cache/blob-cache.ts';
import { type OpenCache, openCache } from '../../src/cache/choose-backend.ts';
import * as keys from '../../src/cache/keys.ts';
import { RemoteCacheSession } from '../../src/cache/remote-session.ts';
import { saveToCache } from '../../src/cache/save.ts';
import { imageIdentity, makePack, NOON, PREFIX } from '../support/cache-flow.ts';
import { CacheService, type Faults, SERVICE_LIMITS } from '../support/cache-service.ts';
import { makeToken, type TokenOptions } from '../support/cache-service-entries.ts';
import { type FakeRunner, startRunner } from '../support/runner.ts';

let service: CacheService;
let runner: FakeRunner;
let cache: OpenCache;
const logged: string[] = [];

describe.each(['direct', 'toolkit'] as const)('the %s backend', (backend) => {
  function connect(token?: TokenOptions): OpenCache {
    if (token) vi.stubEnv('ACTIONS_RUNTIME_TOKEN', makeToken(token));
    const log = (line: string) => logged.push(line);
    const rest = { log, debug: log, onSecret: () => undefined };
    cache = openCache({ backend, env: process.env, tempDirectory: runner.temp, ...rest });
    return cache;
  }

  async function input(bytes: Buffer | string): Promise<string> {
    const file = join(await mkdtemp(join(runner.root, 'in-')), 'file');
    await writeFile(file, bytes);
    return file;
  }

  async function save(key: string, bytes: Buffer | string = key, equivalents: string[] = []) {
    return cache.save({ name: 'v1-thing', key, equivalents, file: await input(bytes) });
  }

  const out = () => join(runner.root, 'restored');
  const restore = (...prefixes: string[]) => cache.restore('v1-thing', prefixes, out());
  const kindOf = (outcome: SaveOutcome) => outcome.kind;

  /** Files that a transfer has left beside its result. */
  async function leftovers(): Promise<string[]> {
    const staged = await readdir(join(runner.temp, 'oci-pull')).catch(() => []);
    return [...staged, ...(await readdir(runner.root)).filter((name) => name.includes('.partial'))];
  }

  beforeEach(async () => {
    service = await CacheService.start(SERVICE_LIMITS);
    runner = await startRunner(service.environment());
    connect();
  });
  afterEach(async () => {
    await cache.close();
    await runner.end();
    await service.close();
    logged.length = 0;
  });

  it('restores the bytes it saved, under the full key, and leaves nothing behind', async () => {
    const bytes = randomBytes(1_000_000);
    expect(await save('k-1', bytes)).toEqual({ kind: 'saved' });
    expect(await restore('k-')).toBe('k-1');
    expect(bytes.equals(await readFile(out()))).toBe(true);
    expect(await leftovers()).toEqual([]);
  });

  it.each([0, 1, 8 << 20, (8 << 20) + 1, 40_000_000])('transfers %i bytes as they are', async (size) => {
    const bytes = randomBytes(size);
    expect(await save('k-1', bytes)).toEqual({ kind: 'saved' });
    expect(await restore('k-')).toBe('k-1');
    expect(bytes.equals(await readFile(out()))).toBe(true);
  });

  it('transfers a file of more than 128 MiB', async () => {
    const size = 150 << 20;
    const path = await input('');
    await using file = await open(path, 'r+');
    await file.truncate(size);
    await file.write('mark', 131 << 20);
    expect(await cache.save({ name: 'v1-thing', key: 'k-1', equivalents: [], file: path })).toEqual({
      kind: 'saved',
    });
    expect(await restore('k-')).toBe('k-1');
    expect((await stat(out())).size).toBe(size);
    const restored = await readFile(out());
    expect(restored.indexOf('mark')).toBe(131 << 20);
    expect(restored.equals(await readFile(path))).toBe(true);
  });

  it('looks up without fetching, and keeps names apart', async () => {
    await save('k-1');
    expect(await cache.lookup('v1-thing', ['k-'])).toBe('k-1');
    expect(await cache.lookup('v1-thing', ['other-', 'k-'])).toBe('k-1');
    expect(await cache.lookup('v1-thing', ['other-'])).toBeUndefined();
    expect(await cache.lookup('v1-thing', [])).toBeUndefined();
    expect(await cache.lookup('v1-other', ['k-'])).toBeUndefined();
    expect(service.log.filter((request) => request.method === 'GET')).toEqual([]);
  });

  it('takes the newest entry of the first prefix that has any', async () => {
    for (const key of ['a-1', 'b-1', 'b-2']) await save(key);
    expect(await restore('b-', 'a-')).toBe('b-2');
    expect(await readFile(out(), 'utf8')).toBe('b-2');
  });

  it('does not take an entry whose key differs in case', async () => {
    await save('k-ABC');
    expect(await cache.lookup('v1-thing', ['k-abc'])).toBeUndefined();
  });

  it('keeps the scopes of branches apart, and reads the default branch from a pull request', async () => {
    await save('k-main');
    connect({ scopes: ['refs/pull/1/merge', 'refs/heads/main'] });
    expect(await restore('k-')).toBe('k-main');
    expect(await save('k-pr')).toEqual({ kind: 'saved' });
    connect({ scopes: ['refs/heads/main'] });
    expect(await restore('k-')).toBe('k-main');
  });

  it('transfers several names at once', async () => {
    const names = ['v1-a', 'v1-b', 'v1-c', 'v1-d'];
    const requests = await Promise.all(
      names.map(async (name) => ({ name, key: `${name}-1`, equivalents: [], file: await input(name) })),
    );
    const outcomes = await Promise.all(requests.map((request) => cache.save(request)));
    expect(outcomes.map(kindOf)).toEqual(['saved', 'saved', 'saved', 'saved']);
    await Promise.all(names.map((name) => cache.restore(name, [`${name}-`], join(runner.root, name))));
    for (const name of names) expect(await readFile(join(runner.root, name), 'utf8')).toBe(name);
  });

  it('uploads nothing where there is an equivalent', async () => {
    await save('k-1');
    const before = service.count('CreateCacheEntry');
    expect(await save('k-2', 'x', ['k-'])).toEqual({ kind: 'exists' });
    expect(service.count('CreateCacheEntry')).toBe(before);
  });

  it('uploads nothing under a key that is taken, and leaves what is there', async () => {
    await save('k-1', 'first');
    const uploads = () => service.log.filter((request) => request.method === 'PUT').length;
    const before = uploads();
    expect(['exists', 'taken']).toContain((await save('k-1', 'second')).kind);
    expect(uploads()).toBe(before);
    await restore('k-1');
    expect(await readFile(out(), 'utf8')).toBe('first');
  });

  it('does not take a reservation for an entry', async () => {
    service.faults = { refuseFinalize: true };
    expect((await save('k-1')).kind).toBe('failed');
    service.faults = {};
    expect(await restore('k-')).toBeUndefined();
    expect(['taken', 'failed']).toContain((await save('k-1')).kind);
    expect(await restore('k-')).toBeUndefined();
  });

  it.each<[string, Faults, string]>([
    ['throttled', { throttle: { method: 'CreateCacheEntry', retryAfter: 300 } }, 'throttled'],
    ['over its quota', { quotaUsed: true }, 'quota'],
    ['not finalized', { refuseFinalize: true }, 'failed'],
  ])('reports a save that is %s', async (_, faults, reason) => {
    service.faults = faults;
    const outcome = await save('k-1');
    expect(outcome).toMatchObject({
      kind: backend === 'direct' ? reason : 'failed',
      message: expect.stringContaining('k-1'),
    });
    service.faults = {};
    expect(await restore('k-')).toBeUndefined();
    expect(await leftovers()).toEqual([]);
  });

  it('reports a read-only token, and still reads with it', async () => {
    await save('k-1');
    connect({ readOnly: true });
    expect((await save('k-2')).kind).toBe(backend === 'direct' ? 'denied' : 'failed');
    expect(await restore('k-')).toBe('k-1');
  });

  it('misses without the right to read, and still writes', async () => {
    await save('k-1');
    connect({ noRead: true });
    expect(await restore('k-')).toBeUndefined();
    expect(await save('k-2', 'x')).toEqual({ kind: 'saved' });
  });

  it.each([
    ['none', false, false],
    ['read', true, false],
    ['write', true, true],
    ['write-only', false, true],
    ['of the future', true, true],
  ])('keeps to a cache-mode of the workflow that is %s', async (mode, reads, writes) => {
    await save('k-1');
    const before = service.log.length;
    vi.stubEnv('ACTIONS_CACHE_MODE', mode);
    connect();
    expect(await restore('k-')).toBe(reads ? 'k-1' : undefined);
    expect((await save('k-2')).kind === 'saved').toBe(writes);
    if (mode === 'none') expect(service.log.length).toBe(before);
  });

  it('misses when the service is gone', async () => {
    await service.close();
    expect(await restore('k-')).toBeUndefined();
    expect((await save('k-1')).kind).toBe(backend === 'direct' ? 'network' : 'failed');
    service = await CacheService.start();
  });

  it('misses while reads are throttled, and not afterwards', async () => {
    await save('k-1');
    service.faults = { throttle: { method: 'GetCacheEntryDownloadURL', retryAfter: 60 } };
    expect(await restore('k-')).toBeUndefined();
    service.faults = {};
    connect();
    expect(await restore('k-')).toBe('k-1');
  });

  it('misses after an eviction', async () => {
    await save('k-1');
    service.evict('k-');
    expect(await restore('k-')).toBeUndefined();
  });

  it.each<[string, Faults]>([
    ['truncated', { truncateTo: 500_000 }],
    ['empty', { truncateTo: 0 }],
    ['damaged at its start', { flipByteAt: 1 }],
    ['damaged in its middle', { flipByteAt: 400_000 }],
    ['something else', { replaceWith: Buffer.from('not what was saved') }],
  ])('never hands out another length than asked for when the entry is %s', async (_, faults) => {
    await save('k-1', randomBytes(900_000));
    service.faults = faults;
    const key = await cache.restore('v1-thing', ['k-'], out(), { size: 900_000 });
    // A flipped byte may come through: the reader of a pack hashes what it takes.
    if (key !== undefined) expect((await stat(out())).size).toBe(900_000);
    else expect(existsSync(out())).toBe(false);
    expect(await leftovers()).toEqual([]);
  });

  it('reports a file that cannot be read, without a reservation', async () => {
    const request = { name: 'v1-thing', key: 'k-1', equivalents: [], file: join(runner.root, 'absent') };
    expect((await cache.save(request)).kind).toBe('unavailable');
    expect(service.count('CreateCacheEntry')).toBe(0);
  });

  it('tells nobody a signed URL or the token', async () => {
    await save('k-1');
    await restore('k-');
    service.faults = { blobStatus: 404 };
    await restore('k-');
    await save('k-2');
    const text = logged.join('\n');
    expect(text).not.toContain('sig=');
    expect(text).not.toContain(process.env.ACTIONS_RUNTIME_TOKEN);
  });

  describe('under a session', () => {
    const signal = new AbortController().signal;
    const log = (line: string) => logged.push(line);
    const session = () => new RemoteCacheSession({ cache, prefix: PREFIX, log, signal });
    const packs = () => join(runner.root, 'packs');

    async function saveImage() {
      const made = await Promise.all(
        ['one', 'two'].map((name, index) => makePack(runner.root, name, 100_000 * (index + 1))),
      );
      const restored = { image: imageIdentity(), packs: [] };
      const plan = { prefix: PREFIX, restored, newPacks: made, livePacks: made };
      const tempDirectory = runner.temp;
      return { made, report: await saveToCache(plan, { cache, tempDirectory, now: NOON, signal, log }) };
    }

    it('brings back the packs of an image, byte for byte', async () => {
      const { made, report } = await saveImage();
      expect(report).toMatchObject({ kind: 'saved', uploadedPacks: 2 });
      expect(await session().restore(imageIdentity(), packs())).toMatchObject({
        match: 'exact',
        bytes: 300_000,
      });
      for (const pack of made) {
        const restored = await readFile(join(packs(), `${pack.key}.pack`));
        expect(restored.equals(await readFile(pack.path))).toBe(true);
      }
    });

    it('makes three creates for two packs and a head, and a lookup for each', async () => {
      await saveImage();
      expect(service.count('CreateCacheEntry')).toBe(3);
      expect(service.finalizedKeys().at(-1)).toContain('-head-');
    });

    it('ignores a head in which a byte has turned over', async () => {
      await saveImage();
      service.faults = { flipByteAt: backend === 'direct' ? 20 : -3 };
      expect(await session().restore(imageIdentity(), packs())).toMatchObject({
        match: 'none',
        packKeys: [],
      });
    });

    it('gets along with 429 on everything', async () => {
      await saveImage();
      service.faults = { throttleAll: 60 };
      expect((await session().restore(imageIdentity(), packs())).match).toBe('none');
      const plan = { prefix: PREFIX, restored: { image: imageIdentity('v2'), packs: [] } };
      const pack = await makePack(runner.root, 'three');
      const report = await saveToCache(
        { ...plan, newPacks: [pack], livePacks: [pack] },
        { cache, tempDirectory: runner.temp, now: NOON, signal, log, deadlineMs: 5_000 },
      );
      expect(report.kind).toBe('incomplete');
      expect(report.reason).toBe(backend === 'direct' ? 'throttled' : 'failed');
    });

    it('misses packs that were evicted, and knows it', async () => {
      const { made } = await saveImage();
      const [lost] = made;
      service.evict(keys.packPrefix(PREFIX, lost?.key ?? ''));
      const current = session();
      const report = await current.restore(imageIdentity(), packs());
      expect(report.packKeys).toEqual([made[1]?.key]);
      expect(current.restored?.packs).toContainEqual({ key: lost?.key, fate: 'unusable' });
    });
  });
});
