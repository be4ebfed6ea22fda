// Recognises zstd:chunked layers by the annotations of their descriptor.
// https://github.com/containers/storage/blob/main/pkg/chunked/internal/minimal/compression.go
import { type ByteRange, rangeLength } from '../bytes/range.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { isSha256 } from './toc-document.ts';

/** Compressed size of a table of contents or a tar-split that we are willing to fetch. */
export const MAX_METADATA_BYTES = 64 << 20;

/** Where a chunked layer's own description lies in its blob. Ranges are on the compressed side. */
export interface ChunkedLayer {
  readonly kind: 'chunked';
  /** The zstd frame of the TOC, and the digest of that frame. */
  readonly toc: { readonly range: ByteRange; readonly digest: Digest };
  /** The zstd frame of the tar-split; its digest only where the manifest gives it (else the TOC does). */
  readonly tarSplit: { readonly range: ByteRange; readonly digest: Digest | undefined };
  /** Chunks lie in [0, dataEnd). */
  readonly dataEnd: number;
}

/** A layer that has to be fetched whole. `reason` is absent for a layer that never claimed to be chunked. */
export interface PlainLayer {
  readonly kind: 'plain';
  readonly reason?: string;
}

export type LayerFormat = ChunkedLayer | PlainLayer;

/** The current prefix, and the one that tools wrote before 2023; stargz-snapshotter still does. */
export const PREFIXES = ['io.github.containers.zstd-chunked.', 'io.containers.zstd-chunked.'] as const;
export const SKIPPABLE_HEADER_SIZE = 8; // RFC 8878, 3.1.2: the TOC's frame is the payload of a skippable frame
export const TOC_TYPE = 1;

/** Decides from the descriptor alone. Anything malformed makes the layer plain, with the reason: chunking is only an optimisation. */
export function detectLayerFormat(descriptor: Descriptor): LayerFormat {
  const { annotations } = descriptor;
  const prefix = PREFIXES.find((candidate) => annotations[`${candidate}manifest-checksum`] !== undefined);
  if (prefix === undefined) return { kind: 'plain' };
  const digest = annotations[`${prefix}manifest-checksum`] ?? '';
  const toc = parsePosition(annotations[`${prefix}manifest-position`], descriptor.size, 4);
  if (!isSha256(digest) || !toc || toc.type !== TOC_TYPE) return plain('its TOC annotations are malformed');
  const tarSplit = parsePosition(annotations[`${prefix}tarsplit-position`], descriptor.size, 3);
  if (!tarSplit) return plain('it has no tar-split');
  if (toc.range.start < SKIPPABLE_HEADER_SIZE || rangeLength(toc.range) === 0)
    return plain('its TOC annotations are malformed');
  const splitDigest = annotations[`${prefix}tarsplit-checksum`];
  if (splitDigest !== undefined && !isSha256(splitDigest))
    return plain('its tar-split annotations are malformed');
  return {
    kind: 'chunked',
    toc: { range: toc.range, digest },
    tarSplit: { range: tarSplit.range, digest: splitDigest },
    dataEnd: toc.range.start - SKIPPABLE_HEADER_SIZE,
  };
}

function plain(reason: string): PlainLayer {
  return { kind: 'plain', reason };
}

/** `offset:length:lengthUncompressed[:type]`, inside of the blob. */
export function parsePosition(
  text: string | undefined,
  blobSize: number,
  fields: 3 | 4,
): { range: ByteRange; type: number | undefined } | undefined {
  if (text === undefined || !/^\d{1,15}(:\d{1,15}){2,3}$/.test(text)) return undefined;
  const [start, length, , type, ...rest] = text.split(':').map(Number) as [number, number, number, number?];
  if (rest.length > 0 || (type === undefined) !== (fields === 3)) return undefined;
  if (length > MAX_METADATA_BYTES || start + length > blobSize) return undefined;
  return { range: { start, end: start + length }, type };
}
