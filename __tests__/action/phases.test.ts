import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Pull, runMain } from '../../src/action/main-phase.ts';
import { runPost } from '../../src/action/post-phase.ts';
import { isPostPhase } from '../../src/action/state.ts';
import { PullError } from '../../src/errors.ts';
import type { PullOptions } from '../../src/pull/options.ts';
import type { PackFile } from '../../src/store/pack-file.ts';
import { imageIdentity, makePack } from '../support/cache-flow.ts';
import { CacheService } from '../support/cache-service.ts';
import { pullResult } from '../support/pull-result.ts';
import { type FakeRunner, startRunner } from '../support/runner.ts';

let service: CacheService;
let runner: FakeRunner;
let given: PullOptions | undefined;
const { signal } = new AbortController();
let image = imageIdentity('v1');

beforeEach(async () => {
  service = await CacheService.start();
  given = undefined;
  image = imageIdentity('v1');
  await startJob();
});
afterEach(async () => {
  process.exitCode = 0;
  await runner.end();
  await service.close();
});

/** A fresh machine with the same cache service behind it. */
async function startJob(inputs: Record<string, string> = {}): Promise<void> {
  if (runner) await runner.end();
  runner = await startRunner(service.environment());
  for (const [name, value] of Object.entries({ image: 'registry.test/app:1', ...inputs }))
    vi.stubEnv(`INPUT_${name.toUpperCase()}`, value);
}

/** A pull that restores what it can and makes the packs that are missing. */
function pullOf(...names: string[]): Pull {
  return async (options) => {
    given = options;
    const packs = join(options.storeDirectory, 'packs');
    await options.cache?.restore(image, packs);
    const newPacks: PackFile[] = [];
    const livePacks: PackFile[] = [];
    for (const name of names) {
      const pack = await keepOrMake(packs, name);
      livePacks.push(pack.file);
      if (pack.isNew) newPacks.push(pack.file);
    }
    const { manifestDigest: digest, platform } = image;
    return pullResult({ digest, platform, newPacks, livePacks, rootPath: options.destination });
  };
}

async function keepOrMake(directory: string, name: string): Promise<{ file: PackFile; isNew: boolean }> {
  const made = await makePack(join(runner.root, 'made'), name);
  const path = join(directory, `${made.key}.pack`);
  const isNew = await readFile(path).then(
    () => false,
    () => true,
  );
  if (isNew) {
    await mkdir(directory, { recursive: true });
    await writeFile(path, await readFile(made.path));
  }
  return { file: { ...made, path }, isNew };
}

/** Hands the saved state over, as the runner does between the phases. */
async function startPost(): Promise<void> {
  const state = await runner.file('STATE');
  for (const [, name, value] of state.matchAll(/^(\w+)<<(?:\S+)\n([\s\S]*?)\nghadelimiter_\S+$/gm))
    vi.stubEnv(`STATE_${name}`, value ?? '');
}

describe('both phases of the action', () => {
  it('sets outputs and summary, and saves in post what the pull made', async () => {
    expect(isPostPhase()).toBe(false);
    await runMain(pullOf('a', 'b'), signal);
    const outputs = await runner.file('OUTPUT');
    expect(outputs).toContain(`\n${image.manifestDigest}\n`);
    expect(outputs).toContain(join(runner.workspace, 'rootfs'));
    expect(await runner.file('STEP_SUMMARY')).toMatch(/^### Pulled /);
    expect(runner.output()).toMatch(/^Pulled registry.test\/app@sha256:/m);
    expect(service.count('CreateCacheEntry')).toBe(0);
    await startPost();
    expect(isPostPhase()).toBe(true);
    await runPost(signal);
    expect(service.finalizedKeys()).toHaveLength(3);
    expect(process.exitCode ?? 0).toBe(0);
  });

  it('restores on the next machine, and then saves nothing and asks once', async () => {
    await runMain(pullOf('a', 'b'), signal);
    await startPost();
    await runPost(signal);
    await startJob();
    service.log.length = 0;
    await runMain(pullOf('a', 'b'), signal);
    expect(service.count('GetCacheEntryDownloadURL')).toBe(3);
    await startPost();
    await runPost(signal);
    expect(service.log.filter((request) => request.method === 'POST')).toHaveLength(3);
    expect(service.finalizedKeys()).toHaveLength(3);
  });

  it('saves only the difference after an update', async () => {
    await runMain(pullOf('a', 'b'), signal);
    await startPost();
    await runPost(signal);
    await startJob();
    image = imageIdentity('v2');
    await runMain(pullOf('a', 'c'), signal);
    await startPost();
    const before = service.count('CreateCacheEntry');
    await runPost(signal);
    // The new pack and the head; the other pack is restored and not touched.
    expect(service.count('CreateCacheEntry') - before).toBe(2);
    expect(service.finalizedKeys()).toHaveLength(5);
  });

  it('leaves no secret in the state', async () => {
    await startJob({ username: 'u', password: 'hunter2', 'cache-mode': 'write' });
    await runMain(pullOf('a'), signal);
    expect(await runner.file('STATE')).toContain('livePacks');
    expect(await runner.file('STATE')).not.toContain('hunter2');
    const visible = runner.output().replaceAll(/^::add-mask::.*$/gm, '');
    expect(visible).not.toContain('hunter2');
  });

  it('keeps a private image out of the cache of a public repository', async () => {
    await startJob({ username: 'u', password: 'hunter2' });
    const event = join(runner.root, 'event.json');
    await writeFile(event, JSON.stringify({ repository: { visibility: 'public' } }));
    vi.stubEnv('GITHUB_EVENT_PATH', event);
    const pull: Pull = async (options) => {
      const result = await pullOf('a')({ ...options, ...options.restricted });
      return { ...result, isRestricted: true };
    };
    await runMain(pull, signal);
    expect(given).toMatchObject({ storeRead: false, storeWrite: false, cache: undefined });
    expect(runner.output()).toContain('the image cannot be pulled without a credential');
    expect(await runner.file('STATE')).not.toContain('livePacks');
    expect(service.log).toEqual([]);
  });

  it('uses the tool cache instead of the service on a self-hosted runner', async () => {
    vi.stubEnv('RUNNER_ENVIRONMENT', 'self-hosted');
    await runMain(pullOf('a'), signal);
    expect(given).toMatchObject({ storeRead: true, storeWrite: true, cache: undefined });
    expect(given?.storeDirectory).toContain('oci-pull-chunks');
    expect(await runner.file('STATE')).not.toContain('livePacks');
  });
});

describe('the main phase', () => {
  it('refuses bad inputs before any work', async () => {
    await startJob({ concurrency: 'many' });
    await runMain(pullOf(), signal);
    expect(given).toBeUndefined();
    expect(runner.output()).toContain('title=oci-pull%3A INPUT_INVALID');
    expect(process.exitCode).toBe(1);
    expect(service.log).toEqual([]);
  });

  it('fails with the code of the pull, and leaves nothing for post', async () => {
    await runMain(() => Promise.reject(new PullError('NOT_FOUND', 'no such image')), signal);
    expect(runner.output()).toContain('NOT_FOUND');
    expect(process.exitCode).toBe(1);
    expect(await runner.file('OUTPUT')).toBe('');
    expect(await runner.file('STATE')).not.toContain('livePacks');
  });

  it('succeeds without a summary file', async () => {
    vi.stubEnv('GITHUB_STEP_SUMMARY', join(runner.root, 'absent', 'summary'));
    await runMain(pullOf('a'), signal);
    expect(process.exitCode ?? 0).toBe(0);
    expect(await runner.file('OUTPUT')).toContain('root-path');
  });
});

describe('the post phase', () => {
  it('does nothing without state', async () => {
    await runPost(signal);
    expect(service.log).toEqual([]);
  });

  it.each([
    ['nonsense', '{'],
    ['a plan of another version', '{"version":99}'],
  ])('does nothing with %s for state', async (_, text) => {
    vi.stubEnv('STATE_save', text);
    await runPost(signal);
    expect(service.log).toEqual([]);
    expect(process.exitCode ?? 0).toBe(0);
  });

  it('does not fail when the packs are gone', async () => {
    await runMain(pullOf('a'), signal);
    await startPost();
    await rm(given?.storeDirectory ?? '', { recursive: true });
    await runPost(signal);
    expect(process.exitCode ?? 0).toBe(0);
    expect(service.finalizedKeys()).toEqual([]);
  });

  it('does not annotate jobs that have merely lost a race', async () => {
    await runMain(pullOf('a'), signal);
    await startPost();
    service.faults = { throttle: { method: 'CreateCacheEntry', retryAfter: 60 } };
    await runPost(signal);
    expect(runner.output()).not.toContain('::notice');
    expect(runner.output()).not.toContain('::error');
    expect(process.exitCode ?? 0).toBe(0);
  });
});
