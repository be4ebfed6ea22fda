// A result of a pull, for tests of what is said about it.
import type { PullResult } from '../../src/pull/result.ts';

export const RESULT: PullResult = {
  image: 'docker.io/library/app@sha256:aa',
  digest: 'sha256:aa',
  indexDigest: 'sha256:ii',
  platform: 'linux/amd64',
  rootPath: '/work/rootfs',
  configPath: '/work/rootfs.config.json',
  cacheHit: false,
  bytesDownloaded: 41_234_567,
  bytesFromCache: 310_000_000,
  bytesTotal: 352_000_000,
  requests: 12,
  layers: [
    {
      digest: 'sha256:l1',
      format: 'zstd:chunked',
      way: 'ranges',
      compressedSize: 300_000_000,
      bytesDownloaded: 1_234_567,
      bytesFromCache: 298_000_000,
      requests: 9,
      milliseconds: 2_000,
    },
    {
      digest: 'sha256:l2',
      format: 'gzip',
      way: 'whole',
      reason: 'the server ignores ranges',
      compressedSize: 52_000_000,
      bytesDownloaded: 40_000_000,
      bytesFromCache: 12_000_000,
      requests: 1,
      milliseconds: 900,
    },
  ],
  timings: { resolve: 200, restore: 300, plan: 40, fetchAndUnpack: 2_500, finish: 100, total: 3_140 },
  warnings: ['2 devices were left out'],
  newPacks: [{ key: 'k', path: '/packs/k.pack', size: 1, liveBytes: 1 }],
  livePacks: [],
};
