// A plausible PullResult for the tests of what is made of it.
import type { LayerReport, PullResult } from '../../src/pull/result.ts';

export function layerReport(changes: Partial<LayerReport> = {}): LayerReport {
  return {
    digest: `sha256:${'0123456789abcdef'.repeat(4)}`,
    format: 'zstd:chunked',
    way: 'ranges',
    chain: 'diff-id',
    compressedSize: 100_000_000,
    bytesDownloaded: 10_000_000,
    bytesFromCache: 90_000_000,
    bytesFromSeed: 0,
    requests: 7,
    milliseconds: 1234,
    ...changes,
  };
}

export function pullResult(changes: Partial<PullResult> = {}): PullResult {
  return {
    image: `registry.test/app@sha256:${'a'.repeat(64)}`,
    digest: `sha256:${'a'.repeat(64)}`,
    indexDigest: `sha256:${'b'.repeat(64)}`,
    platform: 'linux/amd64',
    rootPath: '/job/rootfs',
    configPath: '/job/rootfs.json',
    ownership: 'runner',
    skipped: { count: 0, byKind: { device: 0, fifo: 0, xattr: 0 }, first: [] },
    repository: 'registry.test/app',
    isRestricted: false,
    cacheHit: false,
    bytesDownloaded: 10_000_000,
    bytesFromCache: 90_000_000,
    bytesFromSeed: 0,
    bytesTotal: 100_000_000,
    cacheRepairs: 0,
    requests: 9,
    hosts: [],
    layers: [layerReport()],
    timings: { resolve: 100, restore: 200, plan: 30, fetchAndUnpack: 1500, finish: 20, total: 1850 },
    warnings: [],
    newPacks: [],
    livePacks: [],
    ...changes,
  };
}
