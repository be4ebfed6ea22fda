// Compares oci-pull with other ways of getting a root file system: `npm run bench -- --help`. The table goes to standard
// output, progress to standard error.
import { existsSync, rmSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { convertImage, FORMATS } from './convert.ts';
import { describeImage } from './figures.ts';
import { buildImage, type ImagePaths, imagePaths } from './image.ts';
import { layerBlobs } from './layout.ts';
import { describeMachine } from './machine.ts';
import { measure } from './measure.ts';
import { type BenchOptions, parseOptions, USAGE } from './options.ts';
import { type Registry, startRegistry } from './registry.ts';
import { makeRows, type Row } from './rows.ts';
import { run, say } from './shell.ts';
import { buildSynthetic } from './synthetic.ts';
import { formatTable, type Result, type Sample } from './table.ts';

const WORK = join(import.meta.dirname, '.work');
const CLI = join(import.meta.dirname, '../dist/cli.js');
/** What a command leaves the kernel to do shall not slow down the next one. */
const REST_MILLISECONDS = 500;
/** Manifests and config, which oci-pull does not count among the layers' bytes, are smaller than this. */
const UNCOUNTED_BYTES = 256 * 1024;

async function main(options: BenchOptions): Promise<void> {
  const notes: string[] = [];
  const name = options.image === 'real' ? 'real' : `synthetic-${options.files}`;
  const paths = imagePaths(join(WORK, name));
  await mkdir(paths.directory, { recursive: true });
  await prepareImage(paths, options, notes);
  const formats = FORMATS.filter((format) => existsSync(paths.layout(format)));
  const layouts = Object.fromEntries(formats.map((format) => [format, paths.layout(format)]));
  await using registry = await startRegistry(join(paths.directory, 'registry'), layouts);

  await rm(options.directory, { recursive: true, force: true });
  process.once('exit', () => rmSync(options.directory, { recursive: true, force: true }));
  await mkdir(options.directory, { recursive: true });
  const tars = await copyTars(paths, formats, options.directory);
  const ociPull = existsSync(CLI) ? [process.env.NODE24 ?? process.execPath, CLI] : undefined;
  const scratch = join(options.directory, 'scratch');
  const seeds = join(options.directory, 'seeds');
  const made = await makeRows({
    host: registry.host,
    formats,
    layout: paths.layout,
    tars,
    ociPull,
    scratch,
    seeds,
  });
  notes.push(...made.notes);
  const rows = made.rows.filter((row) => isWanted(row, options.only));
  const results = await measureRows(rows, { registry, scratch, options, notes });

  const head = [...(await describeMachine(options.directory, ociPull)), `Registry: ${registry.name}.`];
  if (formats.includes('zstd-chunked'))
    head.push(...(await describeImage(paths.layout('zstd-chunked'), tars)));
  console.log(
    [...head, '', formatTable(results), '', ...[...new Set(notes)].map((note) => `- ${note}`)].join('\n'),
  );
}

/** Formats that cannot be made are left out, with a note. */
async function prepareImage(paths: ImagePaths, options: BenchOptions, notes: string[]): Promise<void> {
  if (options.image === 'synthetic') return buildSynthetic(paths, options.files);
  await buildImage(paths);
  const chroot = process.env.BENCH_CHROOT ?? join(WORK, 'trixie');
  await convertImage(paths, chroot).catch((error: Error) => notes.push(`Formats left out: ${error.message}`));
}

/** Puts the layers of v1 beside what is unpacked from them, and the blobs of all formats into the page cache. */
async function copyTars(paths: ImagePaths, formats: readonly string[], directory: string): Promise<string[]> {
  const [first = ''] = formats;
  const layers = await layerBlobs(paths.layout(first), 'v1');
  const tars = layers.map((_, layer) => join(directory, `${layer}.tar`));
  for (const [layer, tar] of tars.entries()) await run(['cp', paths.tar('v1', layer), tar]);
  await run(['sh', '-c', 'find "$0" -type f -exec cat {} + > /dev/null', join(paths.directory, 'registry')]);
  return tars;
}

function isWanted(row: Row, words: readonly string[]): boolean {
  const label = [row.scenario, row.format, ...row.tool.split(' ')];
  return words.every((word) => label.includes(word));
}

interface Bench {
  readonly registry: Registry;
  readonly scratch: string;
  readonly options: BenchOptions;
  readonly notes: string[];
}

/** Row by row, then all over again, so that a slow minute of the machine hits every row. */
async function measureRows(rows: readonly Row[], bench: Bench): Promise<Result[]> {
  const results = rows.map((row) => ({ row, samples: [] as Sample[], hasFailed: false }));
  for (let round = 1; round <= bench.options.runs; round += 1)
    for (const result of results) {
      if (result.hasFailed) continue;
      const label = `${result.row.scenario} ${result.row.format} ${result.row.tool.replaceAll('\\', '')}`;
      try {
        const { sample, entries } = await measureRow(result.row, bench);
        result.samples.push(sample);
        say(`${round}/${bench.options.runs} ${label}: ${sample.seconds.toFixed(2)} s, ${entries} entries`);
      } catch (error) {
        result.hasFailed = true;
        bench.notes.push(`${label} failed: ${error instanceof Error ? error.message : error}`);
        say(`${label} failed`);
      }
    }
  return results;
}

async function measureRow(row: Row, bench: Bench): Promise<{ sample: Sample; entries: number }> {
  const { scratch, registry, options, notes } = bench;
  await rm(scratch, { recursive: true, force: true });
  await mkdir(scratch, { recursive: true });
  await row.prepare();
  await registry.traffic();
  if (!options.quick) {
    await run(['sync']);
    await sleep(REST_MILLISECONDS);
  }
  const measured = await measure(row.command, scratch);
  if (measured.exitCode !== 0) throw new Error(`exit ${measured.exitCode}: ${measured.stderr.trim()}`);
  const traffic = await registry.traffic();
  const own = row.json ? ownTraffic(measured.stdout) : traffic;
  if (Math.abs(own.bytes - traffic.bytes) > UNCOUNTED_BYTES || own.requests !== traffic.requests)
    notes.push(
      `${row.scenario} ${row.format} ${row.tool} counts ${own.bytes} bytes in ${own.requests} requests, ` +
        `the registry ${traffic.bytes} in ${traffic.requests}.`,
    );
  const entries = Number(await run(['sh', '-c', 'find "$0" | wc -l', join(scratch, row.root)]));
  const { seconds, cpuSeconds, peakMemory } = measured;
  return { sample: { seconds, cpuSeconds, peakMemory, ...own }, entries };
}

function ownTraffic(json: string): { bytes: number; requests: number } {
  const result: Record<string, unknown> = JSON.parse(json);
  return { bytes: Number(result['bytes-downloaded']), requests: Number(result.requests) };
}

process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
try {
  const options = parseOptions(process.argv.slice(2), WORK);
  if (options === undefined) console.log(USAGE);
  else await main(options);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
