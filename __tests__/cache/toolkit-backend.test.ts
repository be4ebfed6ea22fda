import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { BlobCache } from '../../src/cache/blob-cache.ts';
import { createToolkitCache } from '../../src/cache/toolkit-backend.ts';
import { CacheService, type CacheServiceOptions, type Faults } from '../support/cache-service.ts';
import { makeToken, type TokenOptions } from '../support/cache-service-entries.ts';
import { type FakeRunner, startRunner } from '../support/runner.ts';

let service: CacheService;
let runner: FakeRunner;
let cache: BlobCache;
const logged: string[] = [];

async function connect(options: CacheServiceOptions = {}): Promise<void> {
  service = await CacheService.start(options);
  runner = await startRunner(service.environment());
  cache = createToolkitCache({ tempDirectory: runner.temp, log: (line) => logged.push(line) });
}

function useToken(token: TokenOptions): void {
  vi.stubEnv('ACTIONS_RUNTIME_TOKEN', makeToken(token));
}

async function input(bytes: Buffer | string): Promise<string> {
  const directory = await mkdtemp(join(runner.root, 'in-'));
  await writeFile(join(directory, 'file'), bytes);
  return join(directory, 'file');
}

async function save(key: string, bytes: Buffer | string = key, equivalents: string[] = []) {
  return cache.save({ name: 'v1-thing', key, equivalents, file: await input(bytes) });
}

const out = () => join(runner.root, 'restored');
const restore = (...prefixes: string[]) => cache.restore('v1-thing', prefixes, out());

/** Nothing may be left in the staging directory or moved about. */
async function staged(): Promise<string[]> {
  return readdir(join(runner.temp, 'oci-pull')).catch(() => []);
}

beforeEach(() => connect());
afterEach(async () => {
  await runner.end();
  await service.close();
  logged.length = 0;
});

describe('the toolkit backend', () => {
  it('restores the bytes it saved, under the full key, and leaves nothing behind', async () => {
    const bytes = randomBytes(1_000_000);
    const [cwd, workspace] = [process.cwd(), process.env.GITHUB_WORKSPACE];
    expect(await save('k-1', bytes)).toEqual({ kind: 'saved' });
    expect(await restore('k-')).toBe('k-1');
    expect(bytes.equals(await readFile(out()))).toBe(true);
    expect(await staged()).toEqual([]);
    expect([process.cwd(), process.env.GITHUB_WORKSPACE]).toEqual([cwd, workspace]);
  });

  it('looks up without fetching', async () => {
    await save('k-1');
    expect(await cache.lookup('v1-thing', ['k-'])).toBe('k-1');
    expect(await cache.lookup('v1-thing', ['other-', 'k-'])).toBe('k-1');
    expect(await cache.lookup('v1-thing', ['other-'])).toBeUndefined();
    expect(await cache.lookup('v1-other', ['k-'])).toBeUndefined();
    expect(service.log.filter((request) => request.method === 'GET')).toEqual([]);
  });

  it('takes the newest entry of the first prefix that has any', async () => {
    await save('a-1');
    await save('b-1');
    await save('b-2');
    expect(await restore('b-', 'a-')).toBe('b-2');
    expect(await readFile(out(), 'utf8')).toBe('b-2');
  });

  it('finds in one temp directory what was saved from another', async () => {
    await save('k-1');
    const elsewhere = join(runner.root, 'container', '__w', '_temp');
    await mkdir(elsewhere, { recursive: true });
    vi.stubEnv('RUNNER_TEMP', elsewhere);
    const other = createToolkitCache({ tempDirectory: elsewhere, log: () => undefined });
    expect(await other.restore('v1-thing', ['k-'], out())).toBe('k-1');
  });

  it('transfers several names at once and gives the working directory back at the end', async () => {
    const cwd = process.cwd();
    const names = ['v1-a', 'v1-b', 'v1-c', 'v1-d'];
    const outcomes = await Promise.all(
      names.map(async (name) =>
        cache.save({ name, key: `${name}-1`, equivalents: [], file: await input(name) }),
      ),
    );
    expect(outcomes.map((outcome) => outcome.kind)).toEqual(['saved', 'saved', 'saved', 'saved']);
    await Promise.all(names.map((name) => cache.restore(name, [`${name}-`], join(runner.root, name))));
    for (const name of names) expect(await readFile(join(runner.root, name), 'utf8')).toBe(name);
    expect(process.cwd()).toBe(cwd);
  });

  it('does not compress or reserve what already exists', async () => {
    await save('k-1');
    const before = service.count('CreateCacheEntry');
    expect(await save('k-1')).toEqual({ kind: 'exists' });
    expect(await save('k-2', 'x', ['k-'])).toEqual({ kind: 'exists' });
    expect(service.count('CreateCacheEntry')).toBe(before);
  });

  it('reports a reservation of another job as failed, because nothing can be restored yet', async () => {
    await save('warm-up');
    service.faults = { refuseFinalize: true };
    expect((await save('k-1')).kind).toBe('failed');
    service.faults = {};
    expect((await save('k-1')).kind).toBe('failed');
    expect(service.log.at(-2)).toMatchObject({ target: 'CreateCacheEntry', status: 409 });
  });

  it('restores through the storage SDK in ranges when the blob host is Azure', async () => {
    await runner.end();
    await service.close();
    await connect({ blobOrigin: 'http://fakeaccount.blob.core.windows.net' });
    vi.stubEnv('HTTP_PROXY', service.origin);
    const bytes = randomBytes(9_000_000);
    expect(await save('k-1', bytes)).toEqual({ kind: 'saved' });
    expect(await restore('k-')).toBe('k-1');
    expect(bytes.equals(await readFile(out()))).toBe(true);
    expect(service.log.filter((request) => request.method === 'GET' && request.range).length).toBe(3);
  });

  it('keeps the scopes of branches apart, and reads the default branch from a pull request', async () => {
    await save('k-main');
    useToken({ scopes: ['refs/pull/1/merge', 'refs/heads/main'] });
    expect(await restore('k-')).toBe('k-main');
    await save('k-pr');
    expect(await restore('k-')).toBe('k-pr');
    useToken({ scopes: ['refs/heads/main'] });
    expect(await restore('k-')).toBe('k-main');
  });
});

describe('the toolkit backend on a bad day', () => {
  it.each<[string, Faults]>([
    ['throttles', { throttle: { method: 'CreateCacheEntry', retryAfter: 30 } }],
    ['has no quota left', { quotaUsed: true }],
    ['does not finalize', { refuseFinalize: true }],
  ])('reports a failed save when the service %s', async (_, faults) => {
    service.faults = faults;
    expect(await save('k-1')).toMatchObject({ kind: 'failed', message: expect.stringContaining('k-1') });
    expect(await staged()).toEqual([]);
  });

  it('reports a failed save with a read-only token, and can still read', async () => {
    await save('k-1');
    useToken({ readOnly: true });
    expect((await save('k-2')).kind).toBe('failed');
    expect(await restore('k-')).toBe('k-1');
  });

  it('sends nothing when the job may not use the cache', async () => {
    vi.stubEnv('ACTIONS_CACHE_MODE', 'none');
    expect((await save('k-1')).kind).toBe('failed');
    expect(await restore('k-')).toBeUndefined();
    expect(service.log).toEqual([]);
  });

  it('reports an unavailable service without a token', async () => {
    vi.stubEnv('ACTIONS_RUNTIME_TOKEN', '');
    expect((await save('k-1')).kind).toBe('unavailable');
    expect(await restore('k-')).toBeUndefined();
  });

  it('reports an unavailable file', async () => {
    const request = { name: 'v1-thing', key: 'k-1', equivalents: [], file: join(runner.root, 'absent') };
    expect((await cache.save(request)).kind).toBe('unavailable');
    expect(service.count('CreateCacheEntry')).toBe(0);
  });

  it('misses when the service is gone', async () => {
    await service.close();
    expect(await restore('k-')).toBeUndefined();
    expect((await save('k-1')).kind).toBe('failed');
    service = await CacheService.start();
  });

  it('misses when reads are denied or throttled', async () => {
    await save('k-1');
    useToken({ noRead: true });
    expect(await restore('k-')).toBeUndefined();
    useToken({});
    service.faults = { throttle: { method: 'GetCacheEntryDownloadURL', retryAfter: 1 } };
    expect(await restore('k-')).toBeUndefined();
    service.faults = {};
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
    ['unreadable', { replaceWith: Buffer.from('not an archive') }],
  ])('never passes on a part of an archive that is %s', async (_, faults) => {
    await save('k-1', randomBytes(900_000));
    service.faults = faults;
    const key = await restore('k-');
    // tar does not checksum data, so a flipped byte may come through: the reader of a pack hashes what it takes.
    if (key !== undefined) expect((await readFile(out())).length).toBe(900_000);
    else expect(existsSync(out())).toBe(false);
    expect(await staged()).toEqual([]);
  });

  it.each([
    ['a foreign file', async (at: string) => writeFile(join(at, 'other'), 'x')],
    ['a link to a file elsewhere', async (at: string) => symlink('/etc/hostname', join(at, 'v1-thing'))],
    ['a directory', async (at: string) => mkdir(join(at, 'v1-thing'))],
  ])('misses when the archive holds %s instead', async (_, fill) => {
    await save('k-1');
    const foreign = await mkdtemp(join(runner.root, 'foreign-'));
    await mkdir(join(foreign, 'oci-pull'));
    await fill(join(foreign, 'oci-pull'));
    const replaceWith = execFileSync('tar', ['-c', '-C', foreign, '--zstd', 'oci-pull']);
    service.faults = { replaceWith };
    expect(await restore('k-')).toBeUndefined();
    expect(existsSync(out())).toBe(false);
  });
});
