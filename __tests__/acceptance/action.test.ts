// The built action, spawned as the runner does, with the real cache library against a real HTTP cache service.
import { join } from 'node:path';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ActionJob } from '../support/action-job.ts';
import { CacheService } from '../support/cache-service.ts';
import { fixtureLayout } from '../support/fixture-image.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { updateMinimum } from '../support/toc-minimum.ts';
import { expectedTree, isRoot, listTree } from '../support/tree.ts';

const script = join(import.meta.dirname, '../../dist/index.js');
let registry: TestRegistry;
let service: CacheService;

beforeEach(async () => {
  registry = await startRegistry({ images: [{ repository: 'app', layout: fixtureLayout('zstd-chunked') }] });
  service = await CacheService.start();
});
afterEach(async () => {
  await registry.close();
  await service.close();
});

/** Main and post of one job on a machine with an empty disk. */
async function runJob(tag: string) {
  await using job = await ActionJob.start({
    script,
    inputs: { image: `${registry.host}/app:${tag}`, platform: 'linux/amd64' },
    env: service.environment(),
  });
  const main = await job.run('main');
  expect(main).toMatchObject({ code: 0 });
  const outputs = await job.outputs();
  if (isRoot()) expect(listTree(outputs['root-path'] ?? '')).toEqual(expectedTree(tag));
  const post = await job.run('post');
  expect(post).toMatchObject({ code: 0 });
  return { outputs, log: main.log + post.log, downloaded: Number(outputs['bytes-downloaded']) };
}

function keys(kind: 'pack' | 'head'): string[] {
  return service.finalizedKeys().filter((key) => key.includes(`-${kind}-`));
}

function storedBytes(key: string): number {
  const entry = service.entries.finalized().find((candidate) => candidate.key === key);
  return service.blobs.get(entry?.id ?? '')?.length ?? 0;
}

/** Changes the tar archive in which the cache library wraps a pack. */
function tamper(change: (archive: Buffer) => Buffer): void {
  for (const entry of service.entries.finalized().filter(({ key }) => key.includes('-pack-'))) {
    const stored = service.blobs.get(entry.id);
    if (stored) service.blobs.set(entry.id, zstdCompressSync(change(zstdDecompressSync(stored))));
  }
}

describe('the built action with the cache service', () => {
  it('saves a pack and a head, downloads nothing on a new machine, and uploads only the delta of an update', async () => {
    const cold = await runJob('v1');
    expect(cold.outputs['cache-hit']).toBe('false');
    expect(keys('pack')).toHaveLength(1);
    expect(keys('head')).toHaveLength(1);

    const warm = await runJob('v1');
    expect(warm.outputs).toMatchObject({ 'cache-hit': 'true', 'bytes-downloaded': '0' });
    expect(service.finalizedKeys()).toHaveLength(2);

    const [first = ''] = keys('pack');
    const update = await runJob('v2');
    expect(update.downloaded).toBeLessThanOrEqual(1.05 * updateMinimum('v1', 'v2'));
    const [delta = ''] = keys('pack').filter((key) => key !== first);
    expect(storedBytes(delta)).toBeGreaterThan(0);
    expect(storedBytes(delta)).toBeLessThan(1.05 * updateMinimum('v1', 'v2') + 32_768);

    const again = await runJob('v2');
    expect(again.outputs).toMatchObject({ 'cache-hit': 'true', 'bytes-downloaded': '0' });
  }, 120_000);

  it('lets eight jobs race for one key: all succeed, each entry is uploaded once', async () => {
    const jobs = await Promise.all(Array.from({ length: 8 }, () => runJob('v1')));
    expect(jobs).toHaveLength(8);
    expect(keys('pack')).toHaveLength(1);
    expect(keys('head')).toHaveLength(1);
    const uploads = service.log.filter(
      ({ method, target }) => method === 'PUT' && !target.includes('comp=block&'),
    );
    expect(uploads).toHaveLength(2);
    expect((await runJob('v1')).outputs['cache-hit']).toBe('true');
  }, 240_000);

  it.each<[string, (archive: Buffer) => Buffer]>([
    ['cut off', (archive) => archive.subarray(0, archive.length / 2)],
    ['with a flipped byte', (archive) => flip(archive, archive.length / 2)],
    ['with a flipped byte near its table', (archive) => flip(archive, archive.length - 12_000)],
    [
      'with foreign content',
      (archive) => Buffer.concat([archive.subarray(0, 512), Buffer.alloc(archive.length - 512, 9)]),
    ],
  ])(
    'makes the right tree with a restored pack %s',
    async (_, change) => {
      await runJob('v1');
      tamper(change);
      const { outputs } = await runJob('v1');
      expect(outputs['cache-hit']).toBe('false');
    },
    60_000,
  );
});

function flip(archive: Buffer, at: number): Buffer {
  const changed = Buffer.from(archive);
  changed[Math.floor(at)] = (changed[Math.floor(at)] ?? 0) ^ 0xff;
  return changed;
}
