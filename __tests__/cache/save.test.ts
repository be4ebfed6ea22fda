import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SaveOutcome } from '../../src/cache/blob-cache.ts';
import { MAX_PACKS, parseHead } from '../../src/cache/head.ts';
import * as keys from '../../src/cache/keys.ts';
import type { PackFate } from '../../src/cache/pack-carrier.ts';
import { type SaveOptions, saveToCache } from '../../src/cache/save.ts';
import { needsSave, type SavePlan } from '../../src/cache/save-plan.ts';
import type { PackFile } from '../../src/store/pack-file.ts';
import { imageIdentity, makePack, NOON, PREFIX, TODAY } from '../support/cache-flow.ts';
import { MemoryCache } from '../support/memory-cache.ts';

const image = imageIdentity();
const YESTERDAY = '20260303';
let directory: string;
let cache: MemoryCache;
let small: PackFile;
let large: PackFile;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'save-'));
  cache = new MemoryCache();
  small = await makePack(directory, 'small', 100);
  large = await makePack(directory, 'large', 900);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

function cold(packs: readonly PackFile[]): SavePlan {
  return { prefix: PREFIX, restored: { image, packs: [] }, newPacks: packs, livePacks: packs };
}

function save(plan: SavePlan, options: Partial<SaveOptions> = {}) {
  const { signal } = new AbortController();
  return saveToCache(plan, {
    cache,
    tempDirectory: directory,
    now: NOON,
    signal,
    log: () => undefined,
    patience: { looks: 3, intervalMs: 10, throttledMs: 50, watchMs: 20 },
    ...options,
  });
}

const packKey = (pack: PackFile, day = TODAY) => keys.packEntryKey(PREFIX, pack.key, day);
const headKey = (day = TODAY, of = image) => keys.headKey(PREFIX, of, day);
const listed = (fate: PackFate, ...packs: PackFile[]) => packs.map(({ key }) => ({ key, fate }));

async function seed(pack: PackFile, day = YESTERDAY): Promise<void> {
  const request = {
    name: keys.packName(pack.key),
    key: packKey(pack, day),
    equivalents: [],
    file: pack.path,
  };
  await cache.save(request);
  cache.calls.length = 0;
}

describe('saving a pull', () => {
  it('uploads the packs, the smallest first, and the head last', async () => {
    expect(await save(cold([large, small]))).toMatchObject({
      kind: 'saved',
      uploadedPacks: 2,
      uploadedBytes: 1000,
    });
    expect(cache.keys()).toEqual([packKey(small), packKey(large), headKey()]);
    expect(parseHead(cache.entries[2]?.bytes ?? Buffer.alloc(0))).toEqual({
      manifestDigest: image.manifestDigest,
      packs: [large, small].map(({ key, size, liveBytes }) => ({ key, size, liveBytes })),
    });
  });

  it('uploads only what is new, and lists what was restored', async () => {
    await seed(large);
    const base = headKey(YESTERDAY, imageIdentity('v0'));
    const restored = { image, headKey: base, packs: listed('fetched', large) };
    const plan = { prefix: PREFIX, restored, newPacks: [small], livePacks: [large, small] };
    expect(await save(plan)).toMatchObject({ kind: 'saved', uploadedPacks: 1, uploadedBytes: 100 });
    expect(cache.keys()).toEqual([packKey(large, YESTERDAY), packKey(small), headKey()]);
    expect(parseHead(cache.entries[2]?.bytes ?? Buffer.alloc(0))?.packs).toHaveLength(2);
  });

  it('asks for packs of any day before it uploads one', async () => {
    await seed(small);
    expect(await save(cold([small, large]))).toMatchObject({ kind: 'saved', uploadedPacks: 1 });
    expect(cache.keys()).toEqual([packKey(small, YESTERDAY), packKey(large), headKey()]);
  });

  it('checks packs that were in the store all along, because the cache may have lost them', async () => {
    const restored = { image, headKey: headKey(YESTERDAY), packs: listed('local', large) };
    await save({ prefix: PREFIX, restored, newPacks: [small], livePacks: [large, small] });
    expect(cache.keys()).toEqual([packKey(small), packKey(large), headKey()]);
  });

  it.each<PackFate>(['fetched', 'local', 'unusable'])(
    'replaces a damaged pack of an earlier day that was %s',
    async (fate) => {
      await seed(small);
      const restored = { image, headKey: headKey(YESTERDAY), packs: listed(fate, small) };
      await save({ prefix: PREFIX, restored, newPacks: [small], livePacks: [small] });
      expect(cache.keys()).toEqual([packKey(small, YESTERDAY), packKey(small), headKey()]);
    },
  );

  it('replaces a head of an earlier day that the pull could not use', async () => {
    cache.entries.push({ name: keys.HEAD_NAME, key: headKey(YESTERDAY), bytes: Buffer.from('damaged') });
    expect(await save(cold([small]))).toMatchObject({ kind: 'saved' });
    expect(cache.keys().at(-1)).toBe(headKey());
  });

  it('stops when another job has saved the image meanwhile', async () => {
    cache.entries.push({ name: keys.HEAD_NAME, key: headKey(), bytes: Buffer.from('winner') });
    expect(await save(cold([small]))).toMatchObject({ kind: 'raced', uploadedPacks: 0 });
    expect(cache.calls).toEqual([`lookup ${headKey()}`]);
  });

  it('goes on when the head of today is the one the pull had found incomplete', async () => {
    cache.entries.push({ name: keys.HEAD_NAME, key: headKey(), bytes: Buffer.from('mine') });
    const restored = { image, headKey: headKey(), packs: listed('unusable', small) };
    await save({ prefix: PREFIX, restored, newPacks: [small], livePacks: [small] });
    expect(cache.keys()).toContain(packKey(small));
  });

  it('uploads no more than four packs at once', async () => {
    const packs = await Promise.all(Array.from({ length: 9 }, (_, i) => makePack(directory, `${i}`, 10 + i)));
    cache.delay = () => sleep(5);
    expect(await save(cold(packs))).toMatchObject({ kind: 'saved', uploadedPacks: 9 });
    expect(cache.maxInFlight).toBe(4);
  });
});

describe('a save that cannot finish', () => {
  const failed: SaveOutcome = { kind: 'failed', message: 'not taken' };

  it('publishes no head and tries nothing else when the first pack is refused', async () => {
    cache.outcomeFor = () => failed;
    expect(await save(cold([small, large]))).toMatchObject({ kind: 'incomplete', message: 'not taken' });
    expect(cache.calls.filter((call) => call.startsWith('save'))).toHaveLength(1);
  });

  it('publishes no head when a later pack is refused', async () => {
    cache.outcomeFor = ({ key }) => (key === packKey(large) ? failed : undefined);
    expect(await save(cold([small, large]))).toMatchObject({ kind: 'incomplete', uploadedPacks: 1 });
    expect(cache.keys()).toEqual([packKey(small)]);
    expect(cache.calls.filter((call) => call === `lookup ${packKey(large)}`)).toHaveLength(3);
  });

  it('leaves the field to a job that has just saved the first pack', async () => {
    cache.outcomeFor = () => ({ kind: 'raced' });
    expect(await save(cold([small, large]))).toMatchObject({ kind: 'raced', uploadedPacks: 0 });
    expect(cache.calls.filter((call) => call.startsWith('save'))).toHaveLength(1);
  });

  it('waits for a pack of another job once it has uploaded one itself', async () => {
    cache.outcomeFor = ({ key }) => {
      if (key !== packKey(large)) return undefined;
      setTimeout(
        () => cache.entries.push({ name: keys.packName(large.key), key, bytes: Buffer.alloc(1) }),
        15,
      );
      return failed;
    };
    expect(await save(cold([small, large]))).toMatchObject({ kind: 'saved', uploadedPacks: 1 });
    expect(cache.keys()).toEqual([packKey(small), packKey(large), headKey()]);
  });

  it('waits for the head of another job', async () => {
    cache.outcomeFor = ({ name, key }) => {
      if (name !== keys.HEAD_NAME) return undefined;
      setTimeout(() => cache.entries.push({ name, key, bytes: Buffer.alloc(1) }), 15);
      return failed;
    };
    expect(await save(cold([small]))).toMatchObject({ kind: 'saved', uploadedPacks: 1 });
  });

  it('leaves the field to a job that holds the first pack', async () => {
    cache.outcomeFor = () => ({ kind: 'taken' });
    expect(await save(cold([small, large]))).toMatchObject({ kind: 'raced', uploadedPacks: 0 });
    expect(cache.calls.filter((call) => call.startsWith('save'))).toHaveLength(1);
  });

  it('does not wait for a head that another job is about to write', async () => {
    cache.outcomeFor = ({ name }) => (name === keys.HEAD_NAME ? { kind: 'taken' } : undefined);
    expect(await save(cold([small]))).toMatchObject({ kind: 'raced', uploadedPacks: 1 });
    expect(cache.calls.filter((call) => call.startsWith('lookup'))).toHaveLength(1);
  });

  it.each([true, false])('waits for a pack that another job holds (it comes: %s)', async (comes) => {
    const name = keys.packName(large.key);
    cache.outcomeFor = ({ key }) => {
      if (key !== packKey(large)) return undefined;
      if (comes) setTimeout(() => cache.entries.push({ name, key, bytes: Buffer.alloc(1) }), 15);
      return { kind: 'taken' };
    };
    const report = await save(cold([small, large]));
    expect(report).toMatchObject({ kind: comes ? 'saved' : 'incomplete', uploadedPacks: 1 });
    expect(cache.keys().includes(headKey())).toBe(comes);
  });

  it('saves everything anew, once, when the backend has given way to another', async () => {
    let isFirst = true;
    cache.outcomeFor = ({ key }) => {
      if (key !== packKey(large) || !isFirst) return undefined;
      isFirst = false;
      cache.form = 'archive';
      cache.entries.length = 0;
      return { kind: 'switched' };
    };
    expect(await save(cold([small, large]))).toMatchObject({
      kind: 'saved',
      uploadedPacks: 2,
      uploadedBytes: 1000,
    });
    expect(cache.keys()).toEqual([packKey(small), packKey(large), headKey()]);
  });

  it('does not count on packs that were restored from entries of another form', async () => {
    const restored = {
      image,
      form: 'archive' as const,
      headKey: headKey(),
      packs: listed('fetched', small),
    };
    const plan = { ...cold([small, large]), restored, newPacks: [large] };
    expect(await save(plan)).toMatchObject({ kind: 'saved', uploadedPacks: 2 });
  });

  it('hands on when it has to end', async () => {
    const asked: unknown[] = [];
    cache.outcomeFor = ({ deadline, signal }) => {
      asked.push(deadline !== undefined && deadline > Date.now() && signal instanceof AbortSignal);
      return undefined;
    };
    await save(cold([small]), { deadlineMs: 10_000 });
    expect(asked).toEqual([true, true]);
  });

  it('stops waiting for a service that limits it when another job has saved the image', async () => {
    let asked = 0;
    cache.outcomeFor = () => ({ kind: 'throttled', message: `asked ${asked}` });
    const wait = cache.save.bind(cache);
    cache.save = async (request) => {
      asked += 1;
      if (asked === 1) return wait(request);
      cache.entries.push({ name: keys.HEAD_NAME, key: headKey(), bytes: Buffer.from('{}') });
      // As a backend that waits as Retry-After says, and ends with its signal.
      return new Promise((resolve) =>
        request.signal?.addEventListener('abort', () => resolve({ kind: 'failed', message: 'stopped' })),
      );
    };
    const report = await save(cold([small, large]), { deadlineMs: 20_000 });
    expect(report).toMatchObject({ kind: 'raced', uploadedPacks: 0 });
    expect(asked).toBe(2);
  });

  it('goes on where the service takes it after a while', async () => {
    let asked = 0;
    cache.outcomeFor = () => (asked++ === 0 ? { kind: 'throttled', message: 'later' } : undefined);
    expect(await save(cold([small, large]))).toMatchObject({ kind: 'saved', uploadedPacks: 2 });
  });

  it.each(['denied', 'quota', 'throttled', 'network', 'unavailable'] as const)(
    'does not wait when the cache is %s',
    async (kind) => {
      cache.outcomeFor = ({ key }) => (key === packKey(large) ? { kind, message: kind } : undefined);
      expect(await save(cold([small, large]))).toMatchObject({
        kind: 'incomplete',
        message: kind,
        reason: kind,
      });
      expect(cache.calls.filter((call) => call === `lookup ${packKey(large)}`)).toEqual([]);
    },
  );

  it('keeps the first reason when packs beside it succeed', async () => {
    const packs = await Promise.all(Array.from({ length: 5 }, (_, i) => makePack(directory, `${i}`, 10 + i)));
    const [, second] = packs;
    cache.outcomeFor = ({ file }) => (file === second?.path ? failed : undefined);
    expect(await save(cold(packs))).toMatchObject({ kind: 'incomplete', message: 'not taken' });
    expect(cache.keys()).not.toContain(headKey());
  });

  it('is incomplete when the head is refused', async () => {
    cache.outcomeFor = ({ name }) => (name === keys.HEAD_NAME ? failed : undefined);
    expect(await save(cold([small]))).toMatchObject({ kind: 'incomplete', uploadedPacks: 1 });
  });

  it('ends at its deadline with what it has done', async () => {
    cache.delay = async () => (cache.keys().length > 0 ? new Promise(() => undefined) : undefined);
    const report = await save(cold([small, large]), { deadlineMs: 100 });
    expect(report).toMatchObject({ kind: 'incomplete', uploadedPacks: 1 });
    expect(report.message).toContain('0.1 s');
  });

  it.each([
    ['before it starts', 0],
    ['while it runs', 20],
  ])('ends when the job is cancelled %s', async (_, after) => {
    const controller = new AbortController();
    cache.delay = () => sleep(100);
    if (after === 0) controller.abort(new Error('cancelled'));
    else setTimeout(() => controller.abort(new Error('cancelled')), after);
    const report = await save(cold([small]), { signal: controller.signal });
    expect(report).toMatchObject({ kind: 'incomplete', message: 'cancelled' });
  });

  it('does not throw when the temp directory is gone', async () => {
    const report = await save(cold([small]), { tempDirectory: join(directory, 'absent') });
    expect(report.kind).toBe('incomplete');
    expect(await readdir(directory)).not.toContain('absent');
  });
});

describe('the need for a save', () => {
  const exact = () => headKey(YESTERDAY);
  const base = () => headKey(YESTERDAY, imageIdentity('v0'));
  it.each<[string, () => Partial<SavePlan>, boolean]>([
    ['nothing was restored and nothing is new', () => ({ livePacks: [] }), false],
    ['everything is new', () => ({ newPacks: [small], livePacks: [small] }), true],
    [
      'the exact head lists all of it',
      () => ({
        livePacks: [small],
        restored: { image, headKey: exact(), packs: listed('fetched', small, large) },
      }),
      false,
    ],
    [
      'the exact head lists packs that were in the store',
      () => ({ livePacks: [small], restored: { image, headKey: exact(), packs: listed('local', small) } }),
      false,
    ],
    [
      'the exact head lists a pack that could not be restored',
      () => ({ livePacks: [small], restored: { image, headKey: exact(), packs: listed('unusable', small) } }),
      true,
    ],
    [
      'only another image of the repository has a head',
      () => ({ livePacks: [small], restored: { image, headKey: base(), packs: listed('fetched', small) } }),
      true,
    ],
    [
      'there are more packs than a head may list',
      () => ({ livePacks: Array.from({ length: MAX_PACKS + 1 }, () => small), newPacks: [small] }),
      false,
    ],
  ])('when %s', async (_, part, expected) => {
    const plan = { ...cold([]), ...part() };
    expect(needsSave(plan)).toBe(expected);
    const report = await save(plan);
    expect(report.kind === 'nothing').toBe(!expected);
    if (!expected) expect(cache.calls).toEqual([]);
  });
});
