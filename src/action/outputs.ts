// The outputs of action.yml.
import { setOutput } from '@actions/core';
import type { PullResult } from '../pull/result.ts';

/** Every output, in the order of action.yml. Booleans and numbers are texts for the expression language. */
export function outputsOf(result: PullResult): Record<string, string> {
  return {
    digest: result.digest,
    'index-digest': result.indexDigest ?? '',
    image: result.image,
    platform: result.platform,
    'root-path': result.rootPath,
    'config-path': result.configPath,
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

export function setOutputs(result: PullResult): void {
  for (const [name, value] of Object.entries(outputsOf(result))) setOutput(name, value);
}
