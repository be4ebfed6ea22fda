// Results of the kinds of pulls that there are, for golden summaries and their screenshots.
import type { LayerReport, PullResult } from '../../src/pull/result.ts';
import { layerReport, pullResult } from './pull-result.ts';

const BASE = layerReport({ digest: `sha256:${'1b'.repeat(32)}`, compressedSize: 252_000_000 });
const APP = layerReport({ digest: `sha256:${'2c'.repeat(32)}`, compressedSize: 100_000_000 });

function had(layer: LayerReport, changes: Partial<LayerReport>): LayerReport {
  return { ...layer, bytesDownloaded: 0, bytesFromCache: 0, requests: 0, ...changes };
}

function whole(layer: LayerReport, changes: Partial<LayerReport> = {}): LayerReport {
  return had(layer, { way: 'whole', bytesDownloaded: layer.compressedSize, requests: 2, ...changes });
}

function sample(layers: readonly LayerReport[], changes: Partial<PullResult> = {}): PullResult {
  const sum = (of: (layer: LayerReport) => number) => layers.reduce((total, layer) => total + of(layer), 0);
  const bytesDownloaded = sum((layer) => layer.bytesDownloaded);
  return pullResult({
    layers,
    platform: 'linux/arm64',
    bytesDownloaded,
    bytesFromCache: sum((layer) => layer.bytesFromCache),
    bytesTotal: sum((layer) => layer.compressedSize),
    cacheHit: bytesDownloaded === 0,
    requests: 3 + sum((layer) => layer.requests),
    ...changes,
  });
}

const seconds = (resolve: number, restore: number, plan: number, fetch: number, finish: number) => {
  const [total, ...stages] = [
    resolve + restore + plan + fetch + finish,
    resolve,
    restore,
    plan,
    fetch,
    finish,
  ].map((second) => second * 1000);
  const [a = 0, b = 0, c = 0, d = 0, e = 0] = stages;
  return { resolve: a, restore: b, plan: c, fetchAndUnpack: d, finish: e, total: total ?? 0 };
};

export const SUMMARY_SAMPLES: Readonly<Record<string, PullResult>> = {
  cold: sample([whole(BASE), whole(APP)], { timings: seconds(0.62, 0.21, 0.004, 13.8, 0.4) }),
  warm: sample(
    [BASE, APP].map((layer) =>
      had(layer, { way: 'cached', chain: 'digest', bytesFromCache: layer.compressedSize }),
    ),
    { timings: seconds(0.31, 1.4, 0.006, 2.2, 0.05) },
  ),
  update: sample(
    [
      had(BASE, { way: 'cached', bytesFromCache: 252_000_000 }),
      had(APP, { bytesDownloaded: 41_000_000, bytesFromCache: 59_400_000, requests: 12 }),
    ],
    { timings: seconds(0.3, 0.9, 0.08, 1.76, 0.06) },
  ),
  fallback: sample(
    [whole(BASE, { reason: 'the server ignores ranges' }), whole(APP, { format: 'gzip', requests: 1 })],
    {
      timings: seconds(1.1, 0, 0.2, 31.4, 0.5),
      hosts: [
        { host: 'mirror.test', bytes: 252_000_000, requests: 2, failures: 1 },
        { host: 'registry.test', bytes: 100_000_000, requests: 4, failures: 0 },
      ],
      warnings: ['mirror.test is passed over: it answered 503'],
    },
  ),
  rootless: sample([whole(BASE)], {
    timings: seconds(0.4, 0, 0.004, 6.3, 0.2),
    ownership: 'runner',
    skipped: {
      count: 4,
      byKind: { device: 3, fifo: 0, xattr: 1 },
      first: ['/dev/console', '/dev/null', '/dev/zero', '/usr/bin/ping'].map((path, index) => ({
        path,
        reason: index < 3 ? 'devices are not made for this user' : 'security.capability needs root',
      })),
    },
    skippedPath: '/job/rootfs.skipped.json',
    warnings: [
      'not everything could be created: /dev/console (devices are not made for this user) and 3 more',
    ],
  }),
};
