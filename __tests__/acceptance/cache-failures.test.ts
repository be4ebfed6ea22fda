// Every way in which the cache service is known to fail, with either client: the pull succeeds, and the log says as much as it should.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type JobHere, runJobHere } from '../support/action-here.ts';
import { CacheService, type Faults } from '../support/cache-service.ts';
import { makeToken } from '../support/cache-service-entries.ts';
import { fixtureLayout } from '../support/fixture-image.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';

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

interface Situation {
  readonly env?: Readonly<Record<string, string>>;
  /** From the beginning. */
  readonly main?: Faults;
  /** From the end of the pull on. */
  readonly post?: Faults;
  /** Is the image in the cache before? */
  readonly warm?: boolean;
}

interface Expected {
  /** Annotations of the client of our own, by level. */
  readonly direct: readonly string[];
  /** Of the library's prints the same is left as it is; undefined: whatever it prints. */
  readonly hit: boolean;
  readonly says: RegExp;
}

function job(backend: string, { env = {}, main = {}, post }: Situation): Promise<JobHere> {
  service.faults = main;
  return runJobHere({
    env: { ...service.environment(), ...env },
    inputs: {
      image: `${registry.host}/app:v1`,
      platform: 'linux/amd64',
      'cache-mode': 'write',
      'cache-backend': backend,
    },
    between: () => {
      if (post) service.faults = post;
    },
  });
}

const levels = (log: string) => [...log.matchAll(/^::(notice|warning|error)\b/gm)].map(([, level]) => level);

const readOnly = { ACTIONS_RUNTIME_TOKEN: makeToken({ readOnly: true }) };
const noRead = { ACTIONS_RUNTIME_TOKEN: makeToken({ noRead: true }) };
const throttled = (method: 'CreateCacheEntry' | 'GetCacheEntryDownloadURL'): Faults => ({
  throttle: { method, retryAfter: 300 },
});

const situations: readonly [string, Situation, Expected][] = [
  ['a miss', {}, { direct: [], hit: false, says: /^saved 1 new of 1 packs/m }],
  ['a read-only token', { env: readOnly }, { direct: ['warning'], hit: false, says: /cache write denied/ }],
  [
    'a read-only token where it is to be expected',
    { env: { ...readOnly, GITHUB_EVENT_NAME: 'pull_request_target' } },
    { direct: [], hit: false, says: /cache write denied/ },
  ],
  [
    'no right to read',
    { env: noRead, warm: true },
    { direct: ['warning'], hit: false, says: /cache read denied/ },
  ],
  [
    'a workflow that forbids the cache',
    { env: { ACTIONS_CACHE_MODE: 'none' }, warm: true },
    { direct: [], hit: false, says: /the workflow sets cache-mode none/ },
  ],
  [
    'a workflow that lets it read',
    { env: { ACTIONS_CACHE_MODE: 'read' } },
    { direct: [], hit: false, says: /the workflow sets cache-mode read/ },
  ],
  [
    'reads that are limited',
    { main: throttled('GetCacheEntryDownloadURL'), post: {}, warm: true },
    { direct: ['warning'], hit: false, says: /limit/i },
  ],
  [
    'writes that are limited',
    { post: throttled('CreateCacheEntry') },
    { direct: ['warning'], hit: false, says: /limit|other job/i },
  ],
  [
    'a used up quota',
    { post: { quotaUsed: true } },
    { direct: ['warning'], hit: false, says: /insufficient|other job/ },
  ],
  [
    'an upload that is not taken',
    { post: { refuseFinalize: true } },
    { direct: ['warning'], hit: false, says: /nothing to finalize|finalize/i },
  ],
  [
    'an archive that is cut off',
    { main: { truncateTo: 1000 }, post: {}, warm: true },
    { direct: ['warning'], hit: false, says: /could not be|is damaged|size|tar/ },
  ],
];

describe.each(['direct', 'toolkit'])('the action with cache-backend %s', (backend) => {
  it.each(situations)(
    'pulls, and ends well, with %s',
    async (_, situation, expected) => {
      if (situation.warm) await job(backend, {});
      const result = await job(backend, situation);
      expect(result.exitCode).toBe(0);
      expect(result.outputs['root-path']).toBeTruthy();
      expect(result.tree.length).toBeGreaterThan(100);
      expect(result.outputs['cache-hit']).toBe(String(expected.hit));
      expect(result.log).toMatch(expected.says);
      // The library prints more, and in its own way; errors it must not print either.
      if (backend === 'direct') expect(levels(result.log)).toEqual(expected.direct);
      else expect(levels(result.log)).not.toContain('error');
    },
    60_000,
  );

  it('pulls, and ends well, without a token, and says so once', async () => {
    const result = await job(backend, { env: { ACTIONS_RUNTIME_TOKEN: '' } });
    expect(result.exitCode).toBe(0);
    expect(result.outputs['cache-hit']).toBe('false');
    expect(levels(result.log)).toContain('warning');
    expect(levels(result.log)).not.toContain('error');
    expect(service.count('CreateCacheEntry')).toBe(0);
  }, 60_000);

  it('pulls, and ends well, when another job has just reserved the key', async () => {
    service.onCall = (method) => {
      if (method === 'CreateCacheEntry')
        service.faults = {
          surprise: { method, status: 409, body: '{"code":"already_exists","msg":"exists"}' },
        };
    };
    const result = await job(backend, {});
    expect(result.exitCode).toBe(0);
    expect(levels(result.log)).not.toContain('error');
    if (backend === 'direct') expect(levels(result.log)).toEqual([]);
    expect(result.log).toMatch(/another job/i);
  }, 60_000);

  it('pulls, and ends well, while the service answers 503', async () => {
    const result = await job(backend, {
      main: { fail: { method: 'GetCacheEntryDownloadURL', status: 503 } },
      post: { fail: { method: 'CreateCacheEntry', status: 503 } },
    });
    expect(result.exitCode).toBe(0);
    expect(result.outputs['cache-hit']).toBe('false');
    expect(levels(result.log)).not.toContain('error');
    if (backend === 'direct') expect(levels(result.log)).toEqual(['warning', 'warning']);
  }, 240_000);

  it('pulls, and ends well, while the storage answers 503', async () => {
    const result = await job(backend, { post: { blobStatus: 503 } });
    expect(result.exitCode).toBe(0);
    expect(levels(result.log)).not.toContain('error');
    expect(service.finalizedKeys()).toEqual([]);
    if (backend === 'direct') expect(levels(result.log)).toEqual(['warning']);
  }, 240_000);
});
