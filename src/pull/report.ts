// What a pull did, layer by layer, as the summary and the outputs tell it.
import type { LayerMetadata } from '../fetch/layer-metadata.ts';
import type { LayerTally } from '../fetch/tally.ts';
import { detectDialect } from '../layer/dialect.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { layerCompression } from '../oci/media-type.ts';
import type { FetchPlan, LayerPlan } from '../plan/fetch-plan.ts';
import type { LayerOutcome } from '../unpack/job.ts';
import type { WrittenImage } from '../unpack/output.ts';
import type { SkipReport } from '../unpack/skips.ts';
import type { UnpackedPart } from '../unpack/unpacker.ts';
import { isLocal } from './live-packs.ts';
import type { LayerChain, LayerReport } from './result.ts';
import type { PullSession } from './session.ts';

export interface Finished {
  readonly plan: FetchPlan;
  readonly metadata: readonly LayerMetadata[];
  readonly layers: readonly LayerOutcome[];
  readonly skipped: SkipReport;
  readonly part: UnpackedPart | undefined;
  readonly written: WrittenImage | undefined;
}

export function reportLayers(session: PullSession, finished: Finished): LayerReport[] {
  return session.layers.map((descriptor, index) => {
    const metadata = finished.metadata[index] as LayerMetadata;
    const tally = session.tallies[index] as LayerTally;
    const isInPlace = isLocal(finished.plan, index);
    const reason = metadata.kind === 'plain' ? metadata.reason : undefined;
    return {
      digest: descriptor.digest,
      format: formatName(descriptor.mediaType, isChunked(descriptor, metadata)),
      way: isInPlace
        ? 'local'
        : tally.bytes === 0
          ? 'cached'
          : metadata.kind === 'chunked'
            ? 'ranges'
            : 'whole',
      ...(reason === undefined ? {} : { reason }),
      chain: chainOf(session, metadata, { planned: finished.plan.layers[index], plan: finished.plan }),
      compressedSize: descriptor.size,
      bytesDownloaded: tally.bytes,
      bytesFromCache: Math.min(
        descriptor.size,
        bytesFromCache(session, metadata, {
          planned: finished.plan.layers[index] as LayerPlan,
          plan: finished.plan,
        }),
      ),
      bytesFromSeed: isInPlace ? descriptor.size : 0,
      requests: tally.requests,
      milliseconds: finished.layers[index]?.milliseconds ?? 0,
    };
  });
}

function chainOf(
  { store }: PullSession,
  metadata: LayerMetadata,
  { planned, plan }: { planned: LayerPlan | undefined; plan: FetchPlan },
): LayerChain {
  if (metadata.kind === 'chunked') return metadata.entries ? 'toc' : 'diff-id';
  const file = planned?.kind === 'plain' ? plan.files[planned.file] : undefined;
  return file?.kind === 'stored' && store.packAt(file.path) !== undefined ? 'digest' : 'diff-id';
}

/** By what is known of it: a layer that may be chunked and was never looked at counts as plain. */
export function isChunked(descriptor: Descriptor, metadata: LayerMetadata): boolean {
  if (metadata.kind === 'chunked' || metadata.reason !== undefined || metadata.table) return true;
  const { kind } = detectDialect(descriptor);
  return kind === 'zstd-chunked' || kind === 'estargz';
}

export function formatName(mediaType: string, isChunked: boolean): LayerReport['format'] {
  const compression = layerCompression(mediaType);
  if (compression === 'none') return 'tar';
  if (!isChunked) return compression;
  return compression === 'gzip' ? 'estargz' : 'zstd:chunked';
}

function pathOf(plan: FetchPlan, file: number): string | undefined {
  const where = plan.files[file];
  return where?.kind === 'new' ? undefined : where?.path;
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
  if (metadata.kind !== 'chunked') return bytes;
  // The TOC of eStargz is a part of the tar stream too, and then is one of the pieces.
  const { gaps = new Uint8Array(), offsets } = planned.sources;
  const places = new Set<string>();
  gaps.forEach((isGap, piece) => {
    if (isGap) places.add(`${offsets[piece]} ${pathOf(plan, files[piece] as number)}`);
  });
  for (const { path, offset, compressedSize } of metadata.blobs)
    if (store.packAt(path) && !places.has(`${offset} ${path}`)) bytes += compressedSize;
  return bytes;
}
