// A whole job on a new machine that finds its image in the Actions cache, with either backend, taking turns: `node
// bench/cache-round-trip.ts [MB|LAYOUT] [runs]`, after `npm run build`. LAYOUT: an OCI layout with the tag v1; else the image has one
// zstd:chunked layer of files of 4 MB. Registry and cache service are processes on this machine. Prints a table of medians for
// docs/performance.md.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ActionJob } from '../__tests__/support/action-job.ts';
import { writeBigImage } from '../__tests__/support/big-image.ts';

const what = process.argv[2] ?? '300';
const megabytes = Number(what);
const runs = Number(process.argv[3] ?? 5);
const PORT = 45_871;
const BACKENDS = ['direct', 'toolkit'] as const;

interface Measured {
  /** Of the main phase, from start to end of the process, milliseconds. */
  readonly main: number;
  readonly restore: number;
  readonly fetchAndUnpack: number;
}

const root = mkdtempSync(join(process.env.BENCH_DIRECTORY ?? tmpdir(), 'round-trip-'));
const processes: ChildProcess[] = [];
try {
  const layout = Number.isNaN(megabytes) ? resolve(what) : join(root, 'layout');
  if (!Number.isNaN(megabytes)) writeBigImage(layout, { megabytes, copies: 1 });
  start('layout-registry.ts', [String(PORT), JSON.stringify({ app: layout })]);
  const service = start('../__tests__/support/cache-service-cli.ts', []);
  const [line] = service.stdout ? await once(service.stdout, 'data') : [];
  const { env } = JSON.parse(String(line));
  await sleep(1000);
  const rows = new Map<string, Measured[]>(BACKENDS.map((backend) => [backend, []]));
  for (const backend of BACKENDS) await runJob(backend, env, 'write');
  for (let run = 0; run < runs; run++)
    for (const backend of run % 2 === 0 ? BACKENDS : BACKENDS.toReversed())
      rows.get(backend)?.push(await runJob(backend, env, 'read'));
  print(rows);
} finally {
  for (const child of processes) child.kill();
  rmSync(root, { recursive: true, force: true });
}

function start(script: string, args: readonly string[]): ChildProcess {
  const path = join(import.meta.dirname, script);
  const child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout.resume();
  processes.push(child);
  return child;
}

async function runJob(backend: string, env: Record<string, string>, mode: string): Promise<Measured> {
  await using job = await ActionJob.start({
    script: join(import.meta.dirname, '../dist/index.js'),
    env,
    inputs: {
      image: `127.0.0.1:${PORT}/app:v1`,
      platform: 'linux/amd64',
      'cache-backend': backend,
      'cache-mode': mode,
    },
  });
  const started = performance.now();
  const { code, log } = await job.run('main');
  const main = performance.now() - started;
  if (code !== 0) throw new Error(log);
  const hit = (await job.outputs())['cache-hit'];
  if (hit !== String(mode === 'read')) throw new Error(`${backend}: cache-hit is ${hit}\n${log}`);
  const summary = await job.summary();
  await job.run('post');
  const stage = (name: string) => milliseconds(new RegExp(`${name}, ([\\d.]+) (ms|s)\\b`).exec(summary));
  return { main, restore: stage('restore'), fetchAndUnpack: stage('fetch and unpack') };
}

function milliseconds(match: RegExpExecArray | null): number {
  return Number(match?.[1]) * (match?.[2] === 's' ? 1000 : 1);
}

function print(rows: ReadonlyMap<string, readonly Measured[]>): void {
  console.log(
    `${Number.isNaN(megabytes) ? basename(resolve(what)) : `${megabytes} MB`}, ${runs} runs; medians, seconds\n`,
  );
  console.log('| backend | restore and unpack | min–max | restore | main phase |\n|---|--:|--:|--:|--:|');
  for (const [backend, measured] of rows) {
    const both = measured.map(({ restore, fetchAndUnpack }) => restore + fetchAndUnpack);
    const cells = [
      median(both),
      `${seconds(Math.min(...both))}–${seconds(Math.max(...both))}`,
      median(measured.map(({ restore }) => restore)),
      median(measured.map(({ main }) => main)),
    ];
    console.log(`| ${backend} | ${cells.join(' | ')} |`);
  }
}

function median(values: readonly number[]): string {
  return seconds(values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN);
}

function seconds(value: number): string {
  return (value / 1000).toFixed(2);
}
