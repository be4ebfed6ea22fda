// The job summary of one pull, as Markdown. Pure.

import { count, formatBytes, formatDuration, formatShare, percent } from '../progress/figures.ts';
import { describeFormat } from '../pull/formats.ts';
import { describePart } from '../pull/part-words.ts';
import type { LayerChain, LayerReport, LayerWay, PullResult } from '../pull/result.ts';
import { countsInWords } from '../pull/skipped.ts';
import { forMarkdown } from './plain-text.ts';
import { adviceOn } from './summary-advice.ts';
import { originChart, stageChart } from './summary-charts.ts';

/** A step's summary ends at 1 MiB; these keep even the worst one at a fraction of it. */
const MAX_ROWS = 500;
const MAX_LISTED = 50;
const MAX_REASON_LENGTH = 100;
const MAX_PATH_LENGTH = 300;
const MAX_TEXT_LENGTH = 500;

const OWNERS: Readonly<Record<PullResult['ownership'], string>> = {
  preserve: 'as in the image',
  runner: 'everything belongs to the current user, without set-user-ID and set-group-ID bits',
};

/** What proved a layer. */
const CHAINS: Readonly<Record<LayerChain, string>> = {
  'diff-id': 'diff_id',
  digest: 'digest',
  toc: 'table of contents',
};

const WAYS: Readonly<Record<LayerWay, string>> = {
  cached: 'from cache',
  local: 'on this machine',
  ranges: 'missing chunks',
  whole: 'whole layer',
};

/**
 * One pull: a sentence, what was made, a table of layers, where the bytes came from, what took the time, and what the user should
 * know. At most about 400 kB, whatever the image.
 */
export function renderSummary(result: PullResult): string {
  const parts = [
    `### ${sentence(result, code(shortName(result)))}`,
    facts(result),
    layerTable(result.layers),
    originChart(result),
    stageChart(result.timings),
    leftOut(result),
    list('Warnings', result.warnings),
    list('Advice', adviceOn(result)),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

/** The pull in one sentence, plain text. */
export function headline(result: PullResult): string {
  return sentence(result, result.image);
}

function sentence(result: PullResult, name: string): string {
  const { platform, bytesTotal, bytesDownloaded, timings } = result;
  const start = `Pulled ${name} for ${forMarkdown(platform)} in ${formatDuration(timings.total)}`;
  if (bytesTotal === 0) return `${start}; it has no layers`;
  const amount = result.cacheHit
    ? `nothing of ${formatBytes(bytesTotal)}`
    : formatShare(bytesDownloaded, bytesTotal);
  return [`${start}; ${amount} downloaded`, ...otherOrigins(result)].join(', ');
}

/** Of the whole image, or, where only a part of it is wanted, of all that was had for that. */
function otherOrigins(result: PullResult): string[] {
  const { bytesDownloaded, bytesFromCache, bytesFromSeed, bytesTotal, part } = result;
  const whole = part ? bytesDownloaded + bytesFromCache + bytesFromSeed : bytesTotal;
  const share = (bytes: number) => `${percent(bytes, whole)}${part ? ' of what was needed' : ''}`;
  const cached = `${share(bytesFromCache)} from cache`;
  if (bytesFromSeed === 0) return [cached];
  const local = `${share(bytesFromSeed)} from this machine`;
  return bytesFromCache === 0 ? [local] : [cached, local];
}

/** The digest at a length that people can compare; the whole of it is among the facts. */
function shortName({ image }: PullResult): string {
  return image.replace(/(?<=@\w+:\w{12})\w+$/, '…');
}

function facts(result: PullResult): string {
  return [
    `- image ${code(result.image)}`,
    `- platform ${code(result.platform)}`,
    `- ${result.format ? 'written to' : 'root file system'} ${code(result.rootPath)}`,
    ...describeFormat(result).map((line) => `- ${line}`),
    `- owners: ${OWNERS[result.ownership]}`,
    `- ${count(result.requests, 'request')} to the registry`,
    ...(result.part ? [`- ${describePart(result.part)}`] : []),
    ...hostLine(result.hosts),
    ...repairLine(result.cacheRepairs),
  ].join('\n');
}

/** Only where there was a choice. */
function hostLine(hosts: PullResult['hosts']): string[] {
  if (hosts.length < 2) return [];
  const figures = hosts.map(({ host, bytes, failures }) => {
    const failed = failures > 0 ? ` (${count(failures, 'failure')})` : '';
    return `${code(host)} ${formatBytes(bytes)}${failed}`;
  });
  return [`- hosts: ${figures.join(', ')}`];
}

function repairLine(repairs: number): string[] {
  return repairs === 0 ? [] : [`- cache: ${count(repairs, 'missing or damaged piece')} made good`];
}

function layerTable(layers: readonly LayerReport[]): string {
  if (layers.length === 0) return '';
  const head = [
    '| layer | format | how | proven by | size | from cache | downloaded | requests | time |',
    '|---|---|---|---|---:|---:|---:|---:|---:|',
  ];
  const left = layers.length - MAX_ROWS;
  const more = left > 0 ? [`| … | ${left} more | | | | | | | |`] : [];
  return [...head, ...layers.slice(0, MAX_ROWS).map(layerRow), ...more].join('\n');
}

function layerRow(layer: LayerReport): string {
  const reason = layer.reason ? `: ${forMarkdown(layer.reason, MAX_REASON_LENGTH)}` : '';
  const cells = [
    code(shortDigest(layer.digest)),
    layer.format,
    WAYS[layer.way] + reason,
    CHAINS[layer.chain],
    formatBytes(layer.compressedSize),
    formatBytes(layer.bytesFromCache),
    formatBytes(layer.bytesDownloaded),
    String(layer.requests),
    formatDuration(layer.milliseconds),
  ];
  return `| ${cells.join(' | ')} |`;
}

/** How much was left out of the tree, and the first of it. */
function leftOut({ skipped, skippedPath }: PullResult): string {
  if (skipped.count === 0) return '';
  const left = skipped.count - skipped.first.length;
  const items = skipped.first.map(
    ({ path, reason }) =>
      `- ${forMarkdown(path, MAX_PATH_LENGTH)}: ${forMarkdown(reason, MAX_REASON_LENGTH)}`,
  );
  return [
    `**Left out:** ${countsInWords(skipped)}`,
    '',
    ...items,
    ...(left > 0 ? [`- and ${left} more`] : []),
    '',
    `The list is in ${code(skippedPath ?? '')}`,
  ].join('\n');
}

function list(title: string, texts: readonly string[]): string {
  if (texts.length === 0) return '';
  const left = texts.length - MAX_LISTED;
  const more = left > 0 ? [`- and ${left} more, in the log`] : [];
  const items = texts.slice(0, MAX_LISTED).map((text) => `- ${forMarkdown(text, MAX_TEXT_LENGTH)}`);
  return [`**${title}**`, '', ...items, ...more].join('\n');
}

function shortDigest(digest: string): string {
  return digest.replace(/^\w+:/, '').slice(0, 12);
}

/** Backticks would not decode character references; this does. */
function code(text: string): string {
  return `<code>${forMarkdown(text)}</code>`;
}
