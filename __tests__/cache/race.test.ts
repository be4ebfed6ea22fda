import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CacheBackend, openCache } from '../../src/cache/choose-backend.ts';
import * as keys from '../../src/cache/keys.ts';
import { RemoteCacheSession } from '../../src/cache/remote-session.ts';
import type { SaveReport } from '../../src/cache/save.ts';
import { imageIdentity, PREFIX, TODAY } from '../support/cache-flow.ts';
import { CacheService, SERVICE_LIMITS } from '../support/cache-service.ts';
import { startRunner } from '../support/runner.ts';

const script = join(import.meta.dirname, '..', 'support', 'save-job.ts');
let root: string;
let service: CacheService;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'race-'));
  service = await CacheService.start(SERVICE_LIMITS);
});
afterEach(async () => {
  await service.close();
  await rm(root, { recursive: true, force: true });
});

const isBusy = (loadavg()[0] ?? 0) > availableParallelism();

interface Job {
  readonly process: ChildProcess;
  readonly temp: string;
}

async function startJob(number: number, backend: CacheBackend): Promise<Job> {
  const temp = join(root, String(number));
  await mkdir(temp);
  const { PATH } = process.env;
  const env = { PATH, RUNNER_TEMP: temp, CACHE_BACKEND: backend, ...service.environment() };
  const child = spawn(process.execPath, [script], { env, stdio: ['pipe', 'ignore', 'pipe'] });
  let said = '';
  for await (const part of child.stderr) {
    said += String(part);
    if (said.includes('ready')) return { process: child, temp };
  }
  throw new Error(`the job did not start: ${said}`);
}

async function finish(job: Job): Promise<SaveReport & { milliseconds: number }> {
  const [code] = await once(job.process, 'exit');
  expect(code).toBe(0);
  return JSON.parse(await readFile(join(job.temp, 'report.json'), 'utf8'));
}

describe.each([
  ['direct', 64],
  ['toolkit', 8],
] as const)('jobs of a matrix that save the same image at once (%s, %i jobs)', (backend, count) => {
  it('leaves one whole image in the cache, and every job ends well', async () => {
    const jobs = await Promise.all(Array.from({ length: count }, (_, number) => startJob(number, backend)));
    const finished = jobs.map(finish);
    for (const job of jobs) job.process.stdin?.end();
    const reports = await Promise.all(finished);

    expect(reports.filter((report) => report.kind === 'saved').length).toBeGreaterThanOrEqual(1);
    expect(reports.reduce((sum, report) => sum + report.uploadedPacks, 0)).toBe(3);
    const saved = service.finalizedKeys();
    expect(new Set(saved).size).toBe(saved.length);
    expect(saved).toHaveLength(4);
    expect(saved.at(-1)).toBe(keys.headKey(PREFIX, imageIdentity(), TODAY));
    // Four at least; a job that uploads nothing wastes one, and only jobs that share the uploads may waste more.
    expect(service.count('CreateCacheEntry')).toBeLessThanOrEqual(4 + 2 * count);
    if (backend === 'direct') expectLosersToStopEarly(reports);
    await expectRestorable(backend);
  }, 300_000);
});

function expectLosersToStopEarly(reports: readonly (SaveReport & { milliseconds: number })[]): void {
  expect(reports.filter((report) => report.kind === 'incomplete')).toEqual([]);
  const losers = reports.filter((report) => report.uploadedPacks === 0);
  expect(losers.length).toBeGreaterThan(0);
  // Two lookups and a create: nobody who has lost asks again, or waits for anything.
  const asked = service.log.filter(({ method }) => method === 'POST').length;
  expect(asked).toBeLessThanOrEqual(3 * reports.length + 40 * (reports.length - losers.length));
  // What a job waits for on a machine that is busy with others says nothing.
  if (!isBusy) expect(Math.max(...losers.map(({ milliseconds }) => milliseconds))).toBeLessThan(5000);
  // What nobody uses is not sent: three packs and a head.
  expect(service.log.filter(({ method }) => method === 'PUT')).toHaveLength(4);
}

async function expectRestorable(backend: CacheBackend): Promise<void> {
  const runner = await startRunner(service.environment());
  try {
    const log = () => undefined;
    const rest = { log, debug: log, onSecret: log };
    const cache = openCache({ backend, env: process.env, tempDirectory: runner.temp, ...rest });
    const { signal } = new AbortController();
    const session = new RemoteCacheSession({ cache, prefix: PREFIX, log, signal });
    const report = await session.restore(imageIdentity(), join(runner.root, 'packs'));
    expect(report).toMatchObject({ match: 'exact', bytes: 600_000 });
  } finally {
    await runner.end();
  }
}
