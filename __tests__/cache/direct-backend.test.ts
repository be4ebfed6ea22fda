// What only the direct client does: ranges, blocks, retries, and what it makes of a service that misbehaves.
import { randomBytes } from 'node:crypto';
import { mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PARALLEL_READS, PART_BYTES } from '../../src/cache/direct/download.ts';
import { findService } from '../../src/cache/direct/environment.ts';
import { BLOCK_BYTES, PARALLEL_WRITES } from '../../src/cache/direct/upload.ts';
import {
  createDirectCache,
  type DirectCache,
  type DirectCacheOptions,
} from '../../src/cache/direct-backend.ts';
import { CacheService } from '../support/cache-service.ts';
import { startTunnel } from '../support/cache-service-tunnel.ts';

let root: string;
let service: CacheService;
let cache: DirectCache;
const logged: string[] = [];
const surprises: string[] = [];
const secrets: string[] = [];

function connect(more: Partial<DirectCacheOptions> = {}, env: Record<string, string> = {}): DirectCache {
  const all = { ...service.environment(), ...env };
  const access = findService(all);
  if (typeof access === 'string') throw new Error(access);
  return createDirectCache({
    ...access,
    env: all,
    log: (line) => logged.push(line),
    onSurprise: (line) => surprises.push(line),
    onSecret: (secret) => secrets.push(secret),
    scale: 0.02,
    ...more,
  });
}

async function input(bytes: Buffer | string): Promise<string> {
  const file = join(await mkdtemp(join(root, 'in-')), 'file');
  await writeFile(file, bytes);
  return file;
}

async function save(
  key: string,
  bytes: Buffer | string = key,
  more: { signal?: AbortSignal; deadline?: number } = {},
) {
  return cache.save({ name: 'thing', key, equivalents: [], file: await input(bytes), ...more });
}

const out = () => join(root, 'restored');
const restore = (prefix = 'k-', options = {}) => cache.restore('thing', [prefix], out(), options);
const requests = (method: string) => service.log.filter((request) => request.method === method);
const leftovers = async () => (await readdir(root)).filter((name) => name.includes('.partial'));

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'direct-'));
  service = await CacheService.start();
  cache = connect();
});
afterEach(async () => {
  await cache.close();
  await service.close();
  await rm(root, { recursive: true, force: true });
  for (const list of [logged, surprises, secrets]) list.length = 0;
});

describe('reads', () => {
  const bytes = randomBytes(5 * PART_BYTES + 12_345);
  beforeEach(async () => {
    expect(await save('k-1', bytes)).toEqual({ kind: 'saved' });
  });
  const expectRestored = async () => {
    expect(await restore()).toBe('k-1');
    expect(bytes.equals(await readFile(out()))).toBe(true);
    expect(await leftovers()).toEqual([]);
  };

  it('asks for each byte once, in parts, several at a time', async () => {
    await expectRestored();
    const ranges = requests('GET').map(({ range }) => range);
    expect(new Set(ranges).size).toBe(6);
    expect(service.blobs.peak.downloads).toBeGreaterThan(1);
    expect(service.blobs.peak.downloads).toBeLessThanOrEqual(PARALLEL_READS);
  });

  it('goes on where a connection was cut', async () => {
    service.faults = { cut: { of: 'downloads', after: 3_000_000, times: 4 } };
    await expectRestored();
    const resumed = requests('GET').filter(
      ({ range }) => Number(/=(\d+)/.exec(range ?? '')?.[1]) % PART_BYTES > 0,
    );
    expect(resumed).toHaveLength(4);
  });

  it('tries again after a few failures of the storage', async () => {
    service.faults = { blobStatus: 503, first: 3 };
    await expectRestored();
  });

  it('gives up a storage that keeps failing', async () => {
    service.faults = { blobStatus: 503 };
    expect(await restore()).toBeUndefined();
    expect(requests('GET').length).toBeLessThanOrEqual(5);
    expect(await leftovers()).toEqual([]);
  });

  it('gives up a body that falls silent', async () => {
    await cache.close();
    cache = connect({ timeouts: { connect: 1000, headers: 1000, body: 100 } });
    service.faults = { stallAfter: 1000 };
    expect(await restore()).toBeUndefined();
    expect(await leftovers()).toEqual([]);
  });

  it.each([1, 3])('gets one new URL for all parts when the old one expires at download %i', async (at) => {
    service.faults = { expireAtDownload: at };
    await expectRestored();
    expect(service.count('GetCacheEntryDownloadURL')).toBe(2);
  });

  it('does not put together what belongs to different entries', async () => {
    service.faults = { expireAtDownload: 3 };
    const reading = restore();
    while (requests('GET').length === 0) await sleep(1);
    service.evict('k-1');
    expect(await reading).toBeUndefined();
    expect(await leftovers()).toEqual([]);
  });

  it('takes everything in one request from a server that ignores ranges', async () => {
    service.faults = { ignoreRanges: true };
    await expectRestored();
    expect(requests('GET')).toHaveLength(1);
  });

  it('goes on after a cut from a server that ignores ranges', async () => {
    service.faults = { ignoreRanges: true, cut: { of: 'downloads', after: 20_000_000, times: 1 } };
    await expectRestored();
    expect(requests('GET')).toHaveLength(2);
  });

  it('is surprised by another range than it asked for', async () => {
    service.faults = { shiftRange: 1 };
    expect(await restore()).toBeUndefined();
    expect(surprises).toEqual([expect.stringContaining('another range')]);
  });

  it('fetches no more than a beginning of what has another size than expected', async () => {
    expect(await restore('k-', { size: 1000 })).toBeUndefined();
    expect(await restore('k-', { maxBytes: 1000 })).toBeUndefined();
    expect(requests('GET')).toHaveLength(2);
    expect(logged.join()).toContain(`${bytes.length} bytes`);
    expect(surprises).toEqual([]);
  });

  it('ends at once, and leaves nothing, when its signal fires', async () => {
    service.faults = { stallAfter: 100_000 };
    const stop = new AbortController();
    const reading = restore('k-', { signal: stop.signal });
    while (service.blobs.peak.downloads < 2) await sleep(1);
    const started = performance.now();
    stop.abort(new Error('enough'));
    expect(await reading).toBeUndefined();
    expect(performance.now() - started).toBeLessThan(1000);
    expect(await leftovers()).toEqual([]);
  });

  it('misses where the file cannot be written', async () => {
    expect(await cache.restore('thing', ['k-'], join(root, 'absent', 'file'))).toBeUndefined();
    expect(logged.join()).toContain('ENOENT');
  });

  it('asks nothing of a service that wants to be left alone for longer than a restore waits', async () => {
    await cache.close();
    cache = connect({ scale: 1 });
    service.faults = { throttle: { method: 'GetCacheEntryDownloadURL', retryAfter: 60 } };
    const before = service.count('GetCacheEntryDownloadURL');
    for (let index = 0; index < 5; index++) expect(await restore()).toBeUndefined();
    expect(service.count('GetCacheEntryDownloadURL')).toBe(before + 1);
  });

  it('waits as long as Retry-After says, and then reads', async () => {
    await cache.close();
    cache = connect({ scale: 1 });
    service.faults = { throttle: { method: 'GetCacheEntryDownloadURL', retryAfter: 1 } };
    const started = performance.now();
    setTimeout(() => {
      service.faults = {};
    }, 300);
    await expectRestored();
    expect(performance.now() - started).toBeGreaterThan(950);
    expect(service.count('GetCacheEntryDownloadURL')).toBe(2);
  });
});

describe('an open entry', () => {
  const bytes = randomBytes(3 * PART_BYTES);
  beforeEach(async () => {
    await save('k-1', bytes);
  });

  it('reads a part and no more', async () => {
    const entry = await cache.open('thing', ['k-']);
    expect(entry?.key).toBe('k-1');
    const part = await entry?.read({ start: 1000, end: 2000 });
    expect(part?.equals(bytes.subarray(1000, 2000))).toBe(true);
    expect(entry?.size).toBe(bytes.length);
    expect(requests('GET').map(({ range }) => range)).toEqual(['bytes=1000-1999']);
  });

  it.each([false, true])(
    'copies ranges to their places in a file (ranges ignored: %s)',
    async (ignoreRanges) => {
      service.faults = { ignoreRanges };
      const ranges = [
        { start: 5, end: 6 },
        { start: 100_000, end: 100_000 + PART_BYTES + 1 },
        { start: bytes.length - 10, end: bytes.length },
      ];
      const file = await input('');
      const entry = await cache.open('thing', ['k-']);
      expect(await entry?.copy(ranges, file)).toBe(true);
      const copied = await readFile(file);
      for (const { start, end } of ranges)
        expect(copied.subarray(start, end).equals(bytes.subarray(start, end))).toBe(true);
      expect(requests('GET')).toHaveLength(ignoreRanges ? 2 : 4);
    },
  );

  it('says when a range reaches beyond the end', async () => {
    const entry = await cache.open('thing', ['k-']);
    const beyond = { start: bytes.length - 1, end: bytes.length + 1 };
    expect(await entry?.read(beyond)).toBeUndefined();
    expect(await entry?.copy([beyond], await input(''))).toBe(false);
    expect(await entry?.read({ start: 0, end: 200_000_000 })).toBeUndefined();
  });

  it('is not there where there is no entry', async () => {
    expect(await cache.open('thing', ['other-'])).toBeUndefined();
  });
});

describe('writes', () => {
  const bytes = randomBytes(4 * BLOCK_BYTES + 1);
  const visible = () => service.finalizedKeys();

  it('reserves before it sends a byte, and sends a small file in one request', async () => {
    await save('k-1', 'small');
    expect(service.log.map(({ method, target }) => (method === 'PUT' ? 'PUT' : target))).toEqual([
      'CreateCacheEntry',
      'PUT',
      'FinalizeCacheEntryUpload',
    ]);
  });

  it('sends no more blocks at a time than it may, however many files there are', async () => {
    const outcomes = await Promise.all(['a', 'b', 'c'].map((key) => save(key, bytes)));
    expect(outcomes.map(({ kind }) => kind)).toEqual(['saved', 'saved', 'saved']);
    expect(service.blobs.peak.uploads).toBeGreaterThan(1);
    expect(service.blobs.peak.uploads).toBeLessThanOrEqual(PARALLEL_WRITES);
  });

  it('sends a block again whose connection was cut', async () => {
    service.faults = { cut: { of: 'uploads', after: 1_000_000, times: 3 } };
    expect(await save('k-1', bytes)).toEqual({ kind: 'saved' });
    await restore();
    expect(bytes.equals(await readFile(out()))).toBe(true);
  });

  it.each([1000, BLOCK_BYTES - 1])(
    'shows nothing of an upload that is always cut after %i bytes',
    async (after) => {
      service.faults = { cut: { of: 'uploads', after, times: 1000 } };
      expect(await save('k-1', bytes)).toMatchObject({
        kind: 'network',
        message: expect.stringContaining('k-1'),
      });
      service.faults = {};
      expect(visible()).toEqual([]);
      expect(await restore()).toBeUndefined();
      expect(service.count('FinalizeCacheEntryUpload')).toBe(0);
    },
  );

  it('shows nothing of an upload whose URL has expired', async () => {
    const saving = save('k-1', bytes);
    while (service.count('CreateCacheEntry') === 0) await sleep(1);
    service.blobs.expireUrls();
    expect((await saving).kind).toBe('failed');
    expect(visible()).toEqual([]);
  });

  it('ends at once, and shows nothing, when its signal fires', async () => {
    service.faults = { blobStatus: 503 };
    await cache.close();
    cache = connect({ scale: 1 });
    const stop = new AbortController();
    const saving = save('k-1', bytes, { signal: stop.signal });
    while (requests('PUT').length === 0) await sleep(1);
    const started = performance.now();
    stop.abort(new Error('enough'));
    expect(await saving).toMatchObject({ kind: 'failed', message: expect.stringContaining('enough') });
    expect(performance.now() - started).toBeLessThan(1000);
    expect(visible()).toEqual([]);
  });

  it('is told that a key is taken by a single request', async () => {
    await save('k-1');
    const before = service.log.length;
    expect(await save('k-1')).toEqual({ kind: 'taken' });
    expect(service.log.length).toBe(before + 1);
  });

  it('waits for a service that limits it where that fits the deadline', async () => {
    service.faults = { throttle: { method: 'CreateCacheEntry', retryAfter: 20 } };
    setTimeout(() => {
      service.faults = {};
    }, 100);
    expect(await save('k-1', 'x', { deadline: Date.now() + 30_000 })).toEqual({ kind: 'saved' });
    expect(service.count('CreateCacheEntry')).toBe(2);
  });

  it('does not wait where it does not fit', async () => {
    service.faults = { throttle: { method: 'CreateCacheEntry', retryAfter: 60 } };
    const outcome = await save('k-1', 'x', { deadline: Date.now() + 30_000 });
    expect(outcome).toMatchObject({ kind: 'throttled', message: expect.stringContaining('60 s') });
    expect(service.count('CreateCacheEntry')).toBe(1);
    service.faults = {};
    expect(await cache.lookup('thing', ['k-'])).toBeUndefined();
  });

  it('writes while reads are limited', async () => {
    service.faults = { throttle: { method: 'GetCacheEntryDownloadURL', retryAfter: 60 } };
    const request = { name: 'thing', key: 'k-1', equivalents: ['k-'], file: await input('x') };
    expect(await cache.save(request)).toEqual({ kind: 'saved' });
  });

  it('knows its own entry though the answer to finalizing was lost', async () => {
    service.faults = { loseAnswers: { method: 'FinalizeCacheEntryUpload', times: 1 } };
    expect(await save('k-1')).toEqual({ kind: 'saved' });
  });

  it('takes a reservation whose answer was lost for that of another job', async () => {
    service.faults = { loseAnswers: { method: 'CreateCacheEntry', times: 1 } };
    expect(await save('k-1')).toEqual({ kind: 'taken' });
  });

  it('tries a failing method again, and then names the network', async () => {
    service.faults = { fail: { method: 'CreateCacheEntry', status: 503 } };
    expect(await save('k-1')).toMatchObject({ kind: 'network', message: expect.stringContaining('503') });
    expect(service.count('CreateCacheEntry')).toBe(5);
    expect(surprises).toEqual([]);
  });

  it('lets exactly one of many win a key', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) => save('k-1', `file ${index}`)),
    );
    expect(outcomes.filter(({ kind }) => kind === 'saved')).toHaveLength(1);
    expect(outcomes.filter(({ kind }) => kind === 'taken')).toHaveLength(19);
    expect(requests('PUT')).toHaveLength(1);
  });

  it('does not reserve for a file that is larger than any pack', async () => {
    const path = await input('');
    await using file = await open(path, 'r+');
    await file.truncate(17 * 1024 ** 3);
    const outcome = await cache.save({ name: 'thing', key: 'k-1', equivalents: [], file: path });
    expect(outcome).toMatchObject({ kind: 'failed', message: expect.stringContaining('too large') });
    expect(service.log).toEqual([]);
  });
});

describe('surprises', () => {
  it.each([
    ['a page', 200, '<html>sign in to this network</html>'],
    ['JSON that is no answer', 200, '[]'],
    ['an answer without ok', 200, '{"signed_upload_url":"https://storage.test/?sig=1"}'],
    ['a URL that is none', 200, '{"ok":true,"signed_upload_url":"nowhere"}'],
    ['a URL of another kind', 200, '{"ok":true,"signed_upload_url":"file:///etc/passwd"}'],
    ['a method that is unknown', 404, '{"code":"bad_route","msg":"no handler"}'],
    ['a refusal by something else', 403, 'Forbidden'],
    ['a redirect', 302, ''],
    ['an answer without end', 200, `"${'x'.repeat(70_000)}"`],
  ])('are told: %s', async (_, status, body) => {
    service.faults = { surprise: { method: 'CreateCacheEntry', status, body } };
    expect((await save('k-1')).kind).toBe('failed');
    expect(surprises).toHaveLength(1);
    expect(service.count('CreateCacheEntry')).toBe(1);
    expect(requests('PUT')).toEqual([]);
  });

  it('are no refusals, limits and failures', async () => {
    for (const status of [401, 403, 429, 500, 502, 503, 504]) {
      service.faults = { fail: { method: 'CreateCacheEntry', status } };
      await save('k-1');
    }
    expect(surprises).toEqual([]);
  });
});

describe('secrets', () => {
  it('tells signed URLs and signatures, as they stand and decoded, before they are used', async () => {
    const known: number[] = [];
    await cache.close();
    cache = connect({
      onSecret: (secret) => {
        secrets.push(secret);
        known.push(requests('PUT').length + requests('GET').length);
      },
    });
    await save('k-1');
    await restore();
    const signatures = secrets.filter((secret) => /^[0-9a-f]{16}(?:=|%3D)$/.test(secret));
    expect(new Set(signatures).size).toBe(2);
    expect(secrets.filter((secret) => secret.startsWith(service.origin)).length).toBeGreaterThanOrEqual(2);
    expect(Math.max(...known)).toBeLessThan(2);
  });

  it('never shows the token to the storage', async () => {
    let shown: string | undefined;
    const spied = service.blobs.serve.bind(service.blobs);
    service.blobs.serve = async (exchange) => {
      shown ??= exchange.request.headers.authorization;
      await spied(exchange);
    };
    await save('k-1');
    await restore();
    expect(await stat(out())).toMatchObject({ size: 3 });
    expect(shown).toBeUndefined();
  });
});

describe('proxies', () => {
  it('goes through the proxy that the environment names, except to this machine', async () => {
    await using proxy = await startTunnel(service.origin);
    await cache.close();
    cache = connect({}, { http_proxy: proxy.url, ACTIONS_RESULTS_URL: 'http://cache.test/' });
    expect(await cache.lookup('thing', ['k-'])).toBeUndefined();
    expect(logged).toEqual([]);
    expect(service.count('GetCacheEntryDownloadURL')).toBe(1);
    expect(proxy.asked).toEqual([expect.stringContaining('cache.test')]);
    await cache.close();
    cache = connect({}, { http_proxy: proxy.url });
    expect(await save('k-1')).toEqual({ kind: 'saved' });
    expect(proxy.asked).toHaveLength(1);
  });

  it('is no cache where the proxy cannot be used', () => {
    const env = { https_proxy: 'ftp://proxy.test', ACTIONS_RESULTS_URL: 'https://results.test/' };
    expect(() => connect({}, env)).toThrow('https_proxy');
  });
});
