// `npm run demo`: pulls a two-version sample image from a registry in this process with the committed dist/cli.js, cold, warm
// and as an update, and shows where the bytes came from. Offline, and with nothing installed but Node 24.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRegistry } from '../__tests__/support/registry.ts';
import { formatBytes, formatDuration } from '../src/progress/figures.ts';

const ROOT = join(import.meta.dirname, '..');
const LAYOUT = join(ROOT, '__tests__/fixtures/image/zstd-chunked');
const REPOSITORY = 'demo/app';

const SCENARIOS = [
  { name: 'cold', tag: 'v1', told: 'nothing cached' },
  { name: 'warm', tag: 'v1', told: 'the same image again' },
  { name: 'update', tag: 'v2', told: 'v2, with v1 in the cache' },
] as const;

/** The part of the CLI's --json output that the table shows. */
interface Outcome {
  readonly 'bytes-downloaded': number;
  readonly 'bytes-from-cache': number;
  readonly 'bytes-total': number;
  readonly requests: number;
  readonly timings: { readonly total: number };
}

const directory = await mkdtemp(join(tmpdir(), 'oci-pull-demo-'));
const registry = await startRegistry({ images: [{ repository: REPOSITORY, layout: LAYOUT }] });
try {
  console.log(`sample image ${REPOSITORY} (zstd:chunked) in a registry at ${registry.host}\n`);
  const rows = [['pull', '', 'downloaded', 'from cache', 'layers', 'requests', 'time']];
  for (const { name, tag, told } of SCENARIOS) {
    const outcome = await pull(`${registry.host}/${REPOSITORY}:${tag}`, join(directory, name));
    rows.push([name, told, ...figures(outcome)]);
  }
  console.log(renderTable(rows));
} finally {
  await registry.close();
  await rm(directory, { recursive: true, force: true });
}

function figures(outcome: Outcome): string[] {
  return [
    formatBytes(outcome['bytes-downloaded']),
    formatBytes(outcome['bytes-from-cache']),
    formatBytes(outcome['bytes-total']),
    String(outcome.requests),
    formatDuration(outcome.timings.total),
  ];
}

async function pull(image: string, destination: string): Promise<Outcome> {
  const args = [image, destination, '--cache-dir', join(directory, 'cache'), '--json', '--quiet'];
  const child = spawn(process.execPath, [join(ROOT, 'dist/cli.js'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const status = await new Promise((resolve, reject) => child.on('close', resolve).on('error', reject));
  if (status !== 0) throw new Error(`the pull of ${image} ended with status ${status}`);
  return JSON.parse(output) as Outcome;
}

/** Columns as wide as their widest cell; text to the left, figures to the right. */
function renderTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row.map((cell, column) =>
      column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
    ),
  );
  return lines.map((cells) => cells.join('  ').trimEnd()).join('\n');
}
