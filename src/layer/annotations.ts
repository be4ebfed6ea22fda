// The annotations by which the descriptor of a zstd:chunked layer says where its table of contents and its tar-split are.
// https://github.com/containers/storage/blob/main/pkg/chunked/internal/minimal/compression.go
import type { ByteRange } from '../bytes/range.ts';

/** Compressed size of a table of contents or a tar-split that we are willing to fetch. */
export const MAX_METADATA_BYTES = 64 << 20;

/** The current prefix, and the one that tools wrote before 2023; stargz-snapshotter still does. */
export const PREFIXES = ['io.github.containers.zstd-chunked.', 'io.containers.zstd-chunked.'] as const;
export const SKIPPABLE_HEADER_SIZE = 8; // RFC 8878, 3.1.2: the TOC's frame is the payload of a skippable frame
export const TOC_TYPE = 1;

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
