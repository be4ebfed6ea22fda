// Several images in one step of the built action, against a real HTTP cache service.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ActionJob } from '../support/action-job.ts';
import { CacheService, SERVICE_LIMITS } from '../support/cache-service.ts';
import { fixtureLayout } from '../support/fixture-image.ts';
import { startRegistry } from '../support/registry.ts';
import { updateMinimum } from '../support/toc-minimum.ts';
import { expectedTree, isRoot, listTree } from '../support/tree.ts';

const script = join(import.meta.dirname, '../../dist/index.js');

it('several images of one step share their chunks, and the next job downloads nothing', async () => {
  await using registry = await startRegistry({
    images: [{ repository: 'app', layout: fixtureLayout('zstd-chunked') }],
  });
  const service = await CacheService.start(SERVICE_LIMITS);
  try {
    const run = async () => {
      const image = `old=${registry.host}/app:v1\nnew=${registry.host}/app:v2`;
      const inputs = { image, platform: 'linux/amd64', destination: 'trees', 'cache-min-size': '0' };
      await using job = await ActionJob.start({ script, inputs, env: service.environment() });
      expect(await job.run('main')).toMatchObject({ code: 0 });
      const outputs = await job.outputs();
      const results: Record<string, string>[] = JSON.parse(outputs.results ?? '');
      expect(results.map((each) => each['root-path'])).toEqual(
        ['old', 'new'].map((name) => join(job.root, 'work/trees', name)),
      );
      if (isRoot())
        for (const [index, tag] of ['v1', 'v2'].entries())
          expect(listTree(results[index]?.['root-path'] ?? '')).toEqual(expectedTree(tag));
      expect((await job.summary()).match(/^### Pulled/gm)).toHaveLength(2);
      expect(await job.run('post')).toMatchObject({ code: 0 });
      return { outputs, results };
    };
    const cold = await run();
    expect(Number(cold.results[1]?.['bytes-downloaded'])).toBeLessThanOrEqual(
      1.05 * updateMinimum('v1', 'v2'),
    );
    expect(service.finalizedKeys().filter((key) => key.includes('-head-'))).toHaveLength(2);
    expect(service.finalizedKeys().filter((key) => key.includes('-pack-'))).toHaveLength(2);
    service.log.length = 0;
    const warm = await run();
    expect(warm.outputs).toMatchObject({ 'cache-hit': 'true', 'bytes-downloaded': '0' });
    expect(service.count('CreateCacheEntry')).toBe(0);
  } finally {
    await service.close();
  }
});

it('several images of one step share their chunks also where nothing can be kept after the job', async () => {
  await using registry = await startRegistry({
    images: [{ repository: 'app', layout: fixtureLayout('zstd-chunked') }],
  });
  const image = `old=${registry.host}/app:v1\nnew=${registry.host}/app:v2`;
  await using job = await ActionJob.start({ script, inputs: { image, platform: 'linux/amd64' } });
  expect(await job.run('main')).toMatchObject({ code: 0 });
  const [, second]: Record<string, string>[] = JSON.parse((await job.outputs()).results ?? '');
  expect(Number(second?.['bytes-downloaded'])).toBeLessThanOrEqual(1.05 * updateMinimum('v1', 'v2'));
});

it('several images of one step are not put into the tree that an earlier step has made of one', async () => {
  await using registry = await startRegistry({
    images: [{ repository: 'app', layout: fixtureLayout('gzip') }],
  });
  const one = { image: `${registry.host}/app:v1`, platform: 'linux/amd64' };
  await using job = await ActionJob.start({ script, inputs: one });
  expect(await job.run('main')).toMatchObject({ code: 0 });
  const two = { ...one, image: `a=${registry.host}/app:v1\nb=${registry.host}/app:v2` };
  const workspace = join(job.root, 'work');
  await using next = await ActionJob.start({ script, inputs: two, workspace });
  const refused = await next.run('main');
  expect(refused.code).toBe(1);
  expect(refused.log).toContain('DESTINATION_UNSAFE');
});

it('a step that fails with one of its images keeps nothing of the others', async () => {
  await using registry = await startRegistry({
    images: [{ repository: 'app', layout: fixtureLayout('gzip') }],
  });
  const service = await CacheService.start(SERVICE_LIMITS);
  try {
    const image = `good=${registry.host}/app:v1\nbad=${registry.host}/app:nosuch`;
    const inputs = { image, platform: 'linux/amd64' };
    await using job = await ActionJob.start({ script, inputs, env: service.environment() });
    const main = await job.run('main');
    expect(main).toMatchObject({ code: 1 });
    expect(main.log).toContain('NOT_FOUND');
    expect(main.log).toContain(`Image 2 of 2: ${registry.host}/app:nosuch for linux/amd64`);
    expect(JSON.parse((await job.outputs()).results ?? '')).toMatchObject([
      { 'root-path': join(job.root, 'work/rootfs/good') },
    ]);
    expect(await job.run('post')).toMatchObject({ code: 0 });
    expect(service.finalizedKeys()).toEqual([]);
  } finally {
    await service.close();
  }
});
