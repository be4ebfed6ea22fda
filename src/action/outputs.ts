// The outputs of action.yml.
import { setOutput } from '@actions/core';
import type { PullResult } from '../pull/result.ts';

const SUMMED = [
  'skipped',
  'bytes-downloaded',
  'bytes-from-cache',
  'bytes-from-seed',
  'bytes-total',
  'requests',
];

/** Every output of one pull, in the order of action.yml. Booleans and numbers are texts for the expression language. */
export function outputsOf(result: PullResult): Record<string, string> {
  return {
    digest: result.digest,
    'index-digest': result.indexDigest ?? '',
    image: result.image,
    platform: result.platform,
    'root-path': result.rootPath,
    'config-path': result.configPath,
    format: result.format ?? 'rootfs',
    'manifest-kept': String(result.manifestKept ?? ''),
    ownership: result.ownership,
    skipped: String(result.skipped.count),
    'skipped-path': result.skippedPath ?? '',
    'cache-hit': String(result.cacheHit),
    'bytes-downloaded': String(result.bytesDownloaded),
    'bytes-from-cache': String(result.bytesFromCache),
    'bytes-from-seed': String(result.bytesFromSeed),
    'bytes-total': String(result.bytesTotal),
    requests: String(result.requests),
  };
}

/** Of a step with several pulls: the outputs of the first, sums and `results`, a list of the outputs of each. */
export function outputsOfAll(results: readonly PullResult[]): Record<string, string> {
  const each = results.map(outputsOf);
  const sum = (name: string) => String(each.reduce((total, outputs) => total + Number(outputs[name]), 0));
  return {
    ...each[0],
    ...Object.fromEntries(SUMMED.map((name) => [name, sum(name)])),
    'cache-hit': String(results.every((result) => result.cacheHit)),
    results: JSON.stringify(each),
  };
}

export function setOutputs(results: readonly PullResult[]): void {
  for (const [name, value] of Object.entries(outputsOfAll(results))) setOutput(name, value);
}
