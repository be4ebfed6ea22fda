import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatHead } from '../../src/cache/head.ts';
import * as keys from '../../src/cache/keys.ts';
import { RemoteCacheSession } from '../../src/cache/remote-session.ts';
import { saveToCache } from '../../src/cache/save.ts';
import type { PackFile } from '../../src/store/pack-file.ts';
import { imageIdentity, makePack, NOON, PREFIX, TODAY } from '../support/cache-flow.ts';
import { MemoryCache } from '../support/memory-cache.ts';

const image = imageIdentity('v1');
let root: string;
let packs: string;
let cache: MemoryCache;
let saved: PackFile[];
let controller: AbortController;
const logged: string[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'restore-'));
  packs = join(root, 'store', 'packs');
  cache = new MemoryCache();
  controller = new AbortController();
  logged.length = 0;
  saved = await Promise.all(
    ['a', 'b', 'c', 'd', 'e', 'f'].map((name, i) => makePack(join(root, 'saved'), name, 100 + i)),
  );
  await saveToCache(
    { prefix: PREFIX, restored: { image, packs: [] }, newPacks: saved, livePacks: saved },
    { cache, tempDirectory: root, now: NOON, signal: controller.signal, log: () => undefined },
  );
  cache.calls.length = 0;
  cache.maxInFlight = 0;
});
afterEach(() => rm(root, { recursive: true, force: true }));

function open(): RemoteCacheSession {
  return new RemoteCacheSession({
    cache,
    prefix: PREFIX,
    log: (line) => logged.push(line),
    signal: controller.signal,
  });
}

const allKeys = () => saved.map((pack) => pack.key).sort();
const names = async () => (await readdir(packs)).sort();

function entry(keyStart: string): { bytes: Buffer } {
  const found = cache.entries.find(({ key }) => key.startsWith(keyStart));
  if (!found) throw new Error(`no entry ${keyStart}`);
  return found;
}

describe('restoring from the remote cache', () => {
  it('brings every pack of the exact head with two kinds of requests: one for the head, one a pack', async () => {
    const session = open();
    const report = await session.restore(image, packs);
    expect({ ...report, packKeys: report.packKeys.toSorted() }).toEqual({
      match: 'exact',
      packKeys: allKeys(),
      bytes: 615,
      unusable: 0,
      waiting: 0,
      arriving: [],
    });
    expect(await names()).toEqual(allKeys().map((key) => `${key}.pack`));
    for (const pack of saved)
      expect(await readFile(join(packs, `${pack.key}.pack`))).toEqual(await readFile(pack.path));
    expect(cache.calls).toHaveLength(7);
    expect(session.restored?.headKey).toBe(keys.headKey(PREFIX, image, TODAY));
    expect(session.restored?.packs.every(({ fate }) => fate === 'fetched')).toBe(true);
  });

  it('falls back on the newest head of the repository', async () => {
    const session = open();
    expect(await session.restore(imageIdentity('v2'), packs)).toMatchObject({ match: 'base', bytes: 615 });
    expect(session.restored?.image).toEqual(imageIdentity('v2'));
  });

  it('finds nothing for another repository, with one request', async () => {
    const other = { ...image, repository: 'registry.test/other' };
    const session = open();
    expect(await session.restore(other, packs)).toEqual({
      match: 'none',
      packKeys: [],
      bytes: 0,
      unusable: 0,
      waiting: 0,
      arriving: [],
    });
    expect(cache.calls).toHaveLength(1);
    expect(session.restored).toEqual({ image: other, packs: [] });
  });

  it('fetches four packs at once', async () => {
    cache.delay = () => sleep(5);
    await open().restore(image, packs);
    expect(cache.maxInFlight).toBe(4);
  });

  it('fetches nothing that is here already', async () => {
    await open().restore(image, packs);
    cache.calls.length = 0;
    const session = open();
    const report = await session.restore(image, packs);
    expect(report.packKeys.toSorted()).toEqual(allKeys());
    expect(report.bytes).toBe(0);
    expect(cache.calls).toHaveLength(1);
    expect(session.restored?.packs.every(({ fate }) => fate === 'local')).toBe(true);
  });

  it('replaces a local pack of another size', async () => {
    await open().restore(image, packs);
    const [first] = saved;
    await writeFile(join(packs, `${first?.key}.pack`), 'short');
    await open().restore(image, packs);
    expect((await readFile(join(packs, `${first?.key}.pack`))).length).toBe(100);
  });
});

describe('restoring from a remote cache that is not what it was', () => {
  it('does without a pack that is gone', async () => {
    const [first] = saved;
    const at = cache.entries.findIndex(({ name }) => name === keys.packName(first?.key ?? ''));
    cache.entries.splice(at, 1);
    const session = open();
    const report = await session.restore(image, packs);
    expect(report).toMatchObject({ match: 'exact', bytes: 515 });
    expect(report.packKeys).not.toContain(first?.key);
    expect(session.restored?.packs).toContainEqual({ key: first?.key, fate: 'unusable' });
  });

  it('throws away a pack of the wrong size', async () => {
    const [first] = saved;
    entry(keys.packPrefix(PREFIX, first?.key ?? '')).bytes = Buffer.alloc(99);
    const report = await open().restore(image, packs);
    expect(report.packKeys).toHaveLength(5);
    expect(await names()).toHaveLength(5);
  });

  it.each([
    ['no JSON', 'x'],
    ['the head of another image', formatHead({ ...imageIdentity('v9'), packs: [] })],
    ['as large as a disk', 'x'.repeat(1_000_000)],
  ])('ignores a head that is %s', async (_, text) => {
    entry(keys.exactHeadPrefix(PREFIX, image)).bytes = Buffer.from(text);
    const session = open();
    expect((await session.restore(image, packs)).match).toBe('none');
    expect(logged.join()).toContain('damaged');
    expect(await names()).toEqual([]);
    expect(session.restored?.packs).toEqual([]);
  });

  it('ignores a key it did not ask for', async () => {
    const key = `${keys.repositoryHeadPrefix(PREFIX, image)}something-else`;
    cache.entries.push({
      name: keys.HEAD_NAME,
      key,
      bytes: Buffer.from(formatHead({ ...image, packs: [] })),
    });
    expect((await open().restore(imageIdentity('v2'), packs)).match).toBe('none');
  });

  it('reports nothing when the directory cannot be made', async () => {
    await writeFile(join(root, 'file'), '');
    expect((await open().restore(image, join(root, 'file', 'packs'))).match).toBe('none');
  });

  it('ends when the job is cancelled', async () => {
    cache.delay = () => new Promise(() => undefined);
    setTimeout(() => controller.abort(new Error('cancelled')), 20);
    expect(await open().restore(image, packs)).toEqual({
      match: 'none',
      packKeys: [],
      bytes: 0,
      unusable: 0,
      waiting: 0,
      arriving: [],
    });
    expect(logged).toEqual(['nothing restored from the cache: cancelled']);
  });
});
