// The last bytes of a pack: that it is one, whole, and where its table is.
import { digestOf } from '../integrity/hash.ts';
import { digestHex } from '../oci/digest.ts';

/** Of the directory, the cache entries, and packs that hold frames and blobs only. */
export const PACK_VERSION = 1;
/**
 * Of packs that hold anything newer: their table has a column more. A program that knows only version 1 takes them for no packs,
 * and fetches what is in them.
 */
const WIDE_PACK_VERSION = 2;
/** magic 8, version 4, count 4, table offset 8, table length 8, sha256 of the table 32. */
export const TRAILER_SIZE = 64;
const MAGIC = Buffer.from('OCIPULL\n');
/** Chunks in one pack. */
export const MAX_PACK_ENTRIES = 2_000_000;
/** Stored bytes of a table: what that many entries take if none of it compresses, and some room. */
const MAX_TABLE_BYTES = 128 << 20;
/** Stored bytes of an entry, on average, that a table is believed for; small packs are given some slack. */
export const MIN_ENTRY_BYTES = 8;
const MIN_SLACK = 4096;

export interface PackTrailer {
  readonly count: number;
  readonly tableOffset: number;
  readonly tableLength: number;
  readonly tableDigest: string;
  readonly isWide: boolean;
}

/** A zstd frame has at least nine bytes, and there are few smaller blobs: a table cannot be much longer than its chunks, which end at `end`. */
export function isBelievable(count: number, end: number): boolean {
  return count * MIN_ENTRY_BYTES <= end + MIN_SLACK;
}

export function encodeTrailer(
  { count, tableOffset, isWide }: Pick<PackTrailer, 'count' | 'tableOffset' | 'isWide'>,
  table: Buffer,
): Buffer {
  const trailer = Buffer.alloc(TRAILER_SIZE);
  MAGIC.copy(trailer, 0);
  trailer.writeUInt32LE(isWide ? WIDE_PACK_VERSION : PACK_VERSION, 8);
  trailer.writeUInt32LE(count, 12);
  trailer.writeBigUInt64LE(BigInt(tableOffset), 16);
  trailer.writeBigUInt64LE(BigInt(table.length), 24);
  trailer.write(digestHex(digestOf(table)), 32, 'hex');
  return trailer;
}

/** undefined for anything that is no trailer of a whole pack of this version and this size. */
export function decodeTrailer(trailer: Buffer, fileSize: number): PackTrailer | undefined {
  if (trailer.length !== TRAILER_SIZE || trailer.compare(MAGIC, 0, 8, 0, 8) !== 0) return undefined;
  const version = trailer.readUInt32LE(8);
  if (version !== PACK_VERSION && version !== WIDE_PACK_VERSION) return undefined;
  const count = trailer.readUInt32LE(12);
  const tableOffset = Number(trailer.readBigUInt64LE(16));
  const tableLength = Number(trailer.readBigUInt64LE(24));
  if (count > MAX_PACK_ENTRIES || !isBelievable(count, tableOffset) || tableLength > MAX_TABLE_BYTES)
    return undefined;
  if (tableOffset + tableLength + TRAILER_SIZE !== fileSize) return undefined;
  const tableDigest = trailer.toString('hex', 32, 64);
  return { count, tableOffset, tableLength, tableDigest, isWide: version === WIDE_PACK_VERSION };
}
