// What is measured: each row is a tool, a format and a scenario, with a command and what has to be there before.
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { layerBlobs } from './layout.ts';
import { missing, quote, run } from './shell.ts';

export const SCENARIOS = ['cold', 'warm', 'update'] as const;
export type Scenario = (typeof SCENARIOS)[number];

export interface Row {
  readonly scenario: Scenario;
  readonly format: string;
  readonly tool: string;
  readonly command: readonly string[];
  /** Below the scratch directory: the root file system when the command has ended. */
  readonly root: string;
  /** What earlier pulls left behind, put in place without being measured. */
  readonly prepare: () => Promise<void>;
  /** The others of this scenario are compared with this row. */
  readonly yardstick?: 'skopeo + umoci' | 'plain';
  /** Does it print its own figures as JSON? */
  readonly json: boolean;
}

export interface Surroundings {
  /** `host:port` of the registry; the repositories are called like the formats. */
  readonly host: string;
  readonly formats: readonly string[];
  /** OCI layout of a format. */
  layout(format: string): string;
  /** Uncompressed layers of v1, lowest first. */
  readonly tars: readonly string[];
  /** Command line of oci-pull; absent: it is not built. */
  readonly ociPull: readonly string[] | undefined;
  /** Emptied before each command. */
  readonly scratch: string;
  /** For what is made once and copied for each run. */
  readonly seeds: string;
}

/** All rows, and why some are left out. */
export async function makeRows(at: Surroundings): Promise<{ rows: Row[]; notes: string[] }> {
  const notes: string[] = [];
  const rows: Row[] = [];
  const add = (tool: string, absent: readonly string[], made: readonly Row[]) => {
    if (absent.length === 0) rows.push(...made);
    else notes.push(`${tool} is not measured: ${absent.join(', ')} missing.`);
  };
  if (at.ociPull === undefined) notes.push('oci-pull is not measured: dist/cli.js is missing.');
  else for (const format of at.formats) rows.push(...ociPullRows(at, format, at.ociPull));
  if (at.formats.includes('gzip')) add('skopeo + umoci', missing('skopeo', 'umoci', 'bash'), umociRows(at));
  for (const format of at.formats) {
    const decoder = format === 'gzip' ? 'gzip' : 'zstd';
    const tools = ['curl', decoder, 'tar', 'bash'];
    add(`curl | ${decoder} -dc | tar -x`, missing(...tools), [await curlRow(at, format, decoder)]);
  }
  add('tar -x', missing('tar', 'bash'), [tarRow(at)]);
  const order = (row: Row) => SCENARIOS.indexOf(row.scenario);
  return { rows: rows.sort((a, b) => order(a) - order(b)), notes };
}

const tagOf = (scenario: Scenario) => (scenario === 'update' ? 'v2' : 'v1');

function ociPullRows(at: Surroundings, format: string, program: readonly string[]): Row[] {
  const cache = join(at.scratch, 'cache');
  const pull = (tag: string, to: { root: string; cache: string }) => [
    ...program,
    `${at.host}/${format}:${tag}`,
    to.root,
    '--cache-dir',
    to.cache,
    '--json',
    '--quiet',
  ];
  const seed = async () => {
    const made = join(at.seeds, `oci-pull-${format}`);
    await once(made, (partial) => run(pull('v1', { root: join(at.scratch, 'root'), cache: partial })));
    await rm(join(at.scratch, 'root'), { recursive: true, force: true });
    await run(['cp', '-a', made, cache]);
  };
  return SCENARIOS.map((scenario) => ({
    scenario,
    format,
    tool: 'oci-pull',
    command: pull(tagOf(scenario), { root: join(at.scratch, 'root'), cache }),
    root: 'root',
    prepare: scenario === 'cold' ? async () => {} : seed,
    json: true,
  }));
}

function umociRows(at: Surroundings): Row[] {
  const layout = join(at.scratch, 'layout');
  const rootless = process.getuid?.() === 0 ? '' : '--rootless ';
  const copy = (tag: string, to: string) =>
    `skopeo --insecure-policy copy -q --src-tls-verify=false docker://${at.host}/gzip:${tag} ${quote(`oci:${to}:${tag}`)}`;
  const unpack = (tag: string) =>
    `umoci unpack ${rootless}--image ${quote(`${layout}:${tag}`)} ${quote(join(at.scratch, 'bundle'))}`;
  const seed = async () => {
    const made = join(at.seeds, 'skopeo');
    await once(made, (partial) => run(['bash', '-c', copy('v1', partial)]));
    await run(['cp', '-a', made, layout]);
  };
  return SCENARIOS.map((scenario) => ({
    scenario,
    format: 'gzip',
    tool: 'skopeo copy + umoci unpack',
    command: ['bash', '-c', `${copy(tagOf(scenario), layout)} && ${unpack(tagOf(scenario))}`],
    root: 'bundle/rootfs',
    prepare: scenario === 'cold' ? async () => {} : seed,
    yardstick: 'skopeo + umoci',
    json: false,
  }));
}

async function curlRow(at: Surroundings, format: string, decoder: string): Promise<Row> {
  const blobs = await layerBlobs(at.layout(format), 'v1');
  const layers = blobs.map(({ digest }) => {
    const get = `curl -sSf http://${at.host}/v2/${format}/blobs/${digest}`;
    return `${get} | ${decoder} -dc | tar -x --numeric-owner -C root`;
  });
  return {
    ...plainRow('cold', layers),
    format,
    tool: `curl \\| ${decoder} -dc \\| tar -x`,
  };
}

function tarRow(at: Surroundings): Row {
  const layers = at.tars.map((tar) => `tar -x --numeric-owner -C root -f ${quote(tar)}`);
  return { ...plainRow('warm', layers), format: 'tar', tool: 'tar -x' };
}

function plainRow(scenario: Scenario, layers: readonly string[]): Omit<Row, 'format' | 'tool'> {
  return {
    scenario,
    command: ['bash', '-c', ['set -eo pipefail', 'mkdir root', ...layers].join('; ')],
    root: 'root',
    prepare: async () => {},
    yardstick: 'plain',
    json: false,
  };
}

/** Makes a directory if it is not there; it appears when it is complete. */
async function once(directory: string, make: (partial: string) => Promise<unknown>): Promise<void> {
  if (existsSync(directory)) return;
  const partial = `${directory}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(join(directory, '..'), { recursive: true });
  await make(partial);
  await rename(partial, directory);
}
