// Finds out what a layer is made of: reads its table of contents and its tar-split, from the store or by a range request.
import { open } from 'node:fs/promises';
import { type ByteRange, rangeLength } from '../bytes/range.ts';
import { PullError, toPullError } from '../errors.ts';
import { MAX_METADATA_BYTES } from '../layer/annotations.ts';
import type { ChunkTable } from '../layer/chunk-table.ts';
import { type Dialect, detectDialect, type LocatedToc, locateToc } from '../layer/dialect.ts';
import { parseFooter } from '../layer/footer.ts';
import type { WholeReason } from '../layer/gap-table.ts';
import type { PackedEntries } from '../layer/packed-entries.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { type Digest, digestHex } from '../oci/digest.ts';
import { digestKeyOfHex } from '../oci/digest-key.ts';
import { isBetterWhole } from '../plan/costs.ts';
import type { BlobTail } from '../plan/fetch-plan.ts';
import { partName } from '../store/part-name.ts';
import type { Staging } from '../store/staging.ts';
import type { ChunkStore } from '../store/store.ts';
import type { BlobAt, MetadataBlob } from './blob-at.ts';
import { type BlobEndContext, fetchBlobEnd } from './blob-end.ts';
import { readFooter } from './footer.ts';
import type { ReadTocJob, ReadTocOutcome } from './jobs.ts';

export type ChunkedDialect = Exclude<Dialect, { kind: 'plain' }>;

export type LayerMetadata =
  | {
      readonly kind: 'chunked';
      /** Chunks by tar entry, for a layer with a tar-split; else the pieces of its tar stream, see piece-table.ts. */
      readonly table: ChunkTable;
      /** All that the table names lies in [0, dataEnd) of the blob. */
      readonly dataEnd: number;
      /** TOC, tar-split, footer. */
      readonly blobs: readonly MetadataBlob[];
      /** `digest`: where something vouches for it. */
      readonly tarSplit: (MetadataBlob & { readonly digest: Digest | undefined }) | undefined;
      /** Its entries, where the TOC is to be trusted with them: then the table has all chunks by entry. */
      readonly entries?: PackedEntries;
    }
  /**
   * To be taken whole. `reason`: why, for a layer that is chunked and should have been taken apart. `chunked`: it is
   * chunked, or may be, and whole all the same, because all of it is at hand, or next to nothing that it shares; `table`: its
   * chunks, where they have been read already.
   */
  | {
      readonly kind: 'plain';
      readonly reason?: string;
      readonly chunked?: ChunkedDialect;
      readonly table?: ChunkTable;
      readonly tail?: BlobTail;
    };

export interface MetadataContext extends BlobEndContext {
  readonly store: ChunkStore;
  readonly readToc: (job: ReadTocJob) => Promise<ReadTocOutcome>;
  /** Take a TOC that the manifest vouches for in place of the tar stream: then nothing has to be fetched but what is needed. */
  readonly trustsToc?: boolean;
}

/** Bytes behind TOC and tar-split (a footer of 72, usually) that are fetched along with them. */
const MAX_FOOTER_BYTES = 4096;
const COPY_BYTES = 1 << 20;
/**
 * A smaller eStargz layer is taken whole: two requests for its footer and its TOC cost more than they can spare, as only files larger
 * than a chunk (4 MiB, usually) have anything to spare.
 */
const MIN_ESTARGZ_SIZE = 256 << 10;

const WHOLE_REASONS: Readonly<Record<WholeReason, string | undefined>> = {
  'no chunks': undefined,
  'no chunk stands alone': 'its files are compressed together with the headers between them',
  'chunks share members': 'its files are compressed together',
  'chunks out of order': 'its TOC holds chunks that overlap or are out of order',
};

/** Chunking is only an optimisation: whatever is wrong with a layer's metadata makes it plain. Throws what the source throws, STORE_FAILED, DISK_FULL. */
export async function readLayerMetadata(
  descriptor: Descriptor,
  context: MetadataContext,
): Promise<LayerMetadata> {
  const dialect = detectDialect(descriptor);
  if (dialect.kind === 'plain') return dialect;
  const { store } = context;
  const takesPart = context.trustsToc === true && dialect.kind !== 'maybe';
  if (isStored(descriptor, store) || (isNamed(descriptor) && !store.holdsFrames && !takesPart))
    return { kind: 'plain', chunked: dialect };
  if (dialect.kind === 'zstd-chunked') return readLocated({ descriptor, dialect, located: dialect }, context);
  if (descriptor.size < MIN_ESTARGZ_SIZE && !takesPart) return { kind: 'plain', chunked: dialect };
  const footer = await readFooter(descriptor, context);
  if (footer.kind === 'whole') return receivedWhole(dialect, footer.isKept);
  const located = locateToc(dialect, parseFooter(footer.bytes, descriptor.size), descriptor.size);
  if (located.kind === 'located')
    return readLocated({ descriptor, dialect, located, footer: footer.at }, context);
  const reason = located.kind === 'external' ? 'its TOC is in another image' : located.reason;
  return { kind: 'plain', tail: footer.tail, ...(reason === undefined ? {} : { reason }) };
}

/** A layer that knows where its TOC is. `footer`: where it was needed for that. */
interface LocatedLayer {
  readonly descriptor: Descriptor;
  readonly dialect: ChunkedDialect;
  readonly located: LocatedToc;
  readonly footer?: MetadataBlob;
}

async function readLocated(layer: LocatedLayer, context: MetadataContext): Promise<LayerMetadata> {
  const known = await readKnown(layer, context);
  if (known) return known;
  const { descriptor, dialect } = layer;
  const span = metadataSpan(layer);
  if (!span) return { kind: 'plain', reason: 'its TOC and tar-split do not lie side by side' };
  const end = await fetchBlobEnd(descriptor, span, context);
  if (end.kind === 'whole') return receivedWhole(dialect, end.isKept);
  return readFetched(layer, { ...end, span }, context);
}

/** A layer that may be chunked has claimed nothing, and owes nobody a reason. */
function receivedWhole(dialect: ChunkedDialect, isKept: boolean): LayerMetadata {
  const reason = dialect.kind === 'maybe' ? {} : { reason: 'the server ignores ranges' };
  return { kind: 'plain', ...reason, ...(isKept ? { chunked: dialect } : {}) };
}

/** TOC, tar-split and what little stands around them up to the end of the blob; undefined where they are apart, or too large. */
function metadataSpan({ located, descriptor }: LocatedLayer): ByteRange | undefined {
  const { toc, tarSplit, dataEnd } = located;
  const end = Math.max(toc.range.end, tarSplit?.range.end ?? 0);
  if (end - toc.range.start > 2 * MAX_METADATA_BYTES) return undefined;
  if (tarSplit && tarSplit.range.start < toc.range.end) return undefined;
  const { size } = descriptor;
  return { start: dataEnd, end: size - end <= MAX_FOOTER_BYTES ? size : end };
}

/** The TOC as it is kept. That of eStargz with all that follows, which is the end of the tar stream as well. */
function tocRange({ located, descriptor }: LocatedLayer): ByteRange {
  const { compression, toc } = located;
  return compression === 'gzip' ? { start: toc.range.start, end: descriptor.size } : toc.range;
}

/** What a range of the layer is called in the store. */
function nameOf(
  { descriptor }: LocatedLayer,
  range: ByteRange,
  digest: Digest | undefined,
): Pick<MetadataBlob, 'form' | 'hex'> {
  return digest
    ? { form: 'blob', hex: digestHex(digest) }
    : { form: 'part', hex: partName(descriptor.digest, range) };
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
  const whole = wholeIfBetter(layer, outcome, context.store);
  const { start } = span;
  if (whole)
    return {
      ...whole,
      ...(span.end === descriptor.size ? { tail: { start, path, offset: end.offset } } : {}),
    };
  const metadata = chunked(layer, outcome, { toc, split });
  await keep(metadata.blobs, context);
  return metadata;
}

function jobFor(
  { descriptor, located }: LocatedLayer,
  toc: BlobAt,
  { trustsToc = false }: MetadataContext,
): ReadTocJob {
  const { compression, dataEnd, streamEnd, tarSplit } = located;
  const { digest, jsonDigest } = located.toc;
  const stream = tarSplit ? {} : { stream: { layer: descriptor.digest, end: streamEnd } };
  const wantsEntries = trustsToc && (digest !== undefined || jsonDigest !== undefined);
  return { ...toc, compression, digest, jsonDigest, dataEnd, wantsEntries, ...stream };
}

type TocOutcome = Extract<ReadTocOutcome, { kind: 'toc' }>;

/**
 * A whole blob is one frame after the other: no archive to put together, and its digest covers fewer bytes than its diffId.
 * Much faster than chunk by chunk; see docs/performance.md.
 */
function wholeIfBetter(
  { descriptor, dialect, located }: LocatedLayer,
  { table, pieces, entries }: TocOutcome,
  store: ChunkStore,
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
  return isNamed(descriptor) && isBetterWhole(layer, isAtHand) ? whole : undefined;
}

function isStored({ digest, size }: Descriptor, store: ChunkStore): boolean {
  return (
    isNamed({ digest }) && store.find('blob', digestKeyOfHex(digestHex(digest as Digest)), size) !== undefined
  );
}

/** Only sha256 names blobs in the store. */
function isNamed({ digest }: Pick<Descriptor, 'digest'>): boolean {
  return digest.startsWith('sha256:');
}

/** Both out of the store, or undefined. A damaged TOC is forgotten; a damaged tar-split shows when the layer is rebuilt. */
async function readKnown(layer: LocatedLayer, context: MetadataContext): Promise<LayerMetadata | undefined> {
  const { store } = context;
  const { located } = layer;
  const range = tocRange(layer);
  const toc = findNamed(nameOf(layer, range, located.toc.digest), range, store);
  if (!toc) return undefined;
  const outcome = await context.readToc(jobFor(layer, toc, context));
  if (outcome.kind === 'unusable') return { kind: 'plain', reason: outcome.reason };
  if (outcome.kind === 'corrupt') {
    store.forget(toc.form, digestKeyOfHex(toc.hex), toc.compressedSize);
    context.emit({ kind: 'warning', message: `a damaged cache entry was not used (${outcome.reason})` });
    return undefined;
  }
  const whole = wholeIfBetter(layer, outcome, store);
  if (whole) return whole;
  if (!located.tarSplit) return chunked(layer, outcome, { toc, split: undefined });
  const { range: splitRange } = located.tarSplit;
  const digest = outcome.tarSplitDigest ?? located.tarSplit.digest;
  const split = findNamed(nameOf(layer, splitRange, digest), splitRange, store);
  if (!split) return outcome.entries && chunked(layer, outcome, { toc, split: undefined });
  return chunked(layer, outcome, { toc, split: { ...split, digest } });
}

function findNamed(
  name: Pick<MetadataBlob, 'form' | 'hex'>,
  range: ByteRange,
  store: ChunkStore,
): MetadataBlob | undefined {
  const found = store.find(name.form, digestKeyOfHex(name.hex), rangeLength(range));
  return found && { ...found, ...name };
}

/** Copies what later pulls may need into a pack, and makes it findable. */
async function keep(blobs: readonly MetadataBlob[], { staging, store }: MetadataContext): Promise<void> {
  for (const { form, hex, ...at } of blobs) {
    const { compressedSize } = at;
    if (store.find(form, digestKeyOfHex(hex), compressedSize)) continue;
    const offset = staging.reserve(compressedSize);
    await copy(at, offset, staging);
    await staging.adopt(0, [{ form, hex, offset, compressedSize, size: compressedSize }]);
  }
}

async function copy(
  { path, offset: from, compressedSize }: BlobAt,
  to: number,
  staging: Staging,
): Promise<void> {
  const pack = await staging.pack(0);
  let done = 0;
  for await (const bytes of readStaged({ path, offset: from, compressedSize })) {
    await pack.write(to + done, [bytes]);
    done += bytes.length;
  }
}

/** What was written and is read again. Each piece is overwritten by the next. Throws STORE_FAILED. */
async function* readStaged({ path, offset, compressedSize }: BlobAt): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.alloc(Math.min(COPY_BYTES, compressedSize));
  try {
    await using file = await open(path, 'r');
    for (let done = 0; done < compressedSize; ) {
      const length = Math.min(bytes.length, compressedSize - done);
      const { bytesRead } = await file.read(bytes, 0, length, offset + done);
      if (bytesRead === 0)
        throw new PullError('STORE_FAILED', `${path} is shorter than what was written to it`);
      yield bytes.subarray(0, bytesRead);
      done += bytesRead;
    }
  } catch (cause) {
    throw toPullError(cause, { code: 'STORE_FAILED', message: `${path} cannot be read` });
  }
}

function chunked(
  layer: LocatedLayer,
  { table, pieces, tarSplitDigest, entries }: TocOutcome,
  at: {
    readonly toc: BlobAt;
    readonly split: (BlobAt & { readonly digest: Digest | undefined }) | undefined;
  },
): LayerMetadata & { kind: 'chunked' } {
  const { located, footer } = layer;
  const toc = { ...at.toc, ...nameOf(layer, tocRange(layer), located.toc.digest) };
  const blobs = [toc, ...(footer ? [footer] : [])];
  const digest = tarSplitDigest ?? at.split?.digest;
  const tarSplit =
    at.split && located.tarSplit
      ? { ...at.split, ...nameOf(layer, located.tarSplit.range, digest), digest }
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
