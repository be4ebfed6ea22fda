// One row of the suite: what the server does wrong, what must come of a whole pull, and what its request log must show.
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { ErrorCode } from '../../src/errors.ts';
import type { CliJson } from '../support/cli.ts';
import { type FixtureImage, fixtureImage } from '../support/fixture-image.ts';
import { type ProgramRun, runProgram } from '../support/program.ts';
import { type RegistryOptions, type RequestLog, startRegistry } from '../support/registry.ts';
import type { Fault } from '../support/registry-faults.ts';
import { seedFrame } from '../support/seed-frame.ts';
import { expectedTree, isRoot, listTree } from '../support/tree.ts';

/** `plain`: gzip layers, taken whole. `chunked`: zstd:chunked layers, into a store that makes it worth while to take them apart. */
export type Kind = 'plain' | 'chunked';

export interface Pulled {
  readonly code?: undefined;
  /** Ways of a chunked image's two layers; absent: by ranges. A plain one's are always taken whole. */
  readonly ways?: readonly string[];
  /** Must be the reason of a layer that came whole. */
  readonly reason?: RegExp;
  /** Must be among the warnings; absent: there are none. */
  readonly warning?: RegExp;
  /** Layer data that may be downloaded, in sizes of the image; absent: 1.02. */
  readonly sizes?: number;
}

export interface Failed {
  readonly code: ErrorCode;
  readonly message: RegExp;
  readonly hint?: RegExp;
}

export interface Row {
  readonly name: string;
  /** Absent: both. */
  readonly kind?: Kind;
  readonly faults?: readonly Fault[] | ((image: FixtureImage) => readonly Fault[]);
  readonly registry?: Partial<RegistryOptions>;
  /** Pulls with user name and password. */
  readonly login?: boolean;
  /** What is asked for, behind `HOST/fx`; absent: `:v1`. */
  readonly target?: (image: FixtureImage) => string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Waits as users do; absent: see short-waits.ts. */
  readonly realWaits?: boolean;
  /** Must end within so many seconds; absent: 25. */
  readonly seconds?: number;
  readonly outcome: Pulled | Failed;
  readonly log?: (log: Log) => void;
}

export interface Log {
  readonly all: readonly RequestLog[];
  /** Requests whose path matches. */
  of(path: RegExp | string): readonly RequestLog[];
  /** Requests for the layer that the faults of this suite are about, at the registry or its storage. */
  readonly layer: readonly RequestLog[];
  readonly image: FixtureImage;
  readonly run: ProgramRun;
}

export const LOGIN = { username: 'me', password: 'open-sesame-4711' } as const;
const FORMATS = { plain: 'gzip', chunked: 'zstd-chunked' } as const;
const PLAIN_WAYS = ['whole', 'whole'];

/** A test for each row and kind of image. They run at the same time: most of them wait. */
export function testRows(rows: readonly Row[]): void {
  for (const row of rows)
    for (const kind of row.kind ? [row.kind] : (['plain', 'chunked'] as const))
      it.concurrent(`${row.name} (${kind})`, { timeout: ((row.seconds ?? 25) + 20) * 1000 }, () =>
        testRow(row, kind),
      );
}

async function testRow(row: Row, kind: Kind): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'misbehaving-'));
  try {
    const image = fixtureImage('v1', FORMATS[kind]);
    const faults = typeof row.faults === 'function' ? row.faults(image) : (row.faults ?? []);
    const images = [{ repository: 'fx', layout: image.layout }];
    await using registry = await startRegistry({ images, faults, ...row.registry });
    const cache = join(directory, 'cache');
    const seeds = kind === 'chunked' ? [`${await seedFrame(cache)}.pack`] : [];
    const run = await runProgram(argumentsOf(row, { registry: registry.host, directory, image }), {
      home: directory,
      env: row.env ?? {},
      password: row.login ? LOGIN.password : undefined,
      realWaits: row.realWaits,
      timeout: (row.seconds ?? 25) * 1000,
    });
    expect(run.status, `no end after ${run.seconds} s; ${run.stderr}`).not.toBeNull();
    const { outcome } = row;
    if (outcome.code === undefined) checkPulled(run, outcome, { kind, directory });
    else checkFailed(run, outcome, { directory, seeds });
    const of = (path: RegExp | string) => registry.requests.filter((one) => one.path.match(path) !== null);
    checkManners(registry.requests, run);
    row.log?.({ all: registry.requests, of, layer: of(image.layer.digest), image, run });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function argumentsOf(
  { login, target, args = [] }: Row,
  at: { registry: string; directory: string; image: FixtureImage },
): string[] {
  const place = (name: string) => join(at.directory, name);
  const who = login ? ['--username', LOGIN.username] : [];
  const image = `${at.registry}/fx${target?.(at.image) ?? ':v1'}`;
  return [image, place('rootfs'), '--cache-dir', place('cache'), ...who, ...args];
}

function checkPulled(run: ProgramRun, wanted: Pulled, at: { kind: Kind; directory: string }): void {
  expect(run.stderr.split('\n').filter((line) => /^(?:error|cause|code):/.test(line))).toEqual([]);
  expect(run.status).toBe(0);
  const result = run.result as CliJson;
  const { layers, warnings } = result;
  const ways = at.kind === 'plain' ? PLAIN_WAYS : (wanted.ways ?? ['ranges', 'ranges']);
  expect(layers.map(({ way }) => way)).toEqual(ways);
  if (wanted.reason) expect(layers.map(({ reason }) => reason ?? '').join('\n')).toMatch(wanted.reason);
  if (wanted.warning) expect(warnings.join('\n')).toMatch(wanted.warning);
  else expect(warnings).toEqual([]);
  const limit = (wanted.sizes ?? 1.02) * result['bytes-total'];
  expect(result['bytes-downloaded']).toBeLessThanOrEqual(limit);
  const tree = listTree(join(at.directory, 'rootfs'));
  if (isRoot()) expect(tree).toEqual(expectedTree('v1'));
  else expect(tree.length).toBeGreaterThan(300);
}

function checkFailed(run: ProgramRun, wanted: Failed, at: { directory: string; seeds: string[] }): void {
  const line = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(run.stderr)?.[1] ?? '';
  expect(run.stderr).toMatch(new RegExp(`^code: ${wanted.code}$`, 'm'));
  expect(line('error')).toMatch(wanted.message);
  if (wanted.hint) expect(line('hint')).toMatch(wanted.hint);
  expect(run.status).toBe(wanted.code.endsWith('_INVALID') && run.status === 2 ? 2 : 1);
  const list = (path: string) => (existsSync(path) ? readdirSync(path) : []);
  expect(list(at.directory).filter((name) => name.includes('rootfs'))).toEqual([]);
  expect(list(join(at.directory, 'cache/v1/packs'))).toEqual(at.seeds);
  expect(list(join(at.directory, 'cache/v1/staging'))).toEqual([]);
}

/** What holds for every request of every row. */
function checkManners(requests: readonly RequestLog[], run: ProgramRun): void {
  for (const request of requests) {
    expect(request.range ?? 'bytes=0-0').toMatch(/^bytes=\d+-\d+$/);
    expect(request.headers['accept-encoding']).toBe('identity');
    expect(request.httpVersion).toBe('1.1');
    if (request.origin === 'storage') expect(request.headers).not.toHaveProperty('authorization');
  }
  expect(run.stdout + run.stderr).not.toContain(LOGIN.password);
  expect(run.stdout + run.stderr).not.toMatch(/signature=|secret-/);
}
