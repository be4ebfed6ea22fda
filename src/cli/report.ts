// What the command line says at the end: the result for people or for programs, and failures. Pure.
import { describeCause, type PullError } from '../errors.ts';
import { errorPage } from '../progress/error-page.ts';
import { count, formatBytes, formatDuration } from '../progress/figures.ts';
import { asFlags } from '../progress/option-names.ts';
import { oneLine } from '../progress/plain-text.ts';
import { describeFormat } from '../pull/formats.ts';
import { describePart } from '../pull/part-words.ts';
import type { LayerReport, PullResult } from '../pull/result.ts';
import { countsInWords } from '../pull/skipped.ts';
import type { PageFinder } from './documentation.ts';

/** The report for people, without a line break at its end. */
export function renderReport(result: PullResult): string {
  const lines = [
    `${result.image} (${result.platform})`,
    `is in ${result.rootPath}, its config in ${result.configPath}`,
    ...(result.skippedPath === undefined
      ? []
      : [`left out: ${countsInWords(result.skipped)}, listed in ${result.skippedPath}`]),
    ...describeFormat(result),
    ...(result.part ? [describePart(result.part)] : []),
    `${originOf(result)}; ${count(result.requests, 'request')}, ${formatDuration(result.timings.total)}`,
  ];
  return lines.map((line) => oneLine(line)).join('\n');
}

function originOf({ cacheHit, bytesDownloaded, bytesFromCache, bytesFromSeed }: PullResult): string {
  const parts = [
    ...(cacheHit ? [] : [`${formatBytes(bytesDownloaded)} downloaded`]),
    ...(bytesFromCache > 0 || bytesFromSeed === 0 ? [`${formatBytes(bytesFromCache)} from the cache`] : []),
    ...(bytesFromSeed > 0 ? [`${formatBytes(bytesFromSeed)} from this machine`] : []),
  ];
  return `${parts.length === 1 ? 'all ' : ''}${parts.join(', ')}`;
}

/** The object that --json prints. Keys are those of the action's outputs; sizes are bytes, times whole milliseconds. */
export function toJson(result: PullResult): Record<string, unknown> {
  const { timings } = result;
  return {
    digest: result.digest,
    'index-digest': result.indexDigest ?? null,
    image: result.image,
    platform: result.platform,
    'root-path': result.rootPath,
    'config-path': result.configPath,
    format: result.format ?? 'rootfs',
    'manifest-kept': result.manifestKept ?? null,
    ownership: result.ownership,
    skipped: result.skipped.count,
    'skipped-path': result.skippedPath ?? null,
    'cache-hit': result.cacheHit,
    'bytes-downloaded': result.bytesDownloaded,
    'bytes-from-cache': result.bytesFromCache,
    'bytes-from-seed': result.bytesFromSeed,
    'bytes-total': result.bytesTotal,
    'cache-repairs': result.cacheRepairs,
    part: partToJson(result),
    requests: result.requests,
    hosts: result.hosts,
    layers: result.layers.map(layerToJson),
    timings: {
      resolve: Math.round(timings.resolve),
      restore: Math.round(timings.restore),
      plan: Math.round(timings.plan),
      'fetch-and-unpack': Math.round(timings.fetchAndUnpack),
      finish: Math.round(timings.finish),
      total: Math.round(timings.total),
    },
    warnings: result.warnings,
  };
}

function partToJson({ part }: PullResult): Record<string, unknown> | null {
  if (!part) return null;
  const { matched, bytesRead, bytesWritten } = part;
  return { matched, 'file-bytes': bytesWritten, 'file-bytes-total': bytesRead };
}

function layerToJson(layer: LayerReport): Record<string, unknown> {
  return {
    digest: layer.digest,
    format: layer.format,
    way: layer.way,
    reason: layer.reason ?? null,
    chain: layer.chain,
    'compressed-size': layer.compressedSize,
    'bytes-downloaded': layer.bytesDownloaded,
    'bytes-from-cache': layer.bytesFromCache,
    'bytes-from-seed': layer.bytesFromSeed,
    requests: layer.requests,
    milliseconds: Math.round(layer.milliseconds),
  };
}

/** A failure: the fact, what led to it, what can be done, the code, and where that is explained. */
export function renderError(error: PullError, find: PageFinder = (page) => page): string {
  const cause = describeCause(error);
  const causes = cause === undefined ? [] : [`cause: ${cause}`];
  const { message, hint, code } = error;
  const lines = [
    `error: ${message}`,
    ...causes,
    `hint: ${hint}`,
    `code: ${code}`,
    `see: ${find(errorPage(code))}`,
  ];
  return lines.map((line) => oneLine(asFlags(line))).join('\n');
}
