// Saves and restores one incompressible file through both backends of the cache, taking turns, against the double of the service in a
// process of its own on this machine: `node bench/cache-backends.ts [MB] [runs]`. Prints a table of medians for docs/performance.md.
import { execFile, spawn } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

interface Measured {
  readonly outcome: unknown;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMiB: number;
}

const megabytes = Number(process.argv[2] ?? 300);
const runs = Number(process.argv[3] ?? 5);
const root = mkdtempSync(join(process.env.BENCH_DIRECTORY ?? tmpdir(), 'cache-bench-'));
const source = join(root, 'pack');
writeRandom(source, megabytes * 1_000_000);
const rows = new Map<string, Measured[]>();
try {
  for (let run = 0; run < runs; run++)
    for (const backend of run % 2 === 0 ? ['direct', 'toolkit'] : ['toolkit', 'direct'])
      await round(backend, run);
} finally {
  rmSync(root, { recursive: true, force: true });
}
console.log(`${megabytes} MB, ${runs} runs; medians\n`);
console.log(
  '| what | backend | seconds | min–max | CPU s | peak MiB |\n| --- | --- | --: | --: | --: | --: |',
);
for (const what of ['save', 'restore'])
  for (const backend of ['direct', 'toolkit']) printRow(what, backend, rows.get(`${what} ${backend}`) ?? []);

/** A service with nothing in it, a save and a restore. */
async function round(backend: string, run: number): Promise<void> {
  const script = join(import.meta.dirname, '../__tests__/support/cache-service-cli.ts');
  const service = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [line] = await once(service.stdout, 'data');
    const temp = join(root, `${backend}-${run}`);
    mkdirSync(temp);
    const env = { ...process.env, ...JSON.parse(String(line)).env, BACKEND: backend, RUNNER_TEMP: temp };
    env.GITHUB_WORKSPACE = temp;
    const target = join(temp, 'restored');
    note(`save ${backend}`, await client(env, 'save', source));
    note(`restore ${backend}`, await client(env, 'restore', target));
    if (!readFileSync(target).equals(readFileSync(source)))
      throw new Error(`${backend} restored other bytes`);
    rmSync(temp, { recursive: true });
  } finally {
    service.kill();
    await once(service, 'exit');
  }
}

async function client(env: NodeJS.ProcessEnv, action: string, file: string): Promise<Measured> {
  const script = join(import.meta.dirname, 'cache-client.ts');
  const { stderr } = await promisify(execFile)(process.execPath, [script, action, file], { env });
  return JSON.parse(stderr.trim().split('\n').at(-1) ?? '');
}

function note(row: string, measured: Measured): void {
  rows.set(row, [...(rows.get(row) ?? []), measured]);
}

function printRow(what: string, backend: string, measured: readonly Measured[]): void {
  const seconds = measured.map((one) => one.seconds).toSorted((a, b) => a - b);
  const range = `${(seconds[0] ?? 0).toFixed(2)}–${(seconds.at(-1) ?? 0).toFixed(2)}`;
  const [cpu, peak] = [
    median(measured.map((one) => one.cpuSeconds)),
    median(measured.map((one) => one.peakMiB)),
  ];
  const figures = [median(seconds).toFixed(2), range, cpu.toFixed(2), peak.toFixed(0)];
  console.log(`| ${what} | ${backend} | ${figures.join(' | ')} |`);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function writeRandom(path: string, size: number): void {
  const file = openSync(path, 'w');
  const block = Buffer.alloc(1_000_000);
  for (let written = 0; written < size; written += block.length) writeSync(file, randomFillSync(block));
}
