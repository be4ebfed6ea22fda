// The table of results, in Markdown.
import type { Row } from './rows.ts';

export interface Sample {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Bytes. */
  readonly peakMemory: number;
  /** On the wire. */
  readonly bytes: number;
  readonly requests: number;
}

export interface Result {
  readonly row: Row;
  readonly samples: readonly Sample[];
}

const COLUMNS: readonly { title: string; cell: (result: Result, all: readonly Result[]) => string }[] = [
  { title: 'scenario', cell: ({ row }) => row.scenario },
  { title: 'format', cell: ({ row }) => row.format },
  { title: 'tool', cell: ({ row }) => row.tool },
  { title: 'wall s', cell: (result) => middle(result, 'seconds').toFixed(2) },
  { title: 'min–max', cell: (result) => spread(result) },
  { title: '× skopeo + umoci', cell: (result, all) => ratio(result, byUmoci(result, all)) },
  { title: '× plain tar', cell: (result, all) => ratio(result, byTar(result, all)) },
  { title: 'CPU s', cell: (result) => middle(result, 'cpuSeconds').toFixed(2) },
  { title: 'peak MiB', cell: (result) => (middle(result, 'peakMemory') / 2 ** 20).toFixed(0) },
  { title: 'MB on the wire', cell: (result) => (middle(result, 'bytes') / 1e6).toFixed(1) },
  { title: 'requests', cell: (result) => middle(result, 'requests').toFixed(0) },
];

/** One line for each result that has samples. */
export function formatTable(results: readonly Result[]): string {
  const measured = results.filter(({ samples }) => samples.length > 0);
  const titles = COLUMNS.map(({ title }) => title);
  const rule = titles.map((_, index) => (index < 3 ? '---' : '--:'));
  const body = measured.map((result) => COLUMNS.map(({ cell }) => cell(result, measured)));
  return [titles, rule, ...body].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function middle({ samples }: Result, key: keyof Sample): number {
  const sorted = samples.map((sample) => sample[key]).sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2;
}

function spread({ samples }: Result): string {
  const seconds = samples.map((sample) => sample.seconds);
  return `${Math.min(...seconds).toFixed(2)}–${Math.max(...seconds).toFixed(2)}`;
}

function byUmoci({ row }: Result, all: readonly Result[]): Result | undefined {
  return all.find((other) => other.row.yardstick === 'skopeo + umoci' && other.row.scenario === row.scenario);
}

/** The pipe for the same format; `tar -x` of what needs no decompression is right for all that is cached. */
function byTar({ row }: Result, all: readonly Result[]): Result | undefined {
  const plain = all.filter((other) => other.row.yardstick === 'plain' && other.row.scenario === row.scenario);
  return row.scenario === 'warm' ? plain[0] : plain.find((other) => other.row.format === row.format);
}

function ratio(result: Result, yardstick: Result | undefined): string {
  return yardstick ? (middle(result, 'seconds') / middle(yardstick, 'seconds')).toFixed(2) : '';
}
