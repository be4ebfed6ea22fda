// The post phase of the action as a program, against a service that keeps it waiting: it ends in time, or when it is told to.
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ActionJob } from '../support/action-job.ts';
import { CacheService, type Method } from '../support/cache-service.ts';
import { fixtureLayout } from '../support/fixture-image.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';

const script = join(import.meta.dirname, '../../src/index.ts');
let registry: TestRegistry;
let service: CacheService;

beforeEach(async () => {
  registry = await startRegistry({ images: [{ repository: 'app', layout: fixtureLayout('gzip') }] });
  service = await CacheService.start();
});
afterEach(async () => {
  await registry.close();
  await service.close();
});

function startJob(seconds: string): Promise<ActionJob> {
  return ActionJob.start({
    script,
    env: service.environment(),
    inputs: {
      image: `${registry.host}/app:v1`,
      platform: 'linux/amd64',
      'cache-min-size': '0',
      'cache-save-timeout': seconds,
    },
  });
}

/** From now on nothing is made in less than a minute, which the service says. */
function keepWaiting(): void {
  service.faults = { throttle: { method: 'CreateCacheEntry', retryAfter: 60 } };
}

describe('a post phase that is kept waiting', () => {
  it('ends at its deadline, with the job as it was', async () => {
    await using job = await startJob('3');
    expect(await job.run('main')).toMatchObject({ code: 0 });
    keepWaiting();
    const started = performance.now();
    const post = await job.run('post');
    expect(post.code).toBe(0);
    expect(performance.now() - started).toBeLessThan(15_000);
    expect(post.log).toMatch(/^::(?:warning|notice)::The cache was not updated/m);
  }, 60_000);

  it('ends in the middle of an upload, at its deadline', async () => {
    await using job = await startJob('3');
    expect(await job.run('main')).toMatchObject({ code: 0 });
    const asked: Method[] = [];
    service.onCall = (method) => {
      asked.push(method);
      if (method === 'CreateCacheEntry') service.faults = { blobStatus: 503 };
    };
    const post = await job.run('post');
    expect(post.code).toBe(0);
    expect(asked).not.toContain('FinalizeCacheEntryUpload');
    expect(service.finalizedKeys()).toEqual([]);
  }, 60_000);

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'ends at once on %s',
    async (signal) => {
      await using job = await startJob('100');
      expect(await job.run('main')).toMatchObject({ code: 0 });
      keepWaiting();
      let told = 0;
      const post = await job.run('post', (log, kill) => {
        if (told > 0 || !log.includes('Save new chunks')) return;
        told = performance.now();
        kill(signal);
      });
      expect(told).toBeGreaterThan(0);
      expect(performance.now() - told).toBeLessThan(5_000);
      expect(post.code).toBe(0);
      expect(post.log).toContain('the job was cancelled');
      expect(service.finalizedKeys()).toEqual([]);
    },
    60_000,
  );
});
