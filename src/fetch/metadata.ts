// Finds out what a layer is made of: reads its table of contents and its tar-split, from the store or by one range request.
import { open } from 'node:fs/promises';
import { type ByteRange, rangeLength } from '../bytes/range.ts';
import { PullError, toPullError } from '../errors.ts';
import { type ChunkedLayer, detectLayerFormat, MAX_METADATA_BYTES } from '../layer/annotations.ts';
import type { ChunkTable } from '../layer/chunk-table.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { type Digest, digestHex } from '../oci/digest.ts';
import { digestKeyOfHex } from '../oci/digest-key.ts';
import { isBetterWhole } from '../plan/costs.ts';
import type { BlobTail } from '../plan/fetch-plan.ts';
import type { Staging } from '../store/staging.ts';
import type { ChunkStore } from '../store/store.ts';
import { type BlobEndContext, fetchBlobEnd } from './blob-end.ts';
import type { ReadTocJob, ReadTocOutcome } from './jobs.ts';

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
   * chunked, and whole all the same, because all of it is at hand, or next to nothing that it shares; `table`: its chunks,
   * where they have been read already.
   */
  | {
      readonly kind: 'plain';
      readonly reason?: string;
      readonly chunked?: ChunkedLayer;
      readonly table?: ChunkTable;
      readonly tail?: BlobTail;
    };

export interface MetadataContext extends BlobEndContext {
  readonly store: ChunkStore;
  readonly readToc: (job: ReadTocJob) => Promise<ReadTocOutcome>;
}

/** Bytes behind TOC and tar-split (a footer of 72, usually) that are fetched along with them. */
const MAX_FOOTER_BYTES = 4096;
const COPY_BYTES = 1 << 20;

/** Chunking is only an optimisation: whatever is wrong with a layer's metadata makes it plain. Throws what the source throws, STORE_FAILED, DISK_FULL. */
export async function readLayerMetadata(
  descriptor: Descriptor,
  context: MetadataContext,
): Promise<LayerMetadata> {
  const format = detectLayerFormat(descriptor);
  if (format.kind === 'plain') return format;
  const { store } = context;
  if (isStored(descriptor, store) || (isNamed(descriptor) && !store.holdsFrames))
    return { kind: 'plain', chunked: format };
  const known = await readKnown(descriptor, format, context);
  if (known) return known;
  const span = metadataSpan(format, descriptor.size);
  if (!span) return { kind: 'plain', reason: 'its TOC and tar-split do not lie side by side' };
  const end = await fetchBlobEnd(descriptor, span, context);
  if (end.kind === 'whole') {
    const reason = 'the server ignores ranges';
    return end.isKept ? { kind: 'plain', reason, chunked: format } : { kind: 'plain', reason };
  }
  return readFetched(descriptor, { format, span, end }, context);
}

/** TOC, tar-split and what little stands around them up to the end of the blob; undefined where they are apart, or too large. */
function metadataSpan({ toc, tarSplit, dataEnd }: ChunkedLayer, size: number): ByteRange | undefined {
  const end = Math.max(toc.range.end, tarSplit.range.end);
  if (end - toc.range.start > 2 * MAX_METADATA_BYTES || tarSplit.range.start < toc.range.end)
    return undefined;
  return { start: dataEnd, end: size - end <= MAX_FOOTER_BYTES ? size : end };
}

async function readFetched(
  descriptor: Descriptor,
  {
    format,
    span,
    end,
  }: { format: ChunkedLayer; span: ByteRange; end: { readonly path: string; readonly offset: number } },
  context: MetadataContext,
): Promise<LayerMetadata> {
  const { path } = end;
  const at = (range: ByteRange) => ({
    offset: end.offset + range.start - span.start,
    compressedSize: rangeLength(range),
  });
  const toc = { path, ...at(format.toc.range), digest: format.toc.digest };
  const split = { path, ...at(format.tarSplit.range), digest: format.tarSplit.digest };
  const outcome = await context.readToc({ ...toc, dataEnd: format.dataEnd, tarSplit: split });
  // Whoever sent this would send the whole layer no better.
  if (outcome.kind === 'corrupt') context.source.distrust?.(descriptor.digest);
  if (outcome.kind !== 'toc') return { kind: 'plain', reason: outcome.reason };
  const { table } = outcome;
  const { start } = span;
  const tail = span.end === descriptor.size ? { tail: { start, path, offset: end.offset } } : {};
  if (isMostlyMissing(descriptor, { ...format, table }, context.store))
    return { kind: 'plain', chunked: format, table, ...tail };
  const tarSplit = { ...split, digest: outcome.tarSplitDigest ?? format.tarSplit.digest };
  await keep([toc, tarSplit], context.staging);
  return chunked(format, table, tarSplit);
}

/**
 * A whole blob is one frame after the other: no archive to put together, and its digest covers fewer bytes than its diffId.
 * Much faster than chunk by chunk; see docs/performance.md.
 */
function isMostlyMissing(
  descriptor: Descriptor,
  layer: { readonly table: ChunkTable; readonly dataEnd: number },
  store: ChunkStore,
): boolean {
  const isAtHand = (form: 'frame' | 'blob', key: string, size: number) =>
    store.find(form, key, size) !== undefined;
  return isNamed(descriptor) && isBetterWhole(layer, isAtHand);
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
async function readKnown(
  descriptor: Descriptor,
  format: ChunkedLayer,
  context: MetadataContext,
): Promise<LayerMetadata | undefined> {
  const { store } = context;
  const stored = findBlob(format.toc.digest, format.toc.range, store);
  if (!stored) return undefined;
  const outcome = await context.readToc({ ...stored, digest: format.toc.digest, dataEnd: format.dataEnd });
  if (outcome.kind === 'unusable') return { kind: 'plain', reason: outcome.reason };
  if (outcome.kind === 'corrupt') {
    store.forget('blob', digestKeyOfHex(digestHex(format.toc.digest)), rangeLength(format.toc.range));
    context.emit({ kind: 'warning', message: `a damaged cache entry was not used (${outcome.reason})` });
    return undefined;
  }
  const { table } = outcome;
  if (isMostlyMissing(descriptor, { ...format, table }, store))
    return { kind: 'plain', chunked: format, table };
  const digest = outcome.tarSplitDigest ?? format.tarSplit.digest;
  const tarSplit = digest && findBlob(digest, format.tarSplit.range, store);
  if (!tarSplit) return undefined;
  return chunked(format, table, { ...tarSplit, digest });
}

function findBlob(digest: Digest, range: ByteRange, store: ChunkStore): BlobAt | undefined {
  return store.find('blob', digestKeyOfHex(digestHex(digest)), rangeLength(range));
}

/** Copies what later pulls may need into a pack, and makes it findable. A tar-split without a name is not kept. */
async function keep(
  blobs: readonly (BlobAt & { readonly digest: Digest | undefined })[],
  staging: Staging,
): Promise<void> {
  const pack = await staging.pack(0);
  for (const { digest, path, offset: from, compressedSize } of blobs) {
    if (!digest) continue;
    const offset = staging.reserve(compressedSize);
    let done = 0;
    for await (const bytes of readStaged({ path, offset: from, compressedSize })) {
      await pack.write(offset + done, [bytes]);
      done += bytes.length;
    }
    await staging.adopt(0, [
      { form: 'blob', hex: digestHex(digest), offset, compressedSize, size: compressedSize },
    ]);
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
  format: ChunkedLayer,
  table: ChunkTable,
  tarSplit: BlobAt & { digest: Digest | undefined },
): LayerMetadata {
  const toc = { digest: format.toc.digest, compressedSize: rangeLength(format.toc.range) };
  return { kind: 'chunked', table, dataEnd: format.dataEnd, toc, tarSplit };
}
