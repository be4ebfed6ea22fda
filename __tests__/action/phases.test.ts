import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Pull, runMain } from '../../src/action/main-phase.ts';
import { runPost } from '../../src/action/post-phase.ts';
import { isPostPhase } from '../../src/action/state.ts';
import type { CacheBackend } from '../../src/cache/choose-backend.ts';
import { entryVersion } from '../../src/cache/direct/entry-version.ts';
import { HEAD_NAME } from '../../src/cache/keys.ts';
import { PullError } from '../../src/errors.ts';
import type { PullOptions } from '../../src/pull/options.ts';
import type { PackFile } from '../../src/store/pack-file.ts';
import { imageIdentity, makePack } from '../support/cache-flow.ts';
import { CacheService, type Faults } from '../support/cache-service.ts';
import { makeToken } from '../support/cache-service-entries.ts';
import { pullResult } from '../support/pull-result.ts';
import { type FakeRunner, startRunner } from '../support/runner.ts';

let backend: CacheBackend = 'auto';
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
  const own = { image: 'registry.test/app:1', 'cache-backend': backend, 'cache-min-size': '0' };
  const given = { ...own, ...inputs };
  for (const [name, value] of Object.entries(given)) vi.stubEnv(`INPUT_${name.toUpperCase()}`, value);
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

describe.each(['auto', 'toolkit'] as const)('both phases of the action (cache-backend: %s)', (word) => {
  beforeEach(async () => {
    backend = word;
    await startJob();
  });
  afterEach(() => {
    backend = 'auto';
  });

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
    const head = service.entries.finalized().find(({ key }) => key.includes('-head-'));
    expect(head?.version === entryVersion(HEAD_NAME)).toBe(backend === 'auto');
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
  it('says in one line which backend serves it, and masks what the service signs', async () => {
    await startJob({ 'cache-mode': 'write' });
    await runMain(pullOf('a'), signal);
    expect(runner.output().match(/^::debug::cache backend: direct \(cache-backend: auto\)$/gm)).toHaveLength(
      1,
    );
    await startPost();
    await runPost(signal);
    expect(runner.output()).toMatch(/^::add-mask::http.*sig=/m);
    const visible = runner.output().replaceAll(/^::add-mask::.*$/gm, '');
    expect(visible).not.toContain('sig=');
  });

  it('warns once of a service that limits it, and pulls', async () => {
    service.faults = { throttleAll: 300 };
    await runMain(pullOf('a'), signal);
    expect(runner.output().match(/^::warning::.*300 s of rest$/gm)).toHaveLength(1);
    expect(runner.output().match(/^::warning/gm)).toHaveLength(1);
    expect(await runner.file('OUTPUT')).toContain('root-path');
    expect(process.exitCode ?? 0).toBe(0);
  });

  it('says so where the client that was asked for cannot be used', async () => {
    await startJob({ 'cache-backend': 'direct' });
    vi.stubEnv('ACTIONS_RUNTIME_TOKEN', '');
    await runMain(pullOf('a'), signal);
    expect(runner.output()).toMatch(/^::warning::.*cache-backend is direct, but ACTIONS_RUNTIME_TOKEN/m);
    expect(process.exitCode ?? 0).toBe(0);
  });

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
    vi.stubEnv('STATE_save0', text);
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
    service.onCall = (method) => {
      if (method === 'CreateCacheEntry')
        service.faults = { surprise: { method, status: 409, body: '{"code":"already_exists"}' } };
    };
    await runPost(signal);
    expect(service.count('CreateCacheEntry')).toBe(1);
    expect(runner.output()).toContain('another job is saving this image');
    expect(runner.output()).not.toMatch(/^::(?:notice|warning|error)/m);
    expect(process.exitCode ?? 0).toBe(0);
  });

  it.each<[string, Faults, string]>([
    ['too many requests', { throttle: { method: 'CreateCacheEntry', retryAfter: 300 } }, '300 s of rest'],
    ['a used up quota', { quotaUsed: true }, 'insufficient usage'],
    ['an upload that is not taken', { refuseFinalize: true }, 'nothing to finalize'],
    ['a storage that refuses', { blobStatus: 403 }, '403'],
  ])('tells %s in one warning with the reason, and does not fail', async (_, faults, reason) => {
    await runMain(pullOf('a'), signal);
    await startPost();
    service.faults = faults;
    await runPost(signal);
    const warnings = runner.output().match(/^::(?:notice|warning|error).*$/gm);
    expect(warnings).toEqual([expect.stringMatching(/^::warning::The cache was not updated: /)]);
    expect(warnings?.join()).toContain(reason);
    expect(process.exitCode ?? 0).toBe(0);
  });

  it('tells a token that may not write in one warning', async () => {
    vi.stubEnv('ACTIONS_RUNTIME_TOKEN', makeToken({ readOnly: true }));
    await runMain(pullOf('a'), signal);
    await startPost();
    await runPost(signal);
    expect(runner.output().match(/^::warning.*cache write denied.*$/gm)).toHaveLength(1);
    expect(service.count('CreateCacheEntry')).toBe(1);
    expect(process.exitCode ?? 0).toBe(0);
  });

  it('uses the backend that main has ended with', async () => {
    service.faults = {
      surprise: { method: 'GetCacheEntryDownloadURL', status: 200, body: '<html>', times: 1 },
    };
    await runMain(pullOf('a'), signal);
    expect(await runner.file('STATE')).toContain('"backend":"toolkit"');
    await startPost();
    await runPost(signal);
    expect(service.finalizedKeys()).toHaveLength(2);
    await startJob({ 'cache-backend': 'toolkit' });
    await runMain(pullOf('a'), signal);
    expect(await runner.file('STATE')).not.toContain('livePacks');
  });
});
