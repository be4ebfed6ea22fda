// The last bytes of a chunked layer say where its table of contents is. They carry no digest: what they lead to proves nothing yet.
// eStargz: https://github.com/containerd/stargz-snapshotter/blob/main/docs/estargz.md#footer
// zstd:chunked: https://github.com/containers/storage/blob/main/pkg/chunked/internal/minimal/compression.go
import { type ByteRange, rangeLength } from '../bytes/range.ts';
import { MAX_METADATA_BYTES, SKIPPABLE_HEADER_SIZE, TOC_TYPE } from './annotations.ts';
import { MAX_TOC_SIZE } from './toc.ts';

/** As much of the end of a blob as the longest footer takes, in bytes. */
export const FOOTER_TAIL_BYTES = 72;

export type Footer =
  | {
      readonly kind: 'zstd-chunked';
      /** The zstd frame of the TOC, without the skippable header in front of it. */
      readonly tocRange: ByteRange;
      /** As the writer says. */
      readonly tocUncompressedSize: number;
      /** The zstd frame of the tar-split. Writers before 2023 made none, and one generation does not name it here. */
      readonly tarSplitRange: ByteRange | undefined;
      /** Chunks and all else of the tar stream lie in [0, dataEnd). */
      readonly dataEnd: number;
    }
  | {
      /** stargz: the older format without digests of chunks. */
      readonly kind: 'estargz' | 'stargz';
      /** The gzip member of the TOC: a tar archive with one file. */
      readonly tocRange: ByteRange;
      readonly dataEnd: number;
    }
  /** The TOC is in another image. */
  | { readonly kind: 'estargz-external'; readonly dataEnd: number }
  | { readonly kind: 'none'; readonly reason: FooterFault };

export type FooterFault =
  | 'it has no footer'
  | 'its footer is malformed'
  | 'its footer points outside of the blob'
  | 'its TOC is too large';

/** `tail`: the last bytes of the blob, FOOTER_TAIL_BYTES or all there are. Never throws for bad content. */
export function parseFooter(tail: Uint8Array, blobSize: number): Footer {
  if (tail.length > blobSize) return none('it has no footer');
  const bytes = Buffer.from(tail.buffer, tail.byteOffset, tail.byteLength);
  return parseZstdFooter(bytes, blobSize) ?? parseGzipFooter(bytes, blobSize) ?? none('it has no footer');
}

function none(reason: FooterFault): Footer {
  return { kind: 'none', reason };
}

const SKIPPABLE_MAGIC = 0x184d2a50; // to 0x184d2a5f
/** Payload of the footer's frame and its magic, by generation. The second one left its tar-split fields out by mistake. */
const ZSTD_FOOTERS = [
  { size: 64, magic: 'GNUlInUx', magicAt: 56 },
  { size: 56, magic: 'GnUlInUx', magicAt: 32 },
  { size: 40, magic: 'GnUlInUx', magicAt: 32 },
] as const;

function parseZstdFooter(tail: Buffer, blobSize: number): Footer | undefined {
  for (const { size, magic, magicAt } of ZSTD_FOOTERS) {
    const start = tail.length - size;
    if (start < SKIPPABLE_HEADER_SIZE) continue;
    const frameMagic = tail.readUInt32LE(start - SKIPPABLE_HEADER_SIZE);
    if ((frameMagic & 0xfffffff0) >>> 0 !== SKIPPABLE_MAGIC || tail.readUInt32LE(start - 4) !== size)
      continue;
    if (tail.toString('latin1', start + magicAt, start + magicAt + magic.length) !== magic) continue;
    const fields = numbersOf(tail.subarray(start, start + magicAt));
    return fields ? zstdFooter(fields, blobSize - size - SKIPPABLE_HEADER_SIZE) : malformed();
  }
  return undefined;
}

/** Little-endian numbers of 64 bits; undefined where one is larger than a double can hold. */
function numbersOf(bytes: Buffer): number[] | undefined {
  const numbers: number[] = [];
  for (let at = 0; at < bytes.length; at += 8) numbers.push(Number(bytes.readBigUInt64LE(at)));
  return numbers.every(Number.isSafeInteger) ? numbers : undefined;
}

/** `limit`: where the footer's own frame begins. */
function zstdFooter(fields: readonly number[], limit: number): Footer {
  const [offset = 0, length = 0, tocUncompressedSize = 0, type, splitOffset = 0, splitLength = 0] = fields;
  if (type !== TOC_TYPE || length === 0) return malformed();
  const tocRange = { start: offset, end: offset + length };
  if (offset < SKIPPABLE_HEADER_SIZE || tocRange.end > limit) return outside();
  const tarSplitRange =
    splitOffset === 0 ? undefined : { start: splitOffset, end: splitOffset + splitLength };
  if (tarSplitRange && (tarSplitRange.start < tocRange.end || tarSplitRange.end > limit)) return outside();
  if (length > MAX_METADATA_BYTES || splitLength > MAX_METADATA_BYTES || tocUncompressedSize > MAX_TOC_SIZE)
    return none('its TOC is too large');
  const dataEnd = offset - SKIPPABLE_HEADER_SIZE;
  return { kind: 'zstd-chunked', tocRange, tocUncompressedSize, tarSplitRange, dataEnd };
}

/** An empty gzip member with an extra field, as text in which one character is a byte; RFC 1952, 2.3. */
const gzipFooter = (extra: string) =>
  new RegExp(
    `^\\x1f\\x8b\\x08\\x04\\0\\0\\0\\0\\0\\xff${extra}\\x01\\0\\0\\xff\\xff\\0\\0\\0\\0\\0\\0\\0\\0$`,
  );
const GZIP_FOOTERS = [
  { kind: 'estargz', size: 51, pattern: gzipFooter('\\x1a\\0SG\\x16\\0([0-9a-f]{16})STARGZ') },
  { kind: 'stargz', size: 47, pattern: gzipFooter('\\x16\\0([0-9a-f]{16})STARGZ') },
  { kind: 'estargz-external', size: 46, pattern: gzipFooter('\\x15\\0SG\\x11\\0STARGZEXTERNALTOC') },
] as const;

function parseGzipFooter(tail: Buffer, blobSize: number): Footer | undefined {
  for (const { kind, size, pattern } of GZIP_FOOTERS) {
    if (tail.length < size) continue;
    const match = pattern.exec(tail.toString('latin1', tail.length - size));
    if (!match) continue;
    const end = blobSize - size;
    if (kind === 'estargz-external') return { kind, dataEnd: end };
    const start = Number.parseInt(match[1] ?? '', 16);
    if (!Number.isSafeInteger(start)) return malformed();
    if (start >= end) return outside();
    const tocRange = { start, end };
    if (rangeLength(tocRange) > MAX_METADATA_BYTES) return none('its TOC is too large');
    return { kind, tocRange, dataEnd: start };
  }
  return undefined;
}

function malformed(): Footer {
  return none('its footer is malformed');
}

function outside(): Footer {
  return none('its footer points outside of the blob');
}
