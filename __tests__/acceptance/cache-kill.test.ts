// Jobs that are killed at any moment of either phase: the next one gets the right tree, and the cache is of use by the next day.
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ActionJob, type PhaseResult } from '../support/action-job.ts';
import { CacheService } from '../support/cache-service.ts';
import { fixtureLayout } from '../support/fixture-image.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { listTree } from '../support/tree.ts';

const script = join(import.meta.dirname, '../../src/index.ts');
/** Each is three jobs, six processes; 25 of them with OCI_PULL_TEST_KILLS=25. */
const KILLS = Number(process.env.OCI_PULL_TEST_KILLS ?? 4);
let registry: TestRegistry;
let service: CacheService;
let workspace: string;

beforeEach(async () => {
  workspace = mkdtempSync(join(tmpdir(), 'work-'));
  registry = await startRegistry({ images: [{ repository: 'app', layout: fixtureLayout('zstd-chunked') }] });
  service = await CacheService.start();
});
afterEach(async () => {
  await registry.close();
  await service.close();
  rmSync(workspace, { recursive: true, force: true });
});

interface Run {
  readonly main: PhaseResult;
  readonly post: PhaseResult | undefined;
  readonly outputs: Readonly<Record<string, string>>;
  /** Milliseconds. */
  readonly took: { readonly main: number; readonly post: number };
}

/** A job on the machine of the others, whose runner empties its temporary directory; `kill`: when, in which phase. */
async function runJob(prefix: string, kill?: { phase: 'main' | 'post'; after: number }): Promise<Run> {
  await using job = await ActionJob.start({
    script,
    workspace,
    env: service.environment(),
    inputs: {
      image: `${registry.host}/app:v1`,
      platform: 'linux/amd64',
      'cache-min-size': '0',
      'cache-key-prefix': prefix,
    },
  });
  const after = (phase: 'main' | 'post') => (kill?.phase === phase ? kill.after : undefined);
  const started = performance.now();
  const main = await job.run('main', undefined, after('main'));
  const middle = performance.now();
  // A runner runs the post phase of a main phase that has died, too; it has no state then, and is main for all it knows.
  const post = main.code === 0 ? await job.run('post', undefined, after('post')) : undefined;
  const took = { main: middle - started, post: performance.now() - middle };
  return { main, post, outputs: await job.outputs(), took };
}

/** The same numbers in every run. */
function random(seed: string): number {
  return createHash('sha256').update(seed).digest().readUInt32BE() / 2 ** 32;
}

function expectWhole(run: Run, good: readonly unknown[]): void {
  expect(run.main).toMatchObject({ code: 0 });
  expect(run.post).toMatchObject({ code: 0 });
  expect(listTree(run.outputs['root-path'] ?? '')).toEqual(good);
}

const nextDay = () => service.entries.rename((key) => key.replace(/-20\d{6}$/, '-20200101'));

it(`leaves nothing wrong and nothing that grows, ${KILLS} times`, async () => {
  const first = await runJob('measured');
  const good = listTree(first.outputs['root-path'] ?? '');
  expect(good.length).toBeGreaterThan(100);
  let killed = 0;
  for (let number = 0; number < KILLS; number++) {
    const prefix = `kill-${number}`;
    const phase = number % 2 === 0 ? 'main' : 'post';
    const run = await runJob(prefix, { phase, after: random(prefix) * first.took[phase] });
    const victim = phase === 'main' ? run.main : run.post;
    killed += Number(victim?.code === null);
    expectWhole(await runJob(prefix), good);
    nextDay();
    await runJob(prefix);
    const last = await runJob(prefix);
    expectWhole(last, good);
    expect(last.outputs['cache-hit'], prefix).toBe('true');
    // A pack and a head of today, and of the day before.
    expect(
      service.entries.finalized().filter(({ key }) => key.startsWith(prefix)).length,
    ).toBeLessThanOrEqual(4);
  }
  expect(killed).toBeGreaterThan(KILLS / 2);
  expectNoLeftovers(Math.ceil(KILLS / 2));
}, 1_800_000);

/** A job that is killed while it unpacks leaves one tree, which pulls of the next day remove: destination.test.ts. Nothing else is left. */
function expectNoLeftovers(kills: number): void {
  const names = readdirSync(workspace).filter(
    (name) => !/^rootfs(?:\.config\.json|\.oci-pull\.json)?$/.test(name),
  );
  const trees = new Set(names.map((name) => /^\.rootfs\.oci-pull-[0-9a-f]{12}/.exec(name)?.[0]));
  expect(trees).not.toContain(undefined);
  expect(trees.size).toBeLessThanOrEqual(kills);
}
