import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ActionJob } from '../support/action-job.ts';
import { CacheService } from '../support/cache-service.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';

const script = join(import.meta.dirname, '../../src/index.ts');
const layout = join(import.meta.dirname, '../fixtures/image/zstd-chunked');
let registry: TestRegistry;
let service: CacheService;

beforeEach(async () => {
  registry = await startRegistry({ images: [{ repository: 'app', layout }] });
  service = await CacheService.start();
});
afterEach(async () => {
  await registry.close();
  await service.close();
});

function startJob(tag: string, inputs: Record<string, string> = {}): Promise<ActionJob> {
  const env = { ...service.environment(), RUNNER_DEBUG: '' };
  return ActionJob.start({
    script,
    inputs: {
      image: `${registry.host}/app:${tag}`,
      platform: 'linux/amd64',
      'cache-min-size': '0',
      ...inputs,
    },
    env,
  });
}

async function runBoth(tag: string) {
  await using job = await startJob(tag);
  const main = await job.run('main');
  expect(main).toMatchObject({ code: 0 });
  const outputs = await job.outputs();
  const root = await readdir(outputs['root-path'] ?? '');
  const summary = await job.summary();
  const post = await job.run('post');
  expect(post).toMatchObject({ code: 0 });
  return { main, post, outputs, root, summary };
}

describe('the action as a program', () => {
  it('pulls cold, hits when warm, and fetches only the difference of an update', async () => {
    const cold = await runBoth('v1');
    expect(cold.outputs).toMatchObject({ 'cache-hit': 'false', 'bytes-from-cache': '0' });
    expect(cold.summary).toContain('### Pulled');
    expect(cold.root.length).toBeGreaterThan(0);
    const saved = service.finalizedKeys();
    expect(saved.at(-1)).toContain('-head-');

    registry.requests.length = 0;
    const warm = await runBoth('v1');
    expect(warm.outputs).toMatchObject({ 'cache-hit': 'true', 'bytes-downloaded': '0' });
    expect(warm.root).toEqual(cold.root);
    expect(service.finalizedKeys()).toEqual(saved);

    const update = await runBoth('v2');
    const [downloaded, whole] = [update.outputs, cold.outputs].map((each) =>
      Number(each['bytes-downloaded']),
    );
    expect(update.outputs['cache-hit']).toBe('false');
    expect(downloaded).toBeLessThan(Number(whole));
    expect(service.finalizedKeys().length).toBeGreaterThan(saved.length);
  }, 60_000);

  it('fails with one annotation, and its post phase has nothing to do', async () => {
    await using job = await startJob('no-such-tag');
    const main = await job.run('main');
    expect(main.code).toBe(1);
    expect(main.log.match(/^::error title=oci-pull%3A NOT_FOUND/gm)).toHaveLength(1);
    expect(await job.run('post')).toMatchObject({ code: 0 });
    expect(service.count('CreateCacheEntry')).toBe(0);
  });

  it('stops when the job is cancelled and leaves no destination behind', async () => {
    await using job = await startJob('v1');
    let killed = false;
    const main = await job.run('main', (log, kill) => {
      if (!killed && / in \d+ layers?/.test(log)) {
        killed = true;
        kill('SIGINT');
      }
    });
    expect(killed).toBe(true);
    expect(main.code).toBe(1);
    expect(main.log).toContain('ABORTED');
    expect(existsSync(join(job.root, 'work', 'rootfs'))).toBe(false);
  });
});
