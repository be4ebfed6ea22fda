// What the tests of real servers share: a docker-registry's data with the fixture images, and a pull from whatever stands before it.
import { join } from 'node:path';
import { expect } from 'vitest';
import { pushLayout, startDockerRegistry } from '../support/docker-registry.ts';
import { fixtureLayout } from '../support/fixture-image.ts';
import { type ProgramOptions, type ProgramRun, runProgram } from '../support/program.ts';
import { seedFrame } from '../support/seed-frame.ts';
import { temporaryDirectories } from '../support/temporary.ts';
import { expectedTree, isRoot, listTree } from '../support/tree.ts';

/** An address of this machine that does not count as loopback: https is the rule there, and proxies are used. */
export const NAME = '0.0.0.0';
export const LOGIN = { username: 'me', password: 'open-sesame-4711' } as const;
export const FORMATS = ['gzip', 'zstd-chunked'] as const;
export type Format = (typeof FORMATS)[number];

const newHome = temporaryDirectories();

/** Pushes the fixture images into `data`, as fx/gzip and fx/zstd-chunked. */
export async function fillRegistry(data: string): Promise<void> {
  await using registry = await startDockerRegistry({ data });
  for (const format of FORMATS) await pushLayout(registry.host, `fx/${format}`, fixtureLayout(format));
}

export interface PullFrom {
  readonly host: string;
  readonly format: Format;
  readonly login?: { readonly username: string; readonly password: string } | undefined;
  readonly args?: readonly string[];
  readonly env?: ProgramOptions['env'];
}

/** Pulls v1 into a fresh directory; chunked images into a store that makes it worth while to take them apart. */
export async function pullFrom({ host, format, login, args = [], env = {} }: PullFrom) {
  const home = newHome();
  const cache = join(home, 'cache');
  if (format === 'zstd-chunked') await seedFrame(cache);
  const who = login ? ['--username', login.username] : [];
  const image = `${host}/fx/${format}:v1`;
  const run = await runProgram([image, join(home, 'rootfs'), '--cache-dir', cache, ...who, ...args], {
    home,
    env,
    password: login?.password,
    timeout: 60_000,
  });
  return { ...run, home };
}

export function expectTree(run: ProgramRun & { readonly home: string }, ways: string): void {
  expect(run.stderr).not.toMatch(/^(?:error|code):/m);
  expect(run.status).toBe(0);
  expect(run.result?.layers.map(({ way }) => way)).toEqual([ways, ways]);
  expect(run.result?.['bytes-downloaded']).toBeLessThanOrEqual(1.02 * (run.result?.['bytes-total'] ?? 0));
  expect(run.result?.warnings).toEqual([]);
  const tree = listTree(join(run.home, 'rootfs'));
  if (isRoot()) expect(tree).toEqual(expectedTree('v1'));
  else expect(tree.length).toBeGreaterThan(300);
}

export const wayOf = (format: Format) => (format === 'gzip' ? 'whole' : 'ranges');
