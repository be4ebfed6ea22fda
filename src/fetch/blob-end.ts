// Fetches the end of a chunked layer's blob, where its table of contents and its tar-split lie, or the whole blob where the server
// sends nothing less.
import { type ByteRange, rangeLength } from '../bytes/range.ts';
import { PullError } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { digestHex } from '../oci/digest.ts';
import type { Emit } from '../progress/events.ts';
import type { BlobBody, ImageSource } from '../source/source.ts';
import type { StagedPack } from '../store/staged-pack.ts';
import type { Staging } from '../store/staging.ts';
import { GroupWriter } from './group-writer.ts';
import type { LayerTally } from './tally.ts';

export interface BlobEndContext {
  readonly source: ImageSource;
  readonly staging: Staging;
  readonly tally: LayerTally;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export type BlobEnd =
  /** The first byte of the range lies at `offset` of the file. */
  | { readonly kind: 'range'; readonly path: string; readonly offset: number }
  /** `isKept`: all of the blob has been received, and can be found in the store under its digest. */
  | { readonly kind: 'whole'; readonly isKept: boolean };

/** Throws what the source throws, and RESPONSE_INVALID for an answer that ends early. */
export async function fetchBlobEnd(
  descriptor: Descriptor,
  range: ByteRange,
  context: BlobEndContext,
): Promise<BlobEnd> {
  const { source, staging, tally, signal } = context;
  tally.requests++;
  const cancel = new AbortController();
  const body = await source.openBlob(descriptor, range, AbortSignal.any([signal, cancel.signal]));
  const isRange = body.range.start === range.start && body.range.end === range.end;
  if (isRange) {
    if (rangeLength(range) < descriptor.size) tally.ranges++;
    const { file, offset } = await staging.scratch(rangeLength(range));
    await receive(body, { file, offset }, context);
    return { kind: 'range', path: file.path, offset };
  }
  // Only sha256 names blobs in the store: another one could not be found again.
  if (descriptor.digest.startsWith('sha256:')) {
    await receiveWhole(descriptor, body, context);
    return { kind: 'whole', isKept: true };
  }
  cancel.abort();
  return { kind: 'whole', isKept: false };
}

/** What comes unasked is what the layer is made of: it is kept rather than fetched twice. */
async function receiveWhole(descriptor: Descriptor, body: BlobBody, context: BlobEndContext): Promise<void> {
  const { staging } = context;
  const { digest, size } = descriptor;
  const at = { file: await staging.pack(0), offset: staging.reserve(size) };
  await receive(body, at, context);
  const hex = digestHex(digest);
  await staging.adopt(0, [{ form: 'blob', hex, offset: at.offset, compressedSize: size, size }]);
}

async function receive(
  { range, chunks }: BlobBody,
  { file, offset }: { file: StagedPack; offset: number },
  { source, tally, emit }: BlobEndContext,
): Promise<void> {
  const group = {
    range,
    pieces: [range],
    layer: 0,
    pack: 0,
    packOffset: offset,
    keptBytes: rangeLength(range),
  };
  const writer = new GroupWriter(group, file, () => undefined);
  let position = range.start;
  let isComplete = false;
  for await (const bytes of chunks) {
    tally.bytes += bytes.length;
    emit({ kind: 'received', bytes: bytes.length });
    isComplete = await writer.accept(bytes, position);
    position += bytes.length;
  }
  if (!isComplete)
    throw new PullError('RESPONSE_INVALID', `${source.name}: the answer to a range request ended early`);
}
