// The result of a pull, put together from what its stages have found.
import type { RestoreReport } from '../cache/session.ts';
import type { Access, Verdict } from './access.ts';
import type { Destination } from './destination.ts';
import type { Packs } from './live-packs.ts';
import { type Finished, reportLayers } from './report.ts';
import type { PullResult } from './result.ts';
import type { PullSession } from './session.ts';
import { summarizeSkips } from './skipped.ts';

interface Circumstances {
  readonly destination: Destination;
  readonly packs: Packs;
  readonly verdict: Verdict;
  readonly restored: RestoreReport | undefined;
}

/** What a pull that succeeded tells. */
export function describeResult(
  session: PullSession,
  finished: Finished,
  { destination, packs, verdict, restored }: Circumstances,
): Omit<PullResult, 'timings'> {
  const { source, warnings } = session;
  const layers = reportLayers(session, finished);
  const sum = (measure: (layer: (typeof layers)[number]) => number) =>
    layers.reduce((total, layer) => total + measure(layer), 0);
  const bytesDownloaded = sum((layer) => layer.bytesDownloaded);
  return {
    ...nameOf(session),
    digest: session.image.digest,
    ...(session.image.indexDigest === undefined ? {} : { indexDigest: session.image.indexDigest }),
    rootPath: destination.path,
    configPath: destination.configPath,
    ...formatOf(session, finished),
    skipped: summarizeSkips(finished.skipped),
    ...(finished.skipped.count > 0 ? { skippedPath: destination.skippedPath } : {}),
    repository: session.image.repository,
    isRestricted: verdict.isRestricted,
    cacheHit: bytesDownloaded === 0,
    bytesDownloaded,
    bytesFromCache: sum((layer) => layer.bytesFromCache),
    bytesFromSeed: sum((layer) => layer.bytesFromSeed),
    bytesTotal: sum((layer) => layer.compressedSize),
    cacheRepairs:
      (restored?.unusable ?? 0) +
      session.arrivals.lost +
      session.store.brokenPacks +
      session.store.damagedChunks,
    requests: source.requests + verdict.requests,
    hosts: source.hosts ?? [],
    ...(source.quota ? { quota: source.quota } : {}),
    layers,
    ...(finished.part ? { part: finished.part } : {}),
    warnings,
    newPacks: packs.fresh,
    livePacks: packs.live,
    ...(packs.mixed.size > 0 ? { mixedPacks: packs.mixed } : {}),
  };
}

/** Archives hold the owners of the image, whoever the archive belongs to. */
function formatOf({ options, privileges }: PullSession, { written }: Finished) {
  const { format = 'rootfs', load } = options;
  if (format === 'rootfs') return { ownership: privileges.owner };
  const isLayout = format === 'oci-layout' || format === 'oci-archive';
  return {
    format,
    ownership: 'preserve' as const,
    ...(isLayout && written ? { manifestKept: written.manifestKept } : {}),
    ...(load ? { loaded: load } : {}),
  };
}

function nameOf({ image }: Access) {
  return { image: `${image.repository}@${image.digest}`, platform: image.platform };
}
