import type { ByteRange } from '../bytes/range.ts';
import { MAX_METADATA_BYTES } from '../layer/annotations.ts';
import type { LocatedToc } from '../layer/dialect.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { type Digest, digestHex } from '../oci/digest.ts';
import { partName } from '../store/part-name.ts';
import type { BlobAt, MetadataBlob } from './blob-at.ts';
import type { ReadTocJob } from './jobs.ts';
import type { ChunkedDialect, MetadataContext } from './layer-metadata.ts';

/** Bytes behind TOC and tar-split (a footer of 72, usually) that are fetched along with them. */
const MAX_FOOTER_BYTES = 4096;

/** A layer that knows where its TOC is. `footer`: where it was needed for that. */
export interface LocatedLayer {
  readonly descriptor: Descriptor;
  readonly dialect: ChunkedDialect;
  readonly located: LocatedToc;
  readonly footer?: MetadataBlob;
}

/** TOC, tar-split and what little stands around them up to the end of the blob; undefined where they are apart, or too large. */
export function metadataSpan({ located, descriptor }: LocatedLayer): ByteRange | undefined {
  const { toc, tarSplit, dataEnd } = located;
  const end = Math.max(toc.range.end, tarSplit?.range.end ?? 0);
  if (end - toc.range.start > 2 * MAX_METADATA_BYTES) return undefined;
  if (tarSplit && tarSplit.range.start < toc.range.end) return undefined;
  const { size } = descriptor;
  return { start: dataEnd, end: size - end <= MAX_FOOTER_BYTES ? size : end };
}

/** The TOC as it is kept. That of eStargz with all that follows, which is the end of the tar stream as well. */
export function tocRange({ located, descriptor }: LocatedLayer): ByteRange {
  const { compression, toc } = located;
  return compression === 'gzip' ? { start: toc.range.start, end: descriptor.size } : toc.range;
}

/** What a range of the layer is called in the store. */
export function nameOf(
  { descriptor }: Pick<LocatedLayer, 'descriptor'>,
  range: ByteRange,
  digest: Digest | undefined,
): Pick<MetadataBlob, 'form' | 'hex'> {
  return digest
    ? { form: 'blob', hex: digestHex(digest) }
    : { form: 'part', hex: partName(descriptor.digest, range) };
}

export function jobFor(layer: LocatedLayer, toc: BlobAt, context: MetadataContext): ReadTocJob {
  const { descriptor, located } = layer;
  const { compression, dataEnd, streamEnd, tarSplit } = located;
  const { digest, jsonDigest } = located.toc;
  const stream = tarSplit ? {} : { stream: { layer: descriptor.digest, end: streamEnd } };
  return {
    ...toc,
    compression,
    digest,
    jsonDigest,
    dataEnd,
    wantsEntries: wantsEntries(layer, context),
    ...stream,
  };
}

/** Only what the manifest vouches for can prove anything. */
export function wantsEntries({ located }: LocatedLayer, { trustsToc = false }: MetadataContext): boolean {
  const { digest, jsonDigest } = located.toc;
  return trustsToc && (digest !== undefined || jsonDigest !== undefined);
}
