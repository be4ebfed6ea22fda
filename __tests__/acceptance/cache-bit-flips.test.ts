// A bit turned over anywhere in what the Actions cache holds: always the right tree, and a count of what was made good.
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runJobHere } from '../support/action-here.ts';
import { CacheService } from '../support/cache-service.ts';
import { fixtureLayout } from '../support/fixture-image.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import type { TreeRecord } from '../support/tree.ts';

let registry: TestRegistry;
let service: CacheService;

beforeEach(async () => {
  const formats = ['zstd-chunked', 'gzip'] as const;
  registry = await startRegistry({
    images: formats.map((format) => ({ repository: format, layout: fixtureLayout(format) })),
  });
  // Two hundred pulls in a minute would meet the limits of the service, which are not what this is about.
  service = await CacheService.start();
});
afterEach(async () => {
  await registry.close();
  await service.close();
});

function pull(name: string, mode: 'write' | 'read') {
  const inputs = { image: `${registry.host}/${name}`, platform: 'linux/amd64', 'cache-mode': mode };
  return runJobHere({ env: service.environment(), inputs });
}

/** The same numbers in every run. */
function random(seed: string, below: number): number {
  return createHash('sha256').update(seed).digest().readUIntBE(0, 6) % below;
}

/** Turns one bit over in the entries whose keys hold `kind`, as if they were one; returns how to turn it back. */
function flip(kind: string, seed: string): () => void {
  const entries = service.entries.finalized().filter(({ key }) => key.includes(kind));
  const entry = entries[random(`${seed} entry`, entries.length)];
  const good = service.blobs.get(entry?.id ?? '');
  if (!entry || !good) throw new Error(`nothing is stored as ${kind}`);
  const bad = Buffer.from(good);
  const at = random(`${seed} offset`, bad.length);
  bad[at] = (bad[at] ?? 0) ^ (1 << random(`${seed} bit`, 8));
  service.blobs.set(entry.id, bad);
  return () => service.blobs.set(entry.id, good);
}

/** Each time is a whole pull; with OCI_PULL_TEST_FLIPS=80 it is 200 of them. */
const FLIPS = Number(process.env.OCI_PULL_TEST_FLIPS ?? 8);

describe.each([
  ['zstd-chunked', 'v2', FLIPS],
  ['gzip', 'v1', FLIPS],
] as const)('a bit turned over in the packs of %s:%s', (format, tag, count) => {
  it(`costs nothing but time, ${count} times`, async () => {
    await pull(`${format}:v1`, 'write');
    const good = (await pull(`${format}:${tag}`, 'write')).tree;
    let noticed = 0;
    for (let number = 0; number < count; number++) {
      const seed = `${format} ${number}`;
      const restore = flip('-pack-', seed);
      const job = await pull(`${format}:${tag}`, 'read');
      restore();
      expectRight(job, good, seed);
      const isNoticed = /^- cache: \d+ missing or damaged pieces? made good$/m.test(job.summary);
      noticed += Number(isNoticed);
      expect(job.outputs['cache-hit'], seed).toBe(String(!isNoticed));
    }
    // An update needs not all of the packs it starts from; an image of its own packs needs every byte of them.
    expect(noticed).toBeGreaterThanOrEqual(tag === 'v1' ? count : count / 3);
  }, 900_000);
});

describe('a bit turned over in the head', () => {
  const count = Math.ceil(FLIPS / 2);

  it(`costs nothing but time, ${count} times`, async () => {
    const good = (await pull('zstd-chunked:v1', 'write')).tree;
    let noticed = 0;
    for (let number = 0; number < count; number++) {
      const restore = flip('-head-', `head ${number}`);
      const job = await pull('zstd-chunked:v1', 'read');
      restore();
      expectRight(job, good, `head ${number}`);
      const isNoticed = job.summary.includes('made good');
      noticed += Number(isNoticed);
      // What is not noticed does no harm: how many bytes of a pack are live, or the second half of the digest.
      expect(job.outputs['cache-hit'], `head ${number}`).toBe(String(!isNoticed));
    }
    expect(noticed).toBeGreaterThan(count / 4);
  }, 900_000);
});

function expectRight(
  job: { exitCode: number; tree: readonly TreeRecord[]; log: string },
  good: readonly TreeRecord[],
  seed: string,
): void {
  expect(job.exitCode, seed).toBe(0);
  expect(job.tree, seed).toEqual(good);
  expect(job.log.match(/^::error/gm), seed).toBeNull();
}
