// The table of contents of an eStargz layer that holds none itself: from the store, or out of the image beside its own.
import { MAX_METADATA_BYTES } from '../layer/annotations.ts';
import type { Located } from '../layer/dialect.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { digestKeyOfHex } from '../oci/digest-key.ts';
import type { BlobTail } from '../plan/fetch-plan.ts';
import { outsideTocName } from '../store/part-name.ts';
import type { BlobAt, MetadataBlob } from './blob-at.ts';
import { type BlobEndContext, fetchBlobEnd } from './blob-end.ts';
import { chunked, wholeIfBetter } from './described-layer.ts';
import type { ReadTocJob } from './jobs.ts';
import type { ChunkedDialect, LayerMetadata, MetadataContext } from './layer-metadata.ts';
import { findNamed, isNamed, keep } from './stored-metadata.ts';
import { isUnavailable, type TocImage, whyNot } from './toc-image.ts';

const TOO_LARGE = { kind: 'corrupt', reason: 'its TOC is too large' } as const;

export type ExternalToc = Extract<Located, { kind: 'external' }>;

export interface ExternalLayer {
  readonly descriptor: Descriptor;
  readonly dialect: ChunkedDialect;
  readonly located: ExternalToc;
  readonly footer: MetadataBlob;
  /** The end of the blob, which is the footer. */
  readonly tail: BlobTail;
}

/** As readLayerMetadata. */
export async function readExternal(layer: ExternalLayer, context: MetadataContext): Promise<LayerMetadata> {
  const { descriptor, located, tail } = layer;
  const known = await readKnown(layer, context);
  if (known) return known;
  const toc = await fetchExternalToc(descriptor, context);
  if (toc.kind === 'none') return { kind: 'plain', tail, reason: toc.reason };
  const { at, descriptor: found } = toc;
  const outcome = await context.readToc({
    ...externalTocJob(located, at),
    // The manifest of the TOC image proves nothing, but whose fault it is.
    digest: isNamed(found) ? found.digest : undefined,
    ...streamOf(layer, context),
  });
  // Where the bytes are right and not the JSON, the image of the TOC is to blame, whoever sent it.
  const isSendersFault = outcome.kind === 'corrupt' && (outcome.of === 'bytes' || !isNamed(found));
  if (isSendersFault) context.source.distrust?.(found.digest);
  if (outcome.kind !== 'toc') return { kind: 'plain', tail, reason: outcome.reason };
  const whole = wholeIfBetter(described(layer), outcome, context);
  if (whole) return { ...whole, tail };
  const metadata = chunked(described(layer), outcome, {
    toc: { ...at, ...nameOf(descriptor, located.jsonDigest) },
    split: undefined,
  });
  await keep(metadata.blobs, context);
  return metadata;
}

/** Out of the store, or undefined. A damaged one is forgotten. */
async function readKnown(layer: ExternalLayer, context: MetadataContext): Promise<LayerMetadata | undefined> {
  const { descriptor, located, tail } = layer;
  const { store } = context;
  const name = nameOf(descriptor, located.jsonDigest);
  // How large it is only its image tells; whatever is found has to hash to the annotation.
  const found = await findNamed(name, undefined, store);
  if (!found) return undefined;
  const job = { ...externalTocJob(located, found), ...streamOf(layer, context) };
  const isTooLarge = found.compressedSize > MAX_METADATA_BYTES;
  const outcome = isTooLarge ? TOO_LARGE : await context.readToc(job);
  // It was of use when it was kept, so that whatever is wrong with it has happened since.
  if (outcome.kind !== 'toc') {
    store.forget(name.form, digestKeyOfHex(name.hex), found.size);
    context.emit({ kind: 'warning', message: `a damaged cache entry was not used (${outcome.reason})` });
    return undefined;
  }
  const whole = wholeIfBetter(described(layer), outcome, context);
  if (whole) return { ...whole, tail };
  return chunked(described(layer), outcome, { toc: { ...found, ...name }, split: undefined });
}

function described({ descriptor, dialect, located, footer }: ExternalLayer) {
  return { descriptor, dialect, located: { ...located, tarSplit: undefined }, footer };
}

function nameOf({ digest }: Descriptor, jsonDigest: Digest) {
  return { form: 'part', hex: outsideTocName(digest, jsonDigest), isOutside: true } as const;
}

function streamOf(
  { descriptor, located }: ExternalLayer,
  { trustsToc = false }: MetadataContext,
): Pick<ReadTocJob, 'wantsEntries' | 'stream'> {
  return { wantsEntries: trustsToc, stream: { layer: descriptor.digest, end: located.streamEnd } };
}

export type FetchedToc =
  /** Not verified. `descriptor`: what the TOC image calls it. */
  | { readonly kind: 'fetched'; readonly at: BlobAt; readonly descriptor: Descriptor }
  | { readonly kind: 'none'; readonly reason: string };

/** To a place that lasts as long as this pull. Throws ABORTED, STORE_FAILED, DISK_FULL: a source that fails is a reason. */
export async function fetchExternalToc(
  { digest }: Pick<Descriptor, 'digest'>,
  context: BlobEndContext & { readonly tocImage: TocImage },
): Promise<FetchedToc> {
  const place = await context.tocImage.find(digest);
  if (place.kind === 'none') return place;
  const { descriptor } = place;
  const compressedSize = descriptor.size;
  try {
    const end = await fetchBlobEnd(descriptor, { start: 0, end: compressedSize }, context);
    if (end.kind === 'whole') return { kind: 'none', reason: 'its TOC cannot be had' };
    return { kind: 'fetched', at: { path: end.path, offset: end.offset, compressedSize }, descriptor };
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    return { kind: 'none', reason: whyNot(error, `blob ${descriptor.digest}`) };
  }
}

/** Reads its chunks; `jsonDigest` is all the proof there is. */
export function externalTocJob(
  { compression, jsonDigest, dataEnd }: ExternalToc,
  { path, offset, compressedSize }: BlobAt,
): ReadTocJob {
  return { path, offset, compressedSize, compression, digest: undefined, jsonDigest, dataEnd };
}
