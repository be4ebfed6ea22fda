// The built action, spawned as the runner does, with either backend against a real HTTP cache service.
import { join } from 'node:path';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { entryVersion } from '../../src/cache/direct/entry-version.ts';
import { HEAD_NAME } from '../../src/cache/keys.ts';
import { ActionJob } from '../support/action-job.ts';
import { CacheService, SERVICE_LIMITS } from '../support/cache-service.ts';
import { fixtureLayout } from '../support/fixture-image.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { updateMinimum } from '../support/toc-minimum.ts';
import { expectedTree, isRoot, listTree } from '../support/tree.ts';

const script = join(import.meta.dirname, '../../dist/index.js');
let registry: TestRegistry;
let service: CacheService;
let env: Record<string, string>;

beforeEach(async () => {
  registry = await startRegistry({ images: [{ repository: 'app', layout: fixtureLayout('zstd-chunked') }] });
  service = await CacheService.start(SERVICE_LIMITS);
  env = service.environment();
});
afterEach(async () => {
  await registry.close();
  await service.close();
});

describe.each(['auto', 'toolkit'] as const)('the built action with cache-backend: %s', (backend) => {
  const isRaw = backend === 'auto';

  /** Main and post of one job on a machine with an empty disk. */
  async function runJob(tag: string) {
    await using job = await ActionJob.start({
      script,
      inputs: {
        image: `${registry.host}/app:${tag}`,
        platform: 'linux/amd64',
        'cache-backend': backend,
        'cache-min-size': '0',
      },
      env,
    });
    const main = await job.run('main');
    expect(main).toMatchObject({ code: 0 });
    const outputs = await job.outputs();
    if (isRoot()) expect(listTree(outputs['root-path'] ?? '')).toEqual(expectedTree(tag));
    const askedByMain = service.log.length;
    const post = await job.run('post');
    expect(post).toMatchObject({ code: 0 });
    const log = main.log + post.log;
    // The library prints signed URLs in debug lines, and leaves it to the runner to mask them.
    if (isRaw) expect(log.replaceAll(/^::add-mask::.*$/gm, '').includes('sig=')).toBe(false);
    const askedByPost = service.log.length - askedByMain;
    return { outputs, log, askedByPost, downloaded: Number(outputs['bytes-downloaded']) };
  }

  function keys(kind: 'pack' | 'head'): string[] {
    return service.finalizedKeys().filter((key) => key.includes(`-${kind}-`));
  }

  function storedBytes(key: string): number {
    const entry = service.entries.finalized().find((candidate) => candidate.key === key);
    return service.blobs.get(entry?.id ?? '')?.length ?? 0;
  }

  const annotations = (log: string) => log.match(/^::(?:notice|warning|error).*$/gm) ?? [];

  /** Changes packs, or the tar archives in which the cache library wraps them. */
  function tamper(change: (pack: Buffer) => Buffer): void {
    for (const entry of service.entries.finalized().filter(({ key }) => key.includes('-pack-'))) {
      const stored = service.blobs.get(entry.id);
      if (!stored) continue;
      const changed = isRaw ? change(stored) : zstdCompressSync(change(zstdDecompressSync(stored)));
      service.blobs.set(entry.id, changed);
    }
  }

  it('saves a pack and a head, downloads nothing on a new machine, and uploads only the delta of an update', async () => {
    const cold = await runJob('v1');
    expect(cold.outputs['cache-hit']).toBe('false');
    expect(keys('pack')).toHaveLength(1);
    expect(keys('head')).toHaveLength(1);
    const head = service.entries.finalized().find(({ key }) => key.includes('-head-'));
    expect(head?.version === entryVersion(HEAD_NAME)).toBe(isRaw);

    service.log.length = 0;
    const warm = await runJob('v1');
    expect(warm.outputs).toMatchObject({ 'cache-hit': 'true', 'bytes-downloaded': '0' });
    expect(service.finalizedKeys()).toHaveLength(2);
    // One lookup tells all there is to know; a pack needs one more for the URL to fetch it from.
    const lookups = service.log.filter(({ target }) => target === 'GetCacheEntryDownloadURL');
    expect(lookups.map(({ key }) => /-(head|pack)-/.exec(key ?? '')?.[1])).toEqual(['head', 'pack']);
    expect(service.log.filter(({ method }) => method === 'PUT')).toEqual([]);
    expect(service.count('CreateCacheEntry')).toBe(0);
    expect(warm.askedByPost).toBe(0);

    service.log.length = 0;
    const [first = ''] = keys('pack');
    const update = await runJob('v2');
    expect(update.downloaded).toBeLessThanOrEqual(1.05 * updateMinimum('v1', 'v2'));
    expect(service.count('CreateCacheEntry')).toBe(2);
    const [delta = ''] = keys('pack').filter((key) => key !== first);
    expect(storedBytes(delta)).toBeGreaterThan(0);
    expect(storedBytes(delta)).toBeLessThan(1.05 * updateMinimum('v1', 'v2') + 32_768);

    const again = await runJob('v2');
    expect(again.outputs).toMatchObject({ 'cache-hit': 'true', 'bytes-downloaded': '0' });
    expect([cold, warm, update, again].flatMap(({ log }) => annotations(log))).toEqual([]);
  }, 120_000);

  it('lets sixteen jobs race for one key: all succeed, each entry is uploaded once', async () => {
    const jobs = await Promise.all(Array.from({ length: 16 }, () => runJob('v1')));
    // The library warns of races that it has lost; that is its own.
    if (isRaw) expect(jobs.flatMap(({ log }) => annotations(log))).toEqual([]);
    expect(keys('pack')).toHaveLength(1);
    expect(keys('head')).toHaveLength(1);
    const uploads = service.log.filter(
      ({ method, target }) => method === 'PUT' && !target.includes('comp=block&'),
    );
    expect(uploads).toHaveLength(2);
    expect((await runJob('v1')).outputs['cache-hit']).toBe('true');
  }, 400_000);

  it('pulls, and ends well, while the service answers 429 to everything', async () => {
    await runJob('v1');
    service.faults = { throttleAll: 300 };
    service.log.length = 0;
    const { outputs, log } = await runJob('v1');
    expect(outputs['cache-hit']).toBe('false');
    expect(annotations(log).every((line) => line.startsWith('::warning'))).toBe(true);
    expect(log).toMatch(/^::warning.*(?:limits|[Rr]ate)/m);
    expect(service.log.length).toBeLessThanOrEqual(6);
    service.faults = {};
    expect((await runJob('v1')).outputs['cache-hit']).toBe('true');
  }, 120_000);

  it('pulls, and ends well, while the service is down', async () => {
    await service.close();
    const { outputs, log } = await runJob('v1');
    expect(outputs['cache-hit']).toBe('false');
    expect(annotations(log).every((line) => line.startsWith('::warning'))).toBe(true);
    expect(log).toMatch(/^::warning.*ECONNREFUSED/m);
    service = await CacheService.start(SERVICE_LIMITS);
  }, 120_000);

  const nearTable = isRaw ? 1_000 : 12_000;
  const damages: [string, (pack: Buffer) => Buffer][] = [
    ['cut off', (pack) => pack.subarray(0, pack.length / 2)],
    ['with a flipped byte', (pack) => flip(pack, pack.length / 2)],
    ['with a flipped byte near its table', (pack) => flip(pack, pack.length - nearTable)],
    [
      'with foreign content',
      (pack) => Buffer.concat([pack.subarray(0, 512), Buffer.alloc(pack.length - 512, 9)]),
    ],
  ];
  it.each(damages)(
    'makes the right tree with a restored pack %s, and by the next day the cache is whole again',
    async (_, change) => {
      await runJob('v1');
      service.entries.rename((key) => key.replace(/-\d{8}$/, '-20200101'));
      tamper(change);
      const damaged = await runJob('v1');
      expect(damaged.outputs['cache-hit']).toBe('false');
      const repaired = await runJob('v1');
      expect(repaired.outputs).toMatchObject({ 'cache-hit': 'true', 'bytes-downloaded': '0' });
    },
    120_000,
  );
});

function flip(pack: Buffer, at: number): Buffer {
  const changed = Buffer.from(pack);
  changed[Math.floor(at)] = (changed[Math.floor(at)] ?? 0) ^ 0xff;
  return changed;
}
