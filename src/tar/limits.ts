// How much of a tar stream's own description is held in memory.

/** Bytes of a pax header or a GNU long name; Go's archive/tar has the same limit. */
export const MAX_EXTENDED_HEADER = 1 << 20;

/** Bytes of the extended attributes of one entry: Linux allows 64 KiB a value and 64 KiB of names (xattr(7)). */
export const MAX_XATTR_BYTES = 64 << 10;

/** Regions of a sparse file. Each costs 24 bytes or less in a stream, but an object here. */
export const MAX_SPARSE_REGIONS = 100_000;
