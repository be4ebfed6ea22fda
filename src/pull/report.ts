// What a pull did, layer by layer, as the summary and the outputs tell it.
import type { LayerMetadata } from '../fetch/metadata.ts';
import type { LayerTally } from '../fetch/tally.ts';
import { layerCompression } from '../oci/media-type.ts';
import type { FetchPlan, LayerPlan } from '../plan/fetch-plan.ts';
import type { LayerOutcome } from '../unpack/job.ts';
import type { SkipReport } from '../unpack/skips.ts';
import { isLocal } from './live-packs.ts';
import type { LayerReport } from './result.ts';
import type { PullSession } from './session.ts';

export interface Finished {
  readonly plan: FetchPlan;
  readonly metadata: readonly LayerMetadata[];
  readonly layers: readonly LayerOutcome[];
  readonly skipped: SkipReport;
}

export function reportLayers(session: PullSession, finished: Finished): LayerReport[] {
  return session.layers.map((descriptor, index) => {
    const metadata = finished.metadata[index] as LayerMetadata;
    const tally = session.tallies[index] as LayerTally;
    const isInPlace = isLocal(finished.plan, index);
    const reason = metadata.kind === 'plain' ? metadata.reason : undefined;
    return {
      digest: descriptor.digest,
      format: isChunked(metadata) ? 'zstd:chunked' : formatName(descriptor.mediaType),
      way: isInPlace
        ? 'local'
        : tally.bytes === 0
          ? 'cached'
          : metadata.kind === 'chunked'
            ? 'ranges'
            : 'whole',
      ...(reason === undefined ? {} : { reason }),
      compressedSize: descriptor.size,
      bytesDownloaded: tally.bytes,
      bytesFromCache: bytesFromCache(session, metadata, {
        planned: finished.plan.layers[index] as LayerPlan,
        plan: finished.plan,
      }),
      bytesFromSeed: isInPlace ? descriptor.size : 0,
      requests: tally.requests,
      milliseconds: finished.layers[index]?.milliseconds ?? 0,
    };
  });
}

function isChunked(metadata: LayerMetadata): boolean {
  return metadata.kind === 'chunked' || metadata.chunked !== undefined || metadata.reason !== undefined;
}

function formatName(mediaType: string): LayerReport['format'] {
  const compression = layerCompression(mediaType);
  return compression === 'none' ? 'tar' : compression;
}

/** Compressed bytes of the layer that lay in packs of the store before this pull. */
function bytesFromCache(
  { store }: PullSession,
  metadata: LayerMetadata,
  { planned, plan }: { planned: LayerPlan; plan: FetchPlan },
): number {
  const isCached = (file: number) => {
    const where = plan.files[file];
    return where?.kind === 'stored' && store.packAt(where.path) !== undefined;
  };
  if (planned.kind === 'plain') return isCached(planned.file) ? planned.compressedSize : 0;
  const { files, compressedSizes } = planned.sources;
  const cachedFiles = plan.files.map((_, file) => isCached(file));
  let bytes = 0;
  files.forEach((file, chunk) => {
    if (cachedFiles[file]) bytes += compressedSizes[chunk] as number;
  });
  if (metadata.kind === 'chunked' && store.packAt(metadata.tarSplit.path))
    bytes += metadata.tarSplit.compressedSize + metadata.toc.compressedSize;
  return bytes;
}
