import { type ByteRange, rangeLength } from '../bytes/range.ts';
import { MAX_METADATA_BYTES } from '../layer/annotations.ts';
import { detectDialect, locateToc } from '../layer/dialect.ts';
import { parseFooter } from '../layer/footer.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { digestKeyOfHex } from '../oci/digest-key.ts';
import { fetchBlobEnd } from './blob-end.ts';
import { chunked, wholeIfBetter } from './described-layer.ts';
import { readExternal } from './external-toc.ts';
import { readFooter } from './footer.ts';
import type { ChunkedDialect, LayerMetadata, MetadataContext } from './layer-metadata.ts';
import { jobFor, type LocatedLayer, metadataSpan, nameOf, tocRange, wantsEntries } from './located-layer.ts';
import { findNamed, isNamed, isStored, keep } from './stored-metadata.ts';

/**
 * A smaller eStargz layer is taken whole: two requests for its footer and its TOC cost more than they can spare, as only files larger
 * than a chunk (4 MiB, usually) have anything to spare.
 */
export const MIN_ESTARGZ_SIZE = 256 << 10;

/** Chunking is only an optimisation: whatever is wrong with a layer's metadata makes it plain. Throws what the source throws, STORE_FAILED, DISK_FULL. */
export async function readLayerMetadata(
  descriptor: Descriptor,
  context: MetadataContext,
): Promise<LayerMetadata> {
  const dialect = detectDialect(descriptor);
  if (dialect.kind === 'plain') return dialect;
  const { store } = context;
  const takesPart = context.trustsToc === true && dialect.kind !== 'maybe';
  const isWanted = takesPart || (context.expectsChunks === true && dialect.kind === 'zstd-chunked');
  if (isStored(descriptor, store) || (isNamed(descriptor) && !store.holdsFrames && !isWanted))
    return { kind: 'plain', chunked: dialect };
  if (dialect.kind === 'zstd-chunked') return readLocated({ descriptor, dialect, located: dialect }, context);
  if (descriptor.size < MIN_ESTARGZ_SIZE && !takesPart) return { kind: 'plain', chunked: dialect };
  const footer = await readFooter(descriptor, context);
  if (footer.kind === 'whole') return receivedWhole(dialect, footer.isKept);
  const located = locateToc(dialect, parseFooter(footer.bytes, descriptor.size), descriptor.size);
  if (located.kind === 'located')
    return readLocated({ descriptor, dialect, located, footer: footer.at }, context);
  const { tail, at } = footer;
  if (located.kind === 'external')
    return readExternal({ descriptor, dialect, located, footer: at, tail }, context);
  const { reason } = located;
  return { kind: 'plain', tail, ...(reason === undefined ? {} : { reason }) };
}

async function readLocated(layer: LocatedLayer, context: MetadataContext): Promise<LayerMetadata> {
  const known = (await readKnown(layer, context)) ?? (await readTocAlone(layer, context));
  if (known) return known;
  const { descriptor, dialect } = layer;
  const span = metadataSpan(layer);
  if (!span) return { kind: 'plain', reason: 'its TOC and tar-split do not lie side by side' };
  const end = await fetchBlobEnd(descriptor, span, context);
  if (end.kind === 'whole') return receivedWhole(dialect, end.isKept);
  return readFetched(layer, { ...end, span }, context);
}

/**
 * Where the table of contents is all the proof that is wanted, the tar-split is not needed: of a reference image it is 43 % of the
 * metadata. undefined: it was not enough, or more than was asked for came; all of it is wanted then.
 */
async function readTocAlone(
  layer: LocatedLayer,
  context: MetadataContext,
): Promise<LayerMetadata | undefined> {
  const { descriptor, located } = layer;
  if (!located.tarSplit || !wantsEntries(layer, context)) return undefined;
  const span = located.toc.range;
  if (rangeLength(span) > MAX_METADATA_BYTES) return undefined;
  const end = await fetchBlobEnd(descriptor, span, context);
  if (end.kind === 'whole') return receivedWhole(layer.dialect, end.isKept);
  const alone = { ...layer, located: { ...located, tarSplit: undefined } };
  const metadata = await readFetched(alone, { ...end, span }, context);
  return metadata.kind === 'chunked' && !metadata.entries ? undefined : metadata;
}

/** A layer that may be chunked has claimed nothing, and owes nobody a reason. */
function receivedWhole(dialect: ChunkedDialect, isKept: boolean): LayerMetadata {
  const reason = dialect.kind === 'maybe' ? {} : { reason: 'the server ignores ranges' };
  return { kind: 'plain', ...reason, ...(isKept ? { chunked: dialect } : {}) };
}

async function readFetched(
  layer: LocatedLayer,
  end: { readonly path: string; readonly offset: number; readonly span: ByteRange },
  context: MetadataContext,
): Promise<LayerMetadata> {
  const { descriptor, located } = layer;
  const { path, span } = end;
  const at = (range: ByteRange) => ({
    path,
    offset: end.offset + range.start - span.start,
    compressedSize: rangeLength(range),
  });
  const toc = at(tocRange(layer));
  const { tarSplit } = located;
  const split = tarSplit && { ...at(tarSplit.range), digest: tarSplit.digest };
  const outcome = await context.readToc({
    ...jobFor(layer, toc, context),
    ...(split ? { tarSplit: split } : {}),
  });
  // Whoever sent this would send the whole layer no better.
  if (outcome.kind === 'corrupt') context.source.distrust?.(descriptor.digest);
  if (outcome.kind !== 'toc') return { kind: 'plain', reason: outcome.reason };
  const whole = wholeIfBetter(layer, outcome, context);
  const { start } = span;
  if (whole)
    return {
      ...whole,
      ...(span.end === descriptor.size ? { tail: { start, path, offset: end.offset } } : {}),
    };
  const named = { ...toc, ...nameOf(layer, tocRange(layer), located.toc.digest) };
  const metadata = chunked(layer, outcome, { toc: named, split });
  await keep(metadata.blobs, context);
  return metadata;
}

/** Both out of the store, or undefined. A damaged TOC is forgotten; a damaged tar-split shows when the layer is rebuilt. */
async function readKnown(layer: LocatedLayer, context: MetadataContext): Promise<LayerMetadata | undefined> {
  const { store } = context;
  const { located } = layer;
  const range = tocRange(layer);
  const toc = await findNamed(nameOf(layer, range, located.toc.digest), range, store);
  if (!toc) return undefined;
  const outcome = await context.readToc(jobFor(layer, toc, context));
  if (outcome.kind === 'unusable') return { kind: 'plain', reason: outcome.reason };
  if (outcome.kind === 'corrupt') {
    store.forget(toc.form, digestKeyOfHex(toc.hex), toc.compressedSize);
    context.emit({ kind: 'warning', message: `a damaged cache entry was not used (${outcome.reason})` });
    return undefined;
  }
  const whole = wholeIfBetter(layer, outcome, context);
  if (whole) return whole;
  if (!located.tarSplit) return chunked(layer, outcome, { toc, split: undefined });
  const { range: splitRange } = located.tarSplit;
  const digest = outcome.tarSplitDigest ?? located.tarSplit.digest;
  const split = await findNamed(nameOf(layer, splitRange, digest), splitRange, store);
  if (!split) return outcome.entries && chunked(layer, outcome, { toc, split: undefined });
  return chunked(layer, outcome, { toc, split: { ...split, digest } });
}
