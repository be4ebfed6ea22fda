// From a table of contents that has been read to what is known of its layer, wherever it came from.
import type { WholeReason } from '../layer/gap-table.ts';
import type { Digest } from '../oci/digest.ts';
import { isBetterWhole } from '../plan/costs.ts';
import type { BlobAt, MetadataBlob } from './blob-at.ts';
import type { ReadTocOutcome } from './jobs.ts';
import type { LayerMetadata, MetadataContext } from './layer-metadata.ts';
import { type LocatedLayer, nameOf } from './located-layer.ts';
import { isNamed } from './stored-metadata.ts';

const WHOLE_REASONS: Readonly<Record<WholeReason, string | undefined>> = {
  'no chunks': undefined,
  'no chunk stands alone': 'its files are compressed together with the headers between them',
  'chunks share members': 'its files are compressed together',
  'chunks out of order': 'its TOC holds chunks that overlap or are out of order',
};

/** As much of a LocatedLayer as does not tell where its TOC is. */
export type DescribedLayer = Omit<LocatedLayer, 'located'> & {
  readonly located: Pick<LocatedLayer['located'], 'dataEnd' | 'streamEnd' | 'tarSplit'>;
};

export type TocOutcome = Extract<ReadTocOutcome, { kind: 'toc' }>;

/**
 * A whole blob is one frame after the other: no archive to put together, and its digest covers fewer bytes than its diffId.
 * Much faster than chunk by chunk; see docs/performance.md.
 */
export function wholeIfBetter(
  { descriptor, dialect, located }: DescribedLayer,
  { table, pieces, entries }: TocOutcome,
  { store, expectsChunks }: MetadataContext,
): (LayerMetadata & { kind: 'plain' }) | undefined {
  if (entries) return undefined;
  const whole = { kind: 'plain', chunked: dialect, table } as const;
  if (typeof pieces === 'string') {
    const reason = WHOLE_REASONS[pieces];
    return reason === undefined ? whole : { ...whole, reason };
  }
  const layer = pieces ? { table: pieces, dataEnd: located.streamEnd } : { table, dataEnd: located.dataEnd };
  const isAtHand = (form: 'frame' | 'blob' | 'part', key: string, size: number) =>
    store.find(form, key, size) !== undefined;
  return isNamed(descriptor) && !expectsChunks && isBetterWhole(layer, isAtHand) ? whole : undefined;
}

interface Described {
  readonly toc: MetadataBlob;
  readonly split: (BlobAt & { readonly digest: Digest | undefined }) | undefined;
}

export function chunked(
  { descriptor, located, footer }: DescribedLayer,
  { table, pieces, tarSplitDigest, entries }: TocOutcome,
  { toc, split }: Described,
): LayerMetadata & { kind: 'chunked' } {
  const blobs = [toc, ...(footer ? [footer] : [])];
  const digest = tarSplitDigest ?? split?.digest;
  const tarSplit =
    split && located.tarSplit
      ? { ...split, ...nameOf({ descriptor }, located.tarSplit.range, digest), digest }
      : undefined;
  if (tarSplit) blobs.push(tarSplit);
  if (entries)
    return { kind: 'chunked', table, dataEnd: located.dataEnd, blobs, tarSplit: undefined, entries };
  if (!tarSplit) {
    const stream = pieces && typeof pieces !== 'string' ? pieces : table;
    return { kind: 'chunked', table: stream, dataEnd: located.streamEnd, blobs, tarSplit: undefined };
  }
  return { kind: 'chunked', table, dataEnd: located.dataEnd, blobs, tarSplit };
}
