// Main phases on a self-hosted runner that are killed at any moment: the next one is right, finds a usable store, and nothing grows.
import { readdirSync, rmSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { arch, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ActionJob } from '../support/action-job.ts';
import { fixtureLayout } from '../support/fixture-image.ts';
import { seededRandom } from '../support/random.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { expectedTree, isRoot, listTree } from '../support/tree.ts';
import { wrongEntries } from '../support/verify-packs.ts';

const script = join(import.meta.dirname, '../../dist/index.js');
/** Each is a killed pull and two whole ones; 25 of them with OCI_PULL_TEST_KILLS=25. */
const MOMENTS = Number(process.env.OCI_PULL_TEST_KILLS ?? 8);
const random = seededRandom();

let registry: TestRegistry;
let tools: string;
let store: string;
beforeAll(async () => {
  registry = await startRegistry({
    images: (['zstd-chunked', 'gzip'] as const).map((format) => ({
      repository: format,
      layout: fixtureLayout(format),
    })),
    faults: [{ kind: 'slow', milliseconds: 10, on: '/blobs/' }],
  });
  tools = await mkdtemp(join(tmpdir(), 'oci-pull-tools-'));
  store = join(tools, 'oci-pull-chunks', '1.0.0', arch());
});
afterAll(async () => {
  await registry.close();
  await rm(tools, { recursive: true, force: true });
});

function startJob(image: string) {
  return ActionJob.start({
    script,
    inputs: { image: `${registry.host}/${image}`, platform: 'linux/amd64' },
    env: { RUNNER_ENVIRONMENT: 'self-hosted', RUNNER_TOOL_CACHE: tools },
  });
}

/** Runs main, and kills it so many milliseconds after it has said its first word. Returns how long it took from then on. */
async function runMain(image: string, killAfter?: number): Promise<number> {
  await using job = await startJob(image);
  let began = 0;
  const { code, log } = await job.run('main', (_, kill) => {
    if (began === 0 && killAfter !== undefined) setTimeout(() => kill('SIGKILL'), killAfter);
    began ||= performance.now();
  });
  const took = performance.now() - began;
  if (killAfter !== undefined) return took;
  expect({ code, log }).toEqual({ code: 0, log: expect.not.stringContaining('::warning') });
  const root = (await job.outputs())['root-path'] ?? '';
  if (isRoot()) expect(listTree(root)).toEqual(expectedTree(image.split(':')[1] ?? ''));
  else expect(readdirSync(root)).toContain('etc');
  return took;
}

const list = (name: string) => readdirSync(join(store, 'v1', name)).sort();

/** After a pull that was not killed: nothing is in the store but whole packs. */
async function checkStore(): Promise<void> {
  expect({ staging: list('staging'), leases: list('leases') }).toEqual({ staging: [], leases: [] });
  expect(list('packs').filter((name) => !/^[0-9a-f]{40}\.pack$/.test(name))).toEqual([]);
  expect(readdirSync(tools)).toEqual(['oci-pull-chunks']);
  expect(await wrongEntries(store)).toEqual([]);
}

const bytesOfPacks = () =>
  list('packs').reduce((sum, name) => sum + statSync(join(store, 'v1/packs', name)).size, 0);

describe(`a main phase that is killed (seed ${random.seed})`, () => {
  const images = ['zstd-chunked:v1', 'zstd-chunked:v2', 'gzip:v1'];

  it(`at ${MOMENTS} random moments, leaves the next one right, and nothing that grows`, {
    timeout: 600_000,
  }, async () => {
    const took = await runMain('zstd-chunked:v1');
    const left = [];
    for (let moment = 0; moment < MOMENTS; moment++) {
      const image = images[random.below(images.length)] ?? '';
      // Otherwise most of them would have nothing to fetch.
      if (random.next() < 0.6) rmSync(join(store, 'v1/packs'), { recursive: true });
      await runMain(image, random.next() * 1.1 * took);
      left.push(list('staging').length + list('leases').length);
      await runMain(image);
      await checkStore();
    }
    // Some of them have been caught in the middle.
    expect(Math.max(...left)).toBeGreaterThan(1);
    for (const image of images) await runMain(image);
    const before = bytesOfPacks();
    for (const image of images) await runMain(image);
    expect(bytesOfPacks()).toBe(before);
  });

  it('beside another one on the same store, leaves both images right', { timeout: 600_000 }, async () => {
    rmSync(join(store, 'v1'), { recursive: true, force: true });
    const took = await runMain('zstd-chunked:v1');
    for (let moment = 0; moment < MOMENTS; moment++) {
      if (random.next() < 0.6) rmSync(join(store, 'v1/packs'), { recursive: true });
      const [one, two] = [0, 1].map(() => images[random.below(images.length)] ?? '') as [string, string];
      // Every other time both are killed.
      const survivor = moment % 2 === 0 ? undefined : random.next() * 2 * took;
      await Promise.all([runMain(one, random.next() * 2 * took), runMain(two, survivor)]);
      await runMain(one);
      await checkStore();
    }
  });
});
