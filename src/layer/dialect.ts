// Recognises every kind of chunked layer, first by the annotations of its descriptor, then by the footer of its blob.
import { type ByteRange, rangeLength } from '../bytes/range.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { type LayerCompression, layerCompression } from '../oci/media-type.ts';
import { PREFIXES, parsePosition, SKIPPABLE_HEADER_SIZE, TOC_TYPE } from './annotations.ts';
import type { Footer, FooterFault } from './footer.ts';
import { isSha256 } from './toc-document.ts';

/**
 * A smaller layer without annotations is not worth a request for its footer, in bytes. Hardly any layer without them is chunked: a
 * request that is in vain may take a tenth of the time that the layer takes, 20 ms against 160 ms at 100 MB/s.
 */
export const MIN_PROBED_SIZE = 16 << 20;

const STARGZ_TOC_DIGEST = 'containerd.io/snapshot/stargz/toc.digest';
const UNCOMPRESSED_SIZE = 'io.containers.estargz.uncompressed-size';

/** What the descriptor alone tells. */
export type Dialect =
  /** `reason` is absent for a layer that never claimed to be chunked. */
  | { readonly kind: 'plain'; readonly reason?: DialectFault }
  | (LocatedToc & { readonly kind: 'zstd-chunked' })
  /** By its annotation; where its TOC is, and how it is compressed, the footer has to tell. */
  | {
      readonly kind: 'estargz';
      /** Of the TOC's JSON. */
      readonly jsonDigest: Digest;
      /** Bytes of the tar stream, as the writer says. */
      readonly uncompressedSize: number | undefined;
    }
  /** Not annotated, and large enough to look for a footer. */
  | { readonly kind: 'maybe' };

/** Where a chunked layer's own description lies in its blob. Ranges are on the compressed side. */
export interface LocatedToc {
  /** What the TOC, the chunks and everything between them are compressed with. The TOC in gzip is inside of a tar archive. */
  readonly compression: 'gzip' | 'zstd';
  readonly toc: {
    readonly range: ByteRange;
    /** Of the bytes in that range, and of the JSON in them: where the manifest gives them. Without either nothing vouches for the TOC. */
    readonly digest: Digest | undefined;
    readonly jsonDigest: Digest | undefined;
  };
  /** `digest`: where the manifest gives it. */
  readonly tarSplit: { readonly range: ByteRange; readonly digest: Digest | undefined } | undefined;
  /** Chunks lie in [0, dataEnd). */
  readonly dataEnd: number;
  /** The tar stream is what [0, streamEnd) decodes to. */
  readonly streamEnd: number;
}

export type DialectFault =
  | FooterFault
  | 'its TOC annotations are malformed'
  | 'its tar-split annotations are malformed'
  | 'its TOC is in another image, which nothing vouches for'
  | 'its format gives no digests of chunks';

/**
 * Has stargz-snapshotter written the layer, by its own account? Then files of its own are in the archive (see stargz-names.ts). Asked
 * of the descriptor alone, so that the answer is the same however the layer was had.
 */
export function isStargzLayer({ annotations }: Descriptor): boolean {
  return (
    annotations[STARGZ_TOC_DIGEST] !== undefined &&
    annotations[`${PREFIXES[0]}manifest-checksum`] === undefined
  );
}

/** Anything malformed makes the layer plain, with the reason: chunking is only an optimisation. */
export function detectDialect(descriptor: Descriptor): Dialect {
  const { annotations, size } = descriptor;
  const prefix = PREFIXES.find((candidate) => annotations[`${candidate}manifest-checksum`] !== undefined);
  if (prefix !== undefined) return zstdChunked(descriptor, prefix);
  const jsonDigest = annotations[STARGZ_TOC_DIGEST];
  if (jsonDigest !== undefined) {
    if (!isSha256(jsonDigest)) return { kind: 'plain', reason: 'its TOC annotations are malformed' };
    return { kind: 'estargz', jsonDigest, uncompressedSize: parseSize(annotations[UNCOMPRESSED_SIZE]) };
  }
  return size >= MIN_PROBED_SIZE && compressionOf(descriptor) !== 'none'
    ? { kind: 'maybe' }
    : { kind: 'plain' };
}

/** stargz-snapshotter gives both digests, and no tar-split. */
function zstdChunked({ annotations, size }: Descriptor, prefix: string): Dialect {
  const digest = annotations[`${prefix}manifest-checksum`];
  const jsonDigest = annotations[STARGZ_TOC_DIGEST];
  const toc = parsePosition(annotations[`${prefix}manifest-position`], size, 4);
  const isSound = toc && toc.type === TOC_TYPE && toc.range.start >= SKIPPABLE_HEADER_SIZE;
  if (!isSha256(digest) || !isSound || rangeLength(toc.range) === 0)
    return { kind: 'plain', reason: 'its TOC annotations are malformed' };
  const position = annotations[`${prefix}tarsplit-position`];
  const tarSplit = parsePosition(position, size, 3);
  const splitDigest = annotations[`${prefix}tarsplit-checksum`];
  if ((position !== undefined && !tarSplit) || (splitDigest !== undefined && !isSha256(splitDigest)))
    return { kind: 'plain', reason: 'its tar-split annotations are malformed' };
  const dataEnd = toc.range.start - SKIPPABLE_HEADER_SIZE;
  return {
    kind: 'zstd-chunked',
    compression: 'zstd',
    toc: { range: toc.range, digest, jsonDigest: isSha256(jsonDigest) ? jsonDigest : undefined },
    tarSplit: tarSplit && { range: tarSplit.range, digest: splitDigest },
    dataEnd,
    streamEnd: dataEnd,
  };
}

/** A number that is only shown, or compared with. */
function parseSize(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function compressionOf({ mediaType }: Descriptor): LayerCompression {
  try {
    return layerCompression(mediaType);
  } catch {
    return 'none';
  }
}

export type Located =
  | (LocatedToc & { readonly kind: 'located' })
  /** The TOC is in another image. The rest is as in LocatedToc; the footer decodes to nothing. */
  | {
      readonly kind: 'external';
      readonly compression: 'gzip';
      readonly jsonDigest: Digest;
      readonly dataEnd: number;
      readonly streamEnd: number;
    }
  | { readonly kind: 'plain'; readonly reason?: DialectFault };

/** A layer that has been looked at closer. `blobSize`: of the blob whose footer it is. */
export function locateToc(
  dialect: Extract<Dialect, { kind: 'estargz' | 'maybe' }>,
  footer: Footer,
  blobSize: number,
): Located {
  const jsonDigest = dialect.kind === 'estargz' ? dialect.jsonDigest : undefined;
  if (footer.kind === 'none') {
    const isExpected = dialect.kind === 'estargz' || footer.reason !== 'it has no footer';
    return isExpected ? { kind: 'plain', reason: footer.reason } : { kind: 'plain' };
  }
  const { dataEnd } = footer;
  if (footer.kind === 'estargz-external')
    return jsonDigest === undefined
      ? { kind: 'plain', reason: 'its TOC is in another image, which nothing vouches for' }
      : { kind: 'external', compression: 'gzip', jsonDigest, dataEnd, streamEnd: dataEnd };
  const toc = { range: footer.tocRange, digest: undefined, jsonDigest };
  if (footer.kind === 'zstd-chunked') {
    const tarSplit = footer.tarSplitRange && { range: footer.tarSplitRange, digest: undefined };
    return { kind: 'located', compression: 'zstd', toc, tarSplit, dataEnd, streamEnd: dataEnd };
  }
  if (footer.kind === 'stargz') return { kind: 'plain', reason: 'its format gives no digests of chunks' };
  // The TOC is an entry of the archive, or an archive behind it: either way it counts for the diffId.
  const streamEnd = blobSize;
  return { kind: 'located', compression: 'gzip', toc, tarSplit: undefined, dataEnd, streamEnd };
}
