// A store that is kept within a size: what was not used for the longest time goes, and nobody who runs loses what he reads.
import { spawn } from 'node:child_process';
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CLI, type CliJson, pullJson, runCli, scratch } from '../support/cli.ts';
import { fixtureLayout } from '../support/fixture-image.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { expectedTree, isRoot, listTree } from '../support/tree.ts';
import { outcomeOf } from '../support/users.ts';

let registry: TestRegistry;
let dir: ReturnType<typeof scratch>;
beforeEach(async () => {
  dir = scratch();
  registry = await startRegistry({
    images: (['zstd-chunked', 'gzip', 'zstd'] as const).map((format) => ({
      repository: format,
      layout: fixtureLayout(format),
    })),
  });
});
afterEach(async () => {
  await registry.close();
  dir[Symbol.dispose]();
});

const argumentsOf = (image: string, ...options: string[]) => [
  ...[`${registry.host}/${image}`, dir.in(image.replace(':', '-')), '--cache-dir', dir.in('cache')],
  ...['--platform', 'linux/amd64', ...options],
];
const pull = (image: string, ...options: string[]) => pullJson(argumentsOf(image, ...options));
const packs = () => readdirSync(dir.in('cache/v1/packs')).sort();
const bytes = () =>
  packs().reduce((sum, name) => sum + statSync(join(dir.in('cache/v1/packs'), name)).size, 0);
const checkTree = (image: string) => {
  if (isRoot()) expect(listTree(dir.in(image.replace(':', '-')))).toEqual(expectedTree(image.slice(-2)));
};

/** Each image takes some 2.35 MB; two fit. */
const TWO = ['--cache-dir-max-size', '5000000'];

describe('a store with room for two of three images', () => {
  it('keeps those that were used last, and never holds more', async () => {
    for (const image of ['gzip:v1', 'zstd:v1', 'zstd-chunked:v1']) {
      await pull(image, ...TWO);
      expect(bytes()).toBeLessThanOrEqual(5_000_000);
    }
    // Used, but not added, so that it is not the oldest any more.
    expect(await pull('zstd:v1', ...TWO)).toMatchObject({ 'cache-hit': true, warnings: [] });
    expect(await pull('gzip:v1', ...TWO)).toMatchObject({ 'cache-hit': false, warnings: [] });
    expect(await pull('zstd:v1', ...TWO)).toMatchObject({ 'cache-hit': true, warnings: [] });
    expect(await pull('zstd-chunked:v1', ...TWO)).toMatchObject({ 'cache-hit': false, warnings: [] });
    expect(bytes()).toBeLessThanOrEqual(5_000_000);
  });

  it('tells what has left it', async () => {
    for (const image of ['gzip:v1', 'zstd:v1']) await pull(image, ...TWO);
    const { stderr } = await runCli(argumentsOf('zstd-chunked:v1', ...TWO));
    expect(stderr).toMatch(
      /1 pack \(2\.\d\d MB\) that had not been used for the longest time left the cache/,
    );
  });

  it('without a limit keeps all', async () => {
    for (const image of ['gzip:v1', 'zstd:v1', 'zstd-chunked:v1'])
      await pull(image, '--cache-dir-max-size=unlimited');
    expect(packs()).toHaveLength(3);
  });

  it('that may hold nothing gives the tree all the same', async () => {
    await pull('gzip:v1', '--cache-dir-max-size=0');
    checkTree('gzip:v1');
    expect(packs()).toEqual([]);
  });

  it('is not changed by a pull that may only read it', async () => {
    await pull('gzip:v1');
    await pull('gzip:v1', '--cache-dir-max-size=0', '--cache-mode=read');
    expect(packs()).toHaveLength(1);
  });
});

describe('a pull that runs', () => {
  /** Starts an update of what is in the store, and does something once it has said what it will read. */
  async function whilePulling(work: () => Promise<void>): Promise<CliJson> {
    await pull('zstd-chunked:v1');
    registry.faults.add({ kind: 'drip', bytesPerSecond: 40_000, on: /chunked.blobs/, times: 8 });
    const before = registry.requests.length;
    const child = spawn(process.execPath, [CLI, ...argumentsOf('zstd-chunked:v2'), '--json', '--quiet']);
    const outcome = outcomeOf(child);
    // The config, and for each layer its metadata; then the chunks.
    const isFetching = () =>
      registry.requests.slice(before).filter(({ path }) => path.includes('/blobs/')).length > 3;
    await expect.poll(isFetching, { timeout: 20_000 }).toBe(true);
    expect(child.exitCode).toBe(null);
    await work();
    expect(child.exitCode).toBe(null);
    const { status, stdout, stderr } = await outcome;
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    checkTree('zstd-chunked:v2');
    return JSON.parse(stdout) as CliJson;
  }

  it('does not lose what it reads, however small the store is to be', async () => {
    const result = await whilePulling(async () => {
      const { stdout } = await runCli([
        'cache',
        'prune',
        '--max-size=0',
        '--cache-dir',
        dir.in('cache'),
        '--json',
      ]);
      expect(JSON.parse(stdout)).toMatchObject({ 'removed-packs': 0 });
      await pull('gzip:v1', '--cache-dir-max-size=0');
    });
    expect(result).toMatchObject({ warnings: [], 'cache-repairs': 0 });
    expect(result['bytes-from-cache']).toBeGreaterThan(1_000_000);
  });

  it('fetches what has been taken away from under it', async () => {
    const result = await whilePulling(async () => rmSync(dir.in('cache/v1/packs'), { recursive: true }));
    expect(result['bytes-downloaded']).toBeGreaterThan(0);
  });

  it('keeps what it has staged while others tidy up', async () => {
    await whilePulling(async () => {
      const staged = readdirSync(dir.in('cache/v1/staging'));
      expect(staged.length).toBeGreaterThan(0);
      await runCli(['cache', 'prune', '--cache-dir', dir.in('cache')]);
      expect(readdirSync(dir.in('cache/v1/staging'))).toEqual(staged);
    });
  });
});

describe('a store on disk', () => {
  it('comes to rest when images take turns', async () => {
    const images = ['zstd-chunked:v1', 'zstd-chunked:v2', 'gzip:v1', 'gzip:v2', 'zstd:v1'];
    for (const image of images) await pull(image);
    const settled = packs();
    for (const image of [...images, ...images.toReversed()])
      expect(await pull(image)).toMatchObject({ 'cache-hit': true, warnings: [] });
    expect(packs()).toEqual(settled);
    expect([readdirSync(dir.in('cache/v1/staging')), readdirSync(dir.in('cache/v1/leases'))]).toEqual([
      [],
      [],
    ]);
  });
});
