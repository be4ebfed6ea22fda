// The charts of the summary, for the mermaid that GitHub draws: where the bytes came from, and what took the time. Pure.
import { formatBytes, formatDuration } from '../progress/figures.ts';
import type { PullResult, Timings } from '../pull/result.ts';

const STAGES: readonly { readonly name: string; readonly stage: keyof Omit<Timings, 'total'> }[] = [
  { name: 'resolve', stage: 'resolve' },
  { name: 'restore', stage: 'restore' },
  { name: 'plan', stage: 'plan' },
  { name: 'fetch and unpack', stage: 'fetchAndUnpack' },
  { name: 'finish', stage: 'finish' },
];

/** Up to this the axis counts milliseconds. */
const SHORT_MS = 10_000;

/** A pie; empty where there were no bytes. Mermaid draws no slice for a zero, and takes a pie of zeros for an error. */
export function originChart(
  result: Pick<PullResult, 'bytesFromCache' | 'bytesFromSeed' | 'bytesDownloaded'>,
): string {
  const slices = [
    { label: 'chunk cache', bytes: result.bytesFromCache },
    { label: 'this machine', bytes: result.bytesFromSeed },
    { label: 'registry', bytes: result.bytesDownloaded },
  ].filter(({ bytes }) => bytes > 0);
  if (slices.length === 0) return '';
  const lines = slices.map(({ label, bytes }) => `  "${label} (${formatBytes(bytes)})" : ${bytes}`);
  return chart(['pie title Where the layers came from', ...lines]);
}

/**
 * The stages one after the other, as a Gantt chart; empty where nothing took a millisecond. A stage that was entered several times
 * counts once, with all its time. Times are milliseconds of the Unix epoch (`x`), and so is the axis (`%Q`, `%s`):
 * https://mermaid.js.org/syntax/gantt.html, https://d3js.org/d3-time-format
 */
export function stageChart(timings: Timings): string {
  const tasks: string[] = [];
  let start = 0;
  for (const { name, stage } of STAGES) {
    const end = start + Math.round(timings[stage]);
    if (end > start) tasks.push(`  ${name}, ${formatDuration(timings[stage])} : ${start}, ${end}`);
    start = end;
  }
  if (tasks.length === 0) return '';
  const axis = start <= SHORT_MS ? '%Q ms' : '%s s';
  return chart(['gantt', '  title What took the time', '  dateFormat x', `  axisFormat ${axis}`, ...tasks]);
}

function chart(lines: readonly string[]): string {
  return ['```mermaid', ...lines, '```'].join('\n');
}
