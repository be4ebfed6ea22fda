// The double itself: what other tests rely on, and the library does not exercise with small files.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { CacheService, type CacheServiceOptions } from '../support/cache-service.ts';
import { makeToken } from '../support/cache-service-entries.ts';

const services: CacheService[] = [];
afterEach(() => Promise.all(services.splice(0).map((service) => service.close())));

async function start(options: CacheServiceOptions = {}): Promise<CacheService> {
  const service = await CacheService.start(options);
  services.push(service);
  return service;
}

async function call(origin: string, method: string, body: object) {
  const url = `${origin}/twirp/github.actions.results.api.v1.CacheService/${method}`;
  const headers = { authorization: `Bearer ${makeToken()}`, 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  const answer = (await response.json()) as Record<string, string>;
  return { status: response.status, retryAfter: response.headers.get('retry-after'), answer };
}

async function save(origin: string, key: string, bytes: string): Promise<void> {
  const { answer } = await call(origin, 'CreateCacheEntry', { key, version: 'v' });
  await fetch(answer.signed_upload_url ?? '', { method: 'PUT', body: bytes });
  await call(origin, 'FinalizeCacheEntryUpload', { key, version: 'v', size_bytes: String(bytes.length) });
}

describe('the cache service double', () => {
  it('puts blocks together in the order of the list, and serves ranges', async () => {
    const { origin } = await start();
    const { answer } = await call(origin, 'CreateCacheEntry', { key: 'k', version: 'v' });
    const url = answer.signed_upload_url ?? '';
    for (const [id, body] of [
      ['b', 'world'],
      ['a', 'hello '],
    ])
      await fetch(`${url}&comp=block&blockid=${id}`, { method: 'PUT', body: body ?? '' });
    const list = '<BlockList><Latest>a</Latest><Latest>b</Latest></BlockList>';
    expect((await fetch(`${url}&comp=blocklist`, { method: 'PUT', body: list })).status).toBe(201);
    await call(origin, 'FinalizeCacheEntryUpload', { key: 'k', version: 'v', size_bytes: '11' });
    const found = await call(origin, 'GetCacheEntryDownloadURL', { key: 'k', version: 'v' });
    const download = found.answer.signed_download_url ?? '';
    const part = await fetch(download, { headers: { range: 'bytes=4-6' } });
    expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([
      206,
      'bytes 4-6/11',
      'o w',
    ]);
    expect((await fetch(download, { headers: { range: 'bytes=11-' } })).status).toBe(416);
    expect((await fetch(download, { method: 'HEAD' })).headers.get('content-length')).toBe('11');
    expect((await fetch(download.replace(/sig=.*/, ''))).status).toBe(403);
  });

  it('limits entries and lookups a minute', async () => {
    const { origin } = await start({ createsPerMinute: 1, lookupsPerMinute: 2 });
    const create = (key: string) => call(origin, 'CreateCacheEntry', { key, version: 'v' });
    expect((await create('a')).status).toBe(200);
    expect(await create('b')).toMatchObject({ status: 429, retryAfter: '60' });
    const lookup = () => call(origin, 'GetCacheEntryDownloadURL', { key: 'a', version: 'v' });
    expect([(await lookup()).status, (await lookup()).status, (await lookup()).status]).toEqual([
      200, 200, 429,
    ]);
  });

  it('evicts what was used least recently when its storage is full', async () => {
    const service = await start({ quotaBytes: 10 });
    await save(service.origin, 'a', '12345');
    await save(service.origin, 'b', '12345');
    await call(service.origin, 'GetCacheEntryDownloadURL', { key: 'a', version: 'v' });
    await save(service.origin, 'c', '12345');
    expect(service.finalizedKeys()).toEqual(['a', 'c']);
  });

  it('runs as a process of its own, and takes faults over HTTP', async () => {
    const script = join(import.meta.dirname, '../support/cache-service-cli.ts');
    const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      const [line] = await once(child.stdout, 'data');
      const { origin, env } = JSON.parse(String(line)) as { origin: string; env: Record<string, string> };
      expect(env.ACTIONS_RESULTS_URL).toBe(`${origin}/`);
      await fetch(`${origin}/double/faults`, { method: 'PUT', body: JSON.stringify({ quotaUsed: true }) });
      expect((await call(origin, 'CreateCacheEntry', { key: 'a', version: 'v' })).status).toBe(403);
      const state = (await (await fetch(`${origin}/double/state`)).json()) as { log: unknown[] };
      expect(state.log).toHaveLength(1);
    } finally {
      child.kill();
      await once(child, 'exit');
    }
  });
});
