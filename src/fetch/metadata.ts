// Finds out what a layer is made of: reads its table of contents and its tar-split, from the store or by one range request.
import { type ByteRange, rangeLength } from '../bytes/range.ts';
import { PullError } from '../errors.ts';
import { type ChunkedLayer, detectLayerFormat, MAX_METADATA_BYTES } from '../layer/annotations.ts';
import type { ChunkTable } from '../layer/chunk-table.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { type Digest, digestHex } from '../oci/digest.ts';
import { digestKeyOfHex } from '../oci/digest-key.ts';
import type { Emit } from '../progress/events.ts';
import type { ImageSource } from '../source/source.ts';
import type { Staging } from '../store/staging.ts';
import type { ChunkStore } from '../store/store.ts';
import type { ReadTocJob, ReadTocOutcome } from './jobs.ts';
import type { LayerTally } from './tally.ts';

/** Stored bytes that are complete. */
export interface BlobAt {
  readonly path: string;
  readonly offset: number;
  readonly compressedSize: number;
}

export type LayerMetadata =
  | {
      readonly kind: 'chunked';
      readonly table: ChunkTable;
      readonly dataEnd: number;
      readonly toc: { readonly digest: Digest; readonly compressedSize: number };
      readonly tarSplit: BlobAt & { readonly digest: Digest | undefined };
    }
  /**
   * To be taken whole. `reason`: why, for a layer that is chunked and should have been taken apart. `chunked`: it is
   * chunked, and whole all the same, because all of it is at hand, or nothing that it could share a chunk with.
   */
  | { readonly kind: 'plain'; readonly reason?: string; readonly chunked?: ChunkedLayer };

export interface MetadataContext {
  readonly source: ImageSource;
  readonly store: ChunkStore;
  readonly staging: Staging;
  readonly readToc: (job: ReadTocJob) => Promise<ReadTocOutcome>;
  readonly tally: LayerTally;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** Chunking is only an optimisation: whatever is wrong with a layer's metadata makes it plain. Throws what the source throws. */
export async function readLayerMetadata(
  descriptor: Descriptor,
  context: MetadataContext,
): Promise<LayerMetadata> {
  const format = detectLayerFormat(descriptor);
  if (format.kind === 'plain') return format;
  if (isBetterWhole(descriptor, context.store)) return { kind: 'plain', chunked: format };
  const known = await readKnown(format, context);
  if (known) return known;
  const span = {
    start: format.toc.range.start,
    end: Math.max(format.toc.range.end, format.tarSplit.range.end),
  };
  if (rangeLength(span) > 2 * MAX_METADATA_BYTES || format.tarSplit.range.start < format.toc.range.end) {
    return { kind: 'plain', reason: 'its TOC and tar-split do not lie side by side' };
  }
  const offset = await fetchSpan(descriptor, span, context);
  if (offset === undefined) return { kind: 'plain', reason: 'the server ignores ranges' };
  const { path } = await context.staging.pack(0);
  const toc = { path, offset, compressedSize: rangeLength(format.toc.range) };
  const split = {
    offset: offset + format.tarSplit.range.start - span.start,
    compressedSize: rangeLength(format.tarSplit.range),
    digest: format.tarSplit.digest,
  };
  const outcome = await context.readToc({
    ...toc,
    digest: format.toc.digest,
    dataEnd: format.dataEnd,
    tarSplit: split,
  });
  if (outcome.kind !== 'toc') return { kind: 'plain', reason: outcome.reason };
  const digest = outcome.tarSplitDigest ?? format.tarSplit.digest;
  const tarSplit = { ...split, path, digest };
  await keep({ toc: { ...toc, digest: format.toc.digest }, tarSplit }, context.staging);
  return chunked(format, outcome.table, tarSplit);
}

/**
 * A whole blob is one frame after the other: no table of contents to read, no archive to put together, and its digest covers
 * fewer bytes than its diffId. Much faster than chunk by chunk; see docs/performance.md.
 */
function isBetterWhole({ digest, size }: Descriptor, store: ChunkStore): boolean {
  if (!digest.startsWith('sha256:')) return false;
  return store.find('blob', digestKeyOfHex(digestHex(digest)), size) !== undefined || !store.holdsFrames;
}

/** Both out of the store, or undefined. A damaged TOC is forgotten; a damaged tar-split shows when the layer is rebuilt. */
async function readKnown(format: ChunkedLayer, context: MetadataContext): Promise<LayerMetadata | undefined> {
  const stored = findBlob(format.toc.digest, format.toc.range, context.store);
  if (!stored) return undefined;
  const outcome = await context.readToc({ ...stored, digest: format.toc.digest, dataEnd: format.dataEnd });
  if (outcome.kind === 'unusable') return { kind: 'plain', reason: outcome.reason };
  if (outcome.kind === 'corrupt') {
    context.store.forget('blob', digestKeyOfHex(digestHex(format.toc.digest)), rangeLength(format.toc.range));
    context.emit({ kind: 'warning', message: `a damaged cache entry was not used (${outcome.reason})` });
    return undefined;
  }
  const digest = outcome.tarSplitDigest ?? format.tarSplit.digest;
  const tarSplit = digest && findBlob(digest, format.tarSplit.range, context.store);
  if (!tarSplit) return undefined;
  return chunked(format, outcome.table, { ...tarSplit, digest });
}

function findBlob(digest: Digest, range: ByteRange, store: ChunkStore): BlobAt | undefined {
  return store.find('blob', digestKeyOfHex(digestHex(digest)), rangeLength(range));
}

/** Writes the span into the staging area and returns its offset; undefined where the server sends something else. */
async function fetchSpan(
  descriptor: Descriptor,
  span: ByteRange,
  context: MetadataContext,
): Promise<number | undefined> {
  const { source, staging, tally, signal } = context;
  tally.requests++;
  const cancel = new AbortController();
  const body = await source.openBlob(descriptor, span, AbortSignal.any([signal, cancel.signal]));
  if (body.range.start !== span.start || body.range.end !== span.end) {
    cancel.abort();
    return undefined;
  }
  const offset = staging.reserve(rangeLength(span));
  const pack = await staging.pack(0);
  let written = 0;
  for await (const bytes of body.chunks) {
    tally.bytes += bytes.length;
    context.emit({ kind: 'received', bytes: bytes.length });
    await pack.write(offset + written, [bytes]);
    written += bytes.length;
  }
  if (written !== rangeLength(span))
    throw new PullError('RESPONSE_INVALID', `${source.name}: the answer to a range request ended early`);
  return offset;
}

async function keep(
  found: { toc: BlobAt & { digest: Digest }; tarSplit: BlobAt & { digest: Digest | undefined } },
  staging: Staging,
): Promise<void> {
  const blobs = [found.toc, found.tarSplit].flatMap(({ digest, offset, compressedSize }) =>
    digest
      ? [{ form: 'blob' as const, hex: digestHex(digest), offset, compressedSize, size: compressedSize }]
      : [],
  );
  await staging.adopt(0, blobs);
}

function chunked(
  format: ChunkedLayer,
  table: ChunkTable,
  tarSplit: BlobAt & { digest: Digest | undefined },
): LayerMetadata {
  const toc = { digest: format.toc.digest, compressedSize: rangeLength(format.toc.range) };
  return { kind: 'chunked', table, dataEnd: format.dataEnd, toc, tarSplit };
}
