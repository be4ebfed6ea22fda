// What a long way costs: an update of a zstd:chunked image over an added round trip, beside one GET of as many bytes over
// the same way. `node bench/latency.ts --help`. The way is a proxy of the tests, which delays and does not narrow: what a
// real connection loses while its window grows is not in these figures.
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type DelayProxy, startDelayProxy } from '../__tests__/support/delay-proxy.ts';
import { layerBlobs } from './layout.ts';
import { measure } from './measure.ts';
import { startRegistry } from './registry.ts';
import { run, say } from './shell.ts';

const USAGE = `usage: node bench/latency.ts [options]
  --round-trip MS  milliseconds to add (default 20)
  --runs N         runs of each row, medians are shown (default 3)
  --layout DIR     OCI layout of zstd:chunked images with the tags v1 and v2
                   (default: the reference image, which npm run bench makes)
  --dir DIR        where files are written (default: /dev/shm/oci-pull-latency)
environment:
  NODE24           the node that runs oci-pull (default: this one)`;
const WORK = join(import.meta.dirname, '.work');
const PROGRAM = [process.env.NODE24 ?? process.execPath, join(import.meta.dirname, '../dist/cli.js')];
const REPOSITORY = 'zstd-chunked';

interface Options {
  readonly roundTrip: number;
  readonly runs: number;
  readonly layout: string;
  readonly directory: string;
}

interface Sample {
  readonly seconds: number;
  readonly bytes: number;
  readonly requests: number;
  readonly connections: number;
}

async function main(options: Options): Promise<void> {
  const { directory, layout, roundTrip, runs } = options;
  if (!existsSync(join(layout, 'index.json')))
    throw new Error(`no layout at ${layout}: npm run bench makes one`);
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  try {
    await using registry = await startRegistry(join(directory, 'registry'), { [REPOSITORY]: layout });
    await using far = await startDelayProxy(registry.host, roundTrip);
    await using near = await startDelayProxy(registry.host, 0);
    const seed = join(directory, 'seed');
    await mkdir(join(directory, 'first'));
    const first = join(directory, 'first/root');
    await run([...PROGRAM, `${registry.host}/${REPOSITORY}:v1`, first, '--cache-dir', seed, '--quiet']);
    await rm(join(directory, 'first'), { recursive: true });
    const rows = new Map<string, Sample[]>();
    const add = (name: string, sample: Sample) => {
      rows.set(name, [...(rows.get(name) ?? []), sample]);
      say(`${name}: ${sample.seconds.toFixed(2)} s`);
    };
    for (let round = 0; round < runs; round++) {
      for (const [way, proxy] of [
        [`${roundTrip} ms`, far],
        ['0 ms', near],
      ] as const) {
        const update = await pullUpdate(directory, proxy);
        add(`update, ${way}`, update);
        add(`one GET, ${way}`, await getBytes({ layout, proxy, bytes: update.bytes }));
      }
    }
    console.log(table(rows));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function pullUpdate(directory: string, proxy: DelayProxy): Promise<Sample> {
  const [place, cache] = [join(directory, 'place'), join(directory, 'cache')];
  for (const path of [place, cache]) await rm(path, { recursive: true, force: true });
  await mkdir(place);
  await run(['cp', '-a', join(directory, 'seed'), cache]);
  const before = proxy.connections;
  const image = `${proxy.host}/${REPOSITORY}:v2`;
  const measured = await measure(
    [...PROGRAM, image, join(place, 'root'), '--cache-dir', cache, '--json', '--quiet'],
    directory,
  );
  if (measured.exitCode !== 0) throw new Error(measured.stderr);
  const result: Record<string, unknown> = JSON.parse(measured.stdout);
  return {
    seconds: measured.seconds,
    bytes: Number(result['bytes-downloaded']),
    requests: Number(result.requests),
    connections: proxy.connections - before,
  };
}

interface Get {
  readonly layout: string;
  readonly proxy: DelayProxy;
  readonly bytes: number;
}

/** Of the largest layer, or all of it where it is smaller. */
async function getBytes({ layout, proxy, bytes }: Get): Promise<Sample> {
  const blobs = await layerBlobs(layout, 'v2');
  const { digest = '', size = 0 } = blobs.toSorted((a, b) => b.size - a.size)[0] ?? {};
  const url = `http://${proxy.host}/v2/${REPOSITORY}/blobs/${digest}`;
  const length = Math.min(bytes, size);
  const command = ['curl', '-sSf', '-o', '/dev/null', '-r', `0-${length - 1}`, url];
  const { seconds, exitCode, stderr } = await measure(command, '.');
  if (exitCode !== 0) throw new Error(stderr);
  return { seconds, bytes: length, requests: 1, connections: 1 };
}

function table(rows: ReadonlyMap<string, readonly Sample[]>): string {
  const lines = [...rows].map(([name, samples]) => {
    const sorted = samples.toSorted((a, b) => a.seconds - b.seconds);
    const { seconds, bytes, requests, connections } = sorted[Math.floor((sorted.length - 1) / 2)] as Sample;
    const range = `${sorted[0]?.seconds.toFixed(2)}–${sorted.at(-1)?.seconds.toFixed(2)}`;
    const megabytes = (bytes / 1e6).toFixed(1);
    return `| ${name} | ${seconds.toFixed(2)} | ${range} | ${megabytes} | ${requests} | ${connections} |`;
  });
  const head = '| what, added round trip | wall s | min–max | MB | requests | connections |';
  return [head, '|---|--:|--:|--:|--:|--:|', ...lines].join('\n');
}

function parseOptions(): Options | undefined {
  const { values } = parseArgs({
    options: {
      'round-trip': { type: 'string', default: '20' },
      runs: { type: 'string', default: '3' },
      layout: { type: 'string', default: join(WORK, 'real/zstd-chunked') },
      dir: { type: 'string', default: '/dev/shm/oci-pull-latency' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const [roundTrip, runs] = [Number(values['round-trip']), Number(values.runs)];
  if (!(roundTrip >= 0 && roundTrip <= 10_000)) throw new Error('--round-trip must be milliseconds');
  if (!(Number.isInteger(runs) && runs > 0)) throw new Error('--runs must be a number from 1');
  return { roundTrip, runs, layout: values.layout, directory: values.dir };
}

try {
  const options = parseOptions();
  if (options === undefined) console.log(USAGE);
  else await main(options);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
