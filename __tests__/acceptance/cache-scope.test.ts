// Packs of other images: brought where they hold what the image needs, and only there.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runJobHere } from '../support/action-here.ts';
import { CacheService, SERVICE_LIMITS } from '../support/cache-service.ts';
import { fixtureLayout } from '../support/fixture-image.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { updateMinimum } from '../support/toc-minimum.ts';
import { expectedTree, isRoot } from '../support/tree.ts';

let registry: TestRegistry;
let service: CacheService;

beforeEach(async () => {
  registry = await startRegistry({
    images: [
      { repository: 'app', layout: fixtureLayout('zstd-chunked') },
      { repository: 'copy', layout: fixtureLayout('zstd-chunked') },
      { repository: 'plain', layout: fixtureLayout('gzip') },
    ],
  });
  service = await CacheService.start(SERVICE_LIMITS);
});
afterEach(async () => {
  await registry.close();
  await service.close();
});

async function pull(image: string, inputs: Record<string, string> = {}) {
  service.log.length = 0;
  registry.requests.length = 0;
  const job = await runJobHere({
    env: service.environment(),
    inputs: { image: `${registry.host}/${image}`, platform: 'linux/amd64', ...inputs },
  });
  expect(job.exitCode).toBe(0);
  if (isRoot()) expect(job.tree).toEqual(expectedTree(image.replace(/.*:/, '')));
  const { 'bytes-downloaded': downloaded, 'bytes-from-cache': cached } = job.outputs;
  return { ...job, downloaded: Number(downloaded), cached: Number(cached) };
}

/** Bytes of packs that were asked of the storage. */
const restoredBytes = () =>
  service.log
    .filter(({ method, target }) => method === 'GET' && packIds().some((id) => target.endsWith(id)))
    .map(({ range }) => /^bytes=(\d+)-(\d+)$/.exec(range ?? ''))
    .reduce((sum, parts) => sum + Number(parts?.[2]) - Number(parts?.[1]) + 1, 0);
const packIds = () =>
  service.entries.finalized().flatMap(({ key, id }) => (key.includes('-pack-') ? [id] : []));
const lookups = () => service.log.filter(({ target }) => target === 'GetCacheEntryDownloadURL');
const anywhere = { 'cache-scope': 'repository' };

describe('an update', () => {
  it('starts from the packs of the image before, asks for each once, and fetches only what is missing', async () => {
    await pull('app:v1');
    const update = await pull('app:v2');
    expect(update.downloaded).toBeLessThanOrEqual(1.05 * updateMinimum('v1', 'v2'));
    expect(update.cached).toBeGreaterThan(1_000_000);
    // The head and its pack; then, in post, the head again, the new pack of any day, and no more.
    expect(lookups().map(({ key }) => /-(head|pack)-/.exec(key ?? '')?.[1])).toEqual([
      'head',
      'pack',
      'head',
      'pack',
    ]);
    expect(service.count('CreateCacheEntry')).toBe(2);
    const stored = service.entries.finalized().map(({ size }) => size);
    expect(stored.slice(2).reduce((sum, size) => sum + size, 0)).toBeLessThan(update.downloaded + 65_536);
  }, 60_000);

  it('reads of a pack that holds nothing of the image its table, and no more', async () => {
    await pull('app:v1');
    await pull('app:v2', { 'cache-mode': 'read' });
    const all = restoredBytes();
    const other = await pull('plain:v1', { ...anywhere, 'cache-mode': 'read' });
    expect(other.cached).toBe(0);
    expect(other.log).toContain('1 of its packs hold too little of this image');
    expect(other.summary).not.toContain('made good');
    expect(restoredBytes()).toBeLessThan(300_000);
    expect(all).toBeGreaterThan(2_000_000);
    // Nothing but its manifest, config and layers was asked for.
    expect(registry.requests.filter(({ path }) => path.includes('/blobs/'))).toHaveLength(3);
  }, 60_000);
});

describe('an image of another repository', () => {
  it('is no place to start from, unless the user says so', async () => {
    await pull('app:v1');
    expect((await pull('copy:v1', { 'cache-mode': 'read' })).cached).toBe(0);
    const shared = await pull('copy:v1', { ...anywhere, 'cache-mode': 'read' });
    expect(shared).toMatchObject({ downloaded: 0 });
  }, 60_000);

  it('gives its packs to what is saved, which refers to them', async () => {
    await pull('app:v1');
    const update = await pull('copy:v2', anywhere);
    expect(update.downloaded).toBeLessThanOrEqual(1.05 * updateMinimum('v1', 'v2'));
    expect(service.count('CreateCacheEntry')).toBe(2);
    expect(service.finalizedKeys().filter((key) => key.includes('-pack-'))).toHaveLength(2);
    expect(await pull('copy:v2')).toMatchObject({ downloaded: 0 });
    expect(service.count('CreateCacheEntry')).toBe(0);
  }, 60_000);
});
