// Large packs of the remote cache, over the service itself: what a restore hands over, and what it leaves where it ends early.
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createDirectCache, type DirectCache } from '../../src/cache/direct-backend.ts';
import { PackCarrier } from '../../src/cache/pack-carrier.ts';
import { RemoteCacheSession } from '../../src/cache/remote-session.ts';
import { saveToCache } from '../../src/cache/save.ts';
import type { PackFile } from '../../src/store/pack-file.ts';
import { ChunkStore } from '../../src/store/store.ts';
import { imageIdentity, NOON, PREFIX } from '../support/cache-flow.ts';
import { CacheService } from '../support/cache-service.ts';
import { makeToken } from '../support/cache-service-entries.ts';
import { addPack } from '../support/store-samples.ts';

const image = imageIdentity('v1');
const LARGE = 17 << 20;
let root: string;
let packs: string;
let service: CacheService;
let cache: DirectCache;
let saved: PackFile[];
let controller: AbortController;
const logged: string[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'carrier-'));
  packs = join(root, 'store/v1/packs');
  service = await CacheService.start();
  controller = new AbortController();
  logged.length = 0;
  cache = createDirectCache({
    service: new URL(service.origin),
    token: makeToken(),
    mayRead: true,
    mayWrite: true,
    env: {},
    onSecret: () => undefined,
    log: (line) => logged.push(line),
    scale: 0.01,
  });
  const store = await ChunkStore.open(join(root, 'saved'), true);
  saved = [];
  for (const text of ['a', 'b', 'c']) {
    const made = await addPack(store, [text.repeat(LARGE)]);
    const { size } = await stat(made.path);
    saved.push({ ...made, size, liveBytes: size });
  }
  await saveToCache(
    { prefix: PREFIX, restored: { image, packs: [] }, newPacks: saved, livePacks: saved },
    { cache, tempDirectory: root, now: NOON, signal: controller.signal, log: () => undefined },
  );
});
afterEach(async () => {
  await cache.close();
  await service.close();
  await rm(root, { recursive: true, force: true });
});

const open = () =>
  new RemoteCacheSession({
    cache,
    prefix: PREFIX,
    log: (line) => logged.push(line),
    signal: controller.signal,
  });
const names = async () => (await readdir(packs)).sort();
const packNames = () => saved.map(({ key }) => `${key}.pack`).sort();
const fates = ({ restored }: RemoteCacheSession) => restored?.packs.map(({ fate }) => fate);

it('large packs are handed over on their way, and counted once they are there', async () => {
  const session = open();
  const report = await session.restore(image, packs);
  expect(report).toMatchObject({ match: 'exact', packKeys: [], bytes: 0, unusable: 0 });
  expect(report.arriving.map(({ key }) => key).toSorted()).toEqual(saved.map(({ key }) => key).toSorted());
  expect(logged).toEqual(['0 of 3 packs of this image are at hand, 3 on their way']);
  for (const arriving of report.arriving) await arriving.settle();
  expect(fates(session)).toEqual(['fetched', 'fetched', 'fetched']);
  expect(await names()).toEqual(packNames());
});

it('a service that ignores ranges brings them whole', async () => {
  service.faults = { ignoreRanges: true };
  const report = await open().restore(image, packs);
  expect(report.arriving).toEqual([]);
  expect(report.packKeys).toHaveLength(3);
  expect(await names()).toEqual(packNames());
});

it('a pack that is lost is told of by whoever had it, and by nobody else', async () => {
  const session = open();
  const [first, ...others] = (await session.restore(image, packs)).arriving;
  await first?.abandon();
  for (const arriving of others) await arriving.settle();
  expect(fates(session)).toContain('unusable');
  expect(await session.restoreRest(() => true)).toMatchObject({ unusable: 0, arriving: [] });
  expect(logged).toContain(`pack ${first?.key} could not be restored`);
  expect(await names()).toEqual(packNames().filter((name) => !name.startsWith(first?.key ?? '')));
});

it('a job that is cancelled while it looks into packs leaves none of them half-made', async () => {
  let reads = 0;
  service.blobs.onRead = async ({ end }) => {
    // The tables of two packs are known by then, that of the third is not.
    if (end > LARGE && ++reads === 3) {
      while ((await names()).length < 2) await sleep(5);
      controller.abort(new Error('cancelled'));
    }
    return undefined;
  };
  const report = await open().restore(image, packs);
  expect(report).toMatchObject({ match: 'none', arriving: [] });
  expect(logged).toContain('nothing restored from the cache: cancelled');
  await sleep(100);
  expect(await names()).toEqual([]);
});

it('a pack that was looked into before the restore ended is not made any more', async () => {
  const settled: string[] = [];
  const carrier = new PackCarrier({
    cache,
    prefix: PREFIX,
    packsDirectory: root,
    log: (line) => logged.push(line),
    signal: controller.signal,
    onSettled: (_, fate) => settled.push(fate),
  });
  const [one, two] = await Promise.all(saved.slice(0, 2).map((pack) => carrier.open(pack)));
  if (typeof one !== 'object' || typeof two !== 'object') throw new Error('it cannot be read');
  const before = await readdir(root);
  expect(await carrier.bringOpen(one)).toBe(undefined);
  expect(await readdir(root)).toHaveLength(before.length + 1);
  const bringing = carrier.bringOpen(two);
  await carrier.abandon();
  expect(await bringing).toBe('unusable');
  expect(carrier.handOver()).toEqual([]);
  expect(await readdir(root)).toEqual(before);
  expect(settled).toEqual(['unusable', 'unusable']);
});
