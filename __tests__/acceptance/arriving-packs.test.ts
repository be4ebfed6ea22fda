// The built action, spawned as the runner does, while the packs that it unpacks from are still on their way: an image of 25 MB, and a
// cache service that holds parts of its pack back, fails them, or changes them.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { packKey } from '../../src/store/pack-format.ts';
import { readPack } from '../../src/store/read-pack.ts';
import { ActionJob, type PhaseResult } from '../support/action-job.ts';
import { type BigImage, writeBigImage, writeBigUpdate } from '../support/big-image.ts';
import { CacheService } from '../support/cache-service.ts';
import type { AskedRange, BlobFaults } from '../support/cache-service-blobs.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { skipMounts } from '../support/small-disk.ts';
import { allEntries } from '../support/store-samples.ts';
import { listTree, type TreeRecord } from '../support/tree.ts';
import { makeUsers, skipUsers, type TestUser, type TestUsers } from '../support/users.ts';
import { wrongEntries } from '../support/verify-packs.ts';

const SCRIPT = join(import.meta.dirname, '../../dist/index.js');
const MEGABYTES = 25;
const LAST_FILE = 'file5-0';
/** What one request of an arriving pack asks for. */
const PART = 4 << 20;
const PACK = /^[0-9a-f]{40}\.pack$/;
/** So long nobody waits for what never comes. */
const PATIENCE_MS = 10_000;

const root = mkdtempSync(join(tmpdir(), 'arriving-'));
const directory = join(root, 'v1');
const updates = join(root, 'v2');
/** The layer that v2 has and v1 has not. */
let updated: BigImage;
let registry: TestRegistry;
let service: CacheService;
let tree: readonly TreeRecord[];
let today: string;
/** What the cache holds before each test. */
let saved: readonly { readonly id: string; readonly bytes: Buffer }[];
let pack: { readonly id: string; readonly size: number };

beforeAll(async () => {
  const base = { megabytes: MEGABYTES, copies: 1 };
  writeBigImage(directory, base);
  updated = writeBigUpdate(updates, base, 9);
  registry = await startRegistry({
    images: [directory, updates].map((layout) => ({ repository: 'app', layout })),
  });
  service = await CacheService.start();
  const cold = await runJob();
  expect(cold).toMatchObject({ main: { code: 0 }, post: { code: 0 }, outputs: { 'cache-hit': 'false' } });
  tree = cold.tree;
  expect(tree.map(({ path }) => path)).toContain(LAST_FILE);
  today = /-(\d{8})$/.exec(service.finalizedKeys()[0] ?? '')?.[1] ?? '';
  saved = service.entries.finalized().map(({ id }) => ({ id, bytes: service.blobs.get(id) as Buffer }));
  const [largest] = saved.toSorted((a, b) => b.bytes.length - a.bytes.length);
  pack = { id: largest?.id ?? '', size: largest?.bytes.length ?? 0 };
  expect(pack.size).toBeGreaterThan(6 * PART);
}, 60_000);
afterEach(() => {
  service.blobs.onRead = () => undefined;
  service.entries.removeWhere(({ id }) => !saved.some((one) => one.id === id));
  service.entries.rename((key) => key.replace(/-20200101$/, `-${today}`));
  for (const { id, bytes } of saved) service.blobs.set(id, bytes);
});
afterAll(async () => {
  await registry.close();
  await service.close();
  rmSync(root, { recursive: true, force: true });
});

interface JobOptions {
  readonly user?: Pick<TestUser, 'action'>;
  readonly tag?: string;
  readonly withoutPost?: boolean;
  readonly inputs?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly onStart?: (job: ActionJob) => void;
  /** Of the main phase, once `when` holds. */
  readonly kill?: { readonly signal: NodeJS.Signals; readonly when: Promise<unknown> };
}

interface Run {
  readonly main: PhaseResult;
  readonly post: PhaseResult | undefined;
  readonly outputs: Readonly<Record<string, string>>;
  readonly tree: readonly TreeRecord[];
  readonly summary: string;
  /** Names in the directory of packs after the main phase. */
  readonly packs: readonly string[];
  /** Names in the workspace after the main phase. */
  readonly made: readonly string[];
}

const packsOf = (store: string) => join(store, 'v1/packs');
const namesIn = (path: string) => (existsSync(path) ? readdirSync(path).sort() : []);

/** Main and post on a machine with an empty disk. After a main phase that ended well all packs there are sound. */
async function runJob({
  user,
  tag = 'v1',
  withoutPost = false,
  inputs = {},
  env = {},
  onStart,
  kill,
}: JobOptions = {}): Promise<Run> {
  const image = `${registry.host}/app:${tag}`;
  await using job = await ActionJob.start({
    script: user?.action.script ?? SCRIPT,
    ...(user ? { user: user.action } : {}),
    env: { ...service.environment(), ...env },
    inputs: { image, platform: 'linux/amd64', 'cache-min-size': '0', ...inputs },
  });
  onStart?.(job);
  let hasBegun = false;
  const main = await job.run('main', (_, send) => {
    if (!hasBegun) void kill?.when.then(() => send(kill.signal));
    hasBegun = true;
  });
  const outputs = await job.outputs();
  const store = inputs['cache-dir'] ?? join(job.root, 'temp/oci-pull/store');
  const packs = namesIn(packsOf(store));
  const made = namesIn(join(job.root, 'work'));
  if (main.code === 0) await expectSound(store, packs);
  const root = outputs['root-path'];
  const found = main.code === 0 && root && statSync(root).isDirectory() ? listTree(root) : [];
  const post = main.code === 0 && !withoutPost ? await job.run('post') : undefined;
  return { main, post, outputs, tree: withoutTimes(found), summary: await job.summary(), packs, made };
}

/** The image does not say when its directories were made. */
const withoutTimes = (records: readonly TreeRecord[]) =>
  records.map(({ mtime: _, ...record }): TreeRecord => record);

async function expectSound(store: string, packs: readonly string[]): Promise<void> {
  for (const name of packs.filter((one) => PACK.test(one))) {
    const key = name.replace(/\.pack$/, '');
    const found = allEntries(await readPack(join(packsOf(store), name), key)) ?? [];
    expect(`${packKey(found)}.pack`).toBe(name);
  }
  expect(await wrongEntries(store)).toEqual([]);
}

type Answer = BlobFaults | undefined;

/** Of the pack, the parts after the first two get what `answer` says; its table and the parts before are read as ever. */
function onLaterParts(answer: (range: AskedRange) => Promise<Answer> | Answer): void {
  service.blobs.onRead = (range, id) =>
    id === pack.id && range.end - range.start <= PART && range.start >= 2 * PART && range.end < pack.size
      ? answer(range)
      : undefined;
}

/** Resolves to whether a job has made a whole file of the image, long before the last of them is there. */
async function hasUnpacked(job: ActionJob, name = 'file0-0'): Promise<boolean> {
  const work = join(job.root, 'work');
  const giveUp = Date.now() + PATIENCE_MS;
  for (; Date.now() < giveUp; await sleep(20)) {
    const staging = namesIn(work).find((made) => /^\.rootfs\.oci-pull-[0-9a-f]{12}$/.test(made));
    const size = staging && statSync(join(work, staging, name), { throwIfNoEntry: false })?.size;
    if (size === PART) return true;
  }
  return false;
}

it('unpacks what is there while the rest is on its way, and leaves whole packs only', async () => {
  const unpacked = Promise.withResolvers<boolean>();
  const held: AskedRange[] = [];
  onLaterParts(async (range) => {
    held.push(range);
    await unpacked.promise;
    return undefined;
  });
  const onStart = (job: ActionJob) => void hasUnpacked(job).then(unpacked.resolve);
  const run = await runJob({ onStart });
  expect(held.length).toBeGreaterThan(3);
  expect(await unpacked.promise).toBe(true);
  expect(run).toMatchObject({ main: { code: 0 }, outputs: { 'cache-hit': 'true', 'bytes-downloaded': '0' } });
  expect(run.tree).toEqual(tree);
  expect(run.main.log).toContain('1 on their way');
  expect(run.main.log).not.toMatch(/^::(?:warning|error)/m);
  expect(run.packs).toEqual([expect.stringMatching(PACK)]);
}, 60_000);

/** lasting: the entry stays as it is, and the next job is served by what has taken its place. */
it.each<[string, 'lasting' | 'passing', BlobFaults]>([
  ['are gone', 'lasting', { blobStatus: 404 }],
  ['are refused', 'lasting', { blobStatus: 403 }],
  [
    'lose their connection',
    'passing',
    { cut: { of: 'downloads', after: 100_000, times: Number.POSITIVE_INFINITY } },
  ],
  ['are cut off', 'passing', { truncateTo: 3 * PART }],
  ['are others than were asked for', 'passing', { shiftRange: 1 }],
])(
  'fetches what was in a pack whose later parts %s, and mends the cache',
  async (_, how, faults) => {
    onLaterParts(() => faults);
    // An entry of today cannot be replaced today.
    service.entries.rename((key) => key.replace(/-\d{8}$/, '-20200101'));
    const run = await runJob({ withoutPost: how === 'passing' });
    expect(run).toMatchObject({ main: { code: 0 }, outputs: { 'cache-hit': 'false' } });
    expect(run.tree).toEqual(tree);
    expect(run.summary).toContain('cache: 1 missing or damaged piece made good');
    expect(Number(run.outputs['bytes-downloaded'])).toBeGreaterThan(0.9 * pack.size);
    expect(Number(run.outputs['bytes-downloaded'])).toBeLessThan(1.02 * pack.size);
    expect(run.packs).toEqual([expect.stringMatching(PACK)]);
    if (how === 'passing') return;
    expect(run.post).toMatchObject({ code: 0 });
    const next = await runJob();
    expect(next).toMatchObject({
      main: { code: 0 },
      outputs: { 'cache-hit': 'true', 'bytes-downloaded': '0' },
    });
  },
  60_000,
);

it('fetches a chunk anew that arrives with a wrong byte, and keeps no pack that holds it', async () => {
  const at = 5 * PART + 1000;
  onLaterParts(({ start, end }) => (start <= at && at < end ? { flipByteAt: at } : undefined));
  const run = await runJob();
  expect(run).toMatchObject({ main: { code: 0 }, post: { code: 0 } });
  expect(run.tree).toEqual(tree);
  expect(run.summary).toMatch(/cache: [1-9]\d* missing or damaged/);
  expect(run.packs.every((name) => PACK.test(name))).toBe(true);
  service.blobs.onRead = () => undefined;
  const next = await runJob();
  expect(next).toMatchObject({
    main: { code: 0 },
    outputs: { 'cache-hit': 'true', 'bytes-downloaded': '0' },
  });
}, 60_000);

describe('an update', () => {
  const sizes = () => ({ v1: pack.size, v2: pack.size + updated.size });

  it('unpacks the layers that it shares from a pack that is on its way, and fetches the others meanwhile', async () => {
    const unpacked = Promise.withResolvers<boolean>();
    onLaterParts(async () => void (await unpacked.promise));
    const run = await runJob({ tag: 'v2', onStart: (job) => void hasUnpacked(job).then(unpacked.resolve) });
    expect(await unpacked.promise).toBe(true);
    expect(run).toMatchObject({ main: { code: 0 }, post: { code: 0 } });
    expect(run.tree).toEqual(expect.arrayContaining(filesOf(tree)));
    expect(run.tree).toHaveLength(tree.length + updated.files.length);
    expect(Number(run.outputs['bytes-downloaded'])).toBeLessThan(1.02 * updated.size);
    expect(run.packs.every((name) => PACK.test(name))).toBe(true);
  }, 60_000);

  it('fetches nothing twice where the pack does not arrive', async () => {
    const unpacked = Promise.withResolvers<boolean>();
    onLaterParts(async () => {
      await unpacked.promise;
      return { blobStatus: 404 };
    });
    const run = await runJob({ tag: 'v2', onStart: (job) => void hasUnpacked(job).then(unpacked.resolve) });
    expect(run).toMatchObject({ main: { code: 0 }, post: { code: 0 } });
    expect(run.tree).toEqual(expect.arrayContaining(filesOf(tree)));
    expect(run.tree).toHaveLength(tree.length + updated.files.length);
    expect(Number(run.outputs['bytes-downloaded'])).toBeGreaterThan(sizes().v1);
    expect(Number(run.outputs['bytes-downloaded'])).toBeLessThan(1.02 * sizes().v2);
    service.blobs.onRead = () => undefined;
    const next = await runJob({ tag: 'v2' });
    expect(next).toMatchObject({ main: { code: 0 }, outputs: { 'cache-hit': 'true' } });
  }, 60_000);
});

const filesOf = (records: readonly TreeRecord[]) => records.filter(({ type }) => type === 'file');

it('needs nothing of the end of a pack in which an image ends earlier, be it lost', async () => {
  const inputs = { 'cache-key-prefix': 'both' };
  await runJob({ tag: 'v2', inputs });
  const both = service.entries.finalized().find(({ key }) => key.startsWith('both-pack'));
  const size = both?.size ?? 0;
  expect(size).toBeGreaterThan(pack.size + PART);
  const unpacked = Promise.withResolvers<boolean>();
  service.blobs.onRead = async ({ start, end }, id) => {
    if (id !== both?.id || end - start > PART || end === size || start < pack.size) return undefined;
    await unpacked.promise;
    return { blobStatus: 404 };
  };
  const onStart = (job: ActionJob) => void hasUnpacked(job, LAST_FILE).then(unpacked.resolve);
  const run = await runJob({ inputs, onStart });
  expect(await unpacked.promise).toBe(true);
  expect(run).toMatchObject({ main: { code: 0 }, post: { code: 0 } });
  expect(run.tree).toEqual(tree);
  expect(run.outputs['bytes-downloaded']).toBe('0');
  expect(run.summary).toContain('cache: 1 missing or damaged piece made good');
  expect(run.packs.every((name) => PACK.test(name))).toBe(true);
  service.blobs.onRead = () => undefined;
  const next = await runJob({ inputs });
  expect(next).toMatchObject({ main: { code: 0 } });
  expect(next.tree).toEqual(tree);
}, 60_000);

describe('a job that ends while a pack is on its way', () => {
  /** Once something is unpacked, nothing more arrives. */
  async function stopped(signal: NodeJS.Signals, inputs: Readonly<Record<string, string>> = {}) {
    const unpacked = Promise.withResolvers<boolean>();
    onLaterParts(async () => {
      await unpacked.promise;
      return { stallAfter: 0 };
    });
    const onStart = (job: ActionJob) => void hasUnpacked(job).then(unpacked.resolve);
    const run = await runJob({ inputs, onStart, kill: { signal, when: unpacked.promise } });
    expect(await unpacked.promise).toBe(true);
    expect(run.main.log).toContain('1 on their way');
    return run;
  }

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'by %s leaves nothing',
    async (signal) => {
      const run = await stopped(signal);
      expect(run.main.code).toBe(1);
      expect(run.main.log).toContain('cancelled');
      expect(run).toMatchObject({ packs: [], made: [] });
    },
    60_000,
  );

  it('by SIGKILL leaves the next one right', async () => {
    const inputs = { 'cache-dir': join(root, 'cache'), 'cache-mode': 'write' };
    const run = await stopped('SIGKILL', inputs);
    expect(run.main.code).toBe(null);
    expect(run.packs).toEqual([expect.stringMatching(/^[0-9a-f]{40}\.[0-9a-f-]{36}\.partial$/)]);
    service.blobs.onRead = () => undefined;
    const next = await runJob({ inputs });
    expect(next).toMatchObject({
      main: { code: 0 },
      outputs: { 'cache-hit': 'true', 'bytes-downloaded': '0' },
    });
    expect(next.tree).toEqual(tree);
    expect(next.packs.filter((name) => PACK.test(name))).toHaveLength(1);
  }, 60_000);
});

describe('while a pack arrives slowly', () => {
  beforeEach(() => onLaterParts(() => ({ drip: 5 })));
  const quick = { main: { code: 0 }, outputs: { 'cache-hit': 'true', 'bytes-downloaded': '0' } };

  it('an archive is written', async () => {
    const archive = join(root, 'image.tar');
    const run = await runJob({ inputs: { format: 'oci-archive', destination: archive } });
    expect(run).toMatchObject(quick);
    const blobs = spawnSync('tar', ['-tf', archive], { encoding: 'utf8' }).stdout;
    expect(blobs).toMatch(/blobs\/sha256\/[0-9a-f]{64}/);
  }, 60_000);

  it('layers are proven by their tables of contents alone', async () => {
    const run = await runJob({ inputs: { verify: 'toc' } });
    expect(run).toMatchObject(quick);
    expect(run.tree.map(({ path, sha256 }) => [path, sha256])).toEqual(
      tree.map(({ path, sha256 }) => [path, sha256]),
    );
  }, 60_000);

  it('a part of the image is unpacked', async () => {
    const run = await runJob({ inputs: { paths: 'file3-0' } });
    expect(run).toMatchObject(quick);
    expect(filesOf(run.tree)).toEqual(filesOf(tree).filter(({ path }) => path === 'file3-0'));
    expect(filesOf(run.tree)).toHaveLength(1);
  }, 60_000);
});

describe.skipIf(skipUsers())('a user whom sudo lets be root', () => {
  let users: TestUsers;
  beforeAll(() => {
    users = makeUsers();
  });
  afterAll(() => users[Symbol.dispose]());
  const inputs = { ownership: 'preserve' };

  it('has the process of root wait for what is on its way', async () => {
    const unpacked = Promise.withResolvers<boolean>();
    onLaterParts(async () => void (await unpacked.promise));
    const onStart = (job: ActionJob) => void hasUnpacked(job).then(unpacked.resolve);
    const run = await runJob({ user: users.sudoer, inputs, onStart });
    expect(await unpacked.promise).toBe(true);
    expect(run).toMatchObject({ main: { code: 0 }, outputs: { 'cache-hit': 'true' } });
    expect(run.tree).toEqual(tree);
  }, 60_000);

  it('has it begin anew where a pack does not arrive', async () => {
    const unpacked = Promise.withResolvers<boolean>();
    onLaterParts(async () => {
      await unpacked.promise;
      return { blobStatus: 404 };
    });
    const onStart = (job: ActionJob) => void hasUnpacked(job).then(unpacked.resolve);
    const run = await runJob({ user: users.sudoer, inputs, onStart });
    expect(await unpacked.promise).toBe(true);
    expect(run).toMatchObject({ main: { code: 0 }, post: { code: 0 }, outputs: { 'cache-hit': 'false' } });
    expect(run.tree).toEqual(tree);
    expect(run.made.filter((name) => name.includes('.oci-pull-'))).toEqual([]);
    expect(users.rootProcesses()).toEqual([]);
  }, 60_000);
});

it.skipIf(skipMounts() !== undefined)(
  'goes on without the cache where a disk is full before a pack is there',
  async () => {
    const disk = join(root, 'disk');
    mkdirSync(disk);
    const node = join(root, 'node-with-small-disk');
    const script = `mount -t tmpfs -o size=12m tmpfs ${disk} && exec ${process.execPath} "$0"`;
    writeFileSync(node, `#!/bin/sh\nexec unshare -rm sh -c '${script}' "$1"\n`, { mode: 0o755 });
    const user = { action: { script: SCRIPT, node, uid: 0, gid: 0 } };
    const run = await runJob({ user, env: { RUNNER_TEMP: disk }, withoutPost: true });
    expect(run).toMatchObject({ main: { code: 0 }, outputs: { 'cache-hit': 'false' } });
    expect(run.tree).toEqual(tree);
    expect(run.main.log).toContain('1 on their way');
    expect(run.main.log).toContain('ENOSPC');
  },
  60_000,
);
