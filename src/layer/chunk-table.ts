// The chunks of one layer as columns: tens of thousands of them, handed between threads without copying.

export const DIGEST_BYTES = 32;

/** Chunks in tar order. All columns are indexed by chunk, except firstChunk. */
export interface ChunkTable {
  /** sha256 of each chunk's content (uncompressed side), 32 bytes each. */
  readonly digests: Uint8Array;
  /** Where the chunk's zstd frames begin in the blob. */
  readonly offsets: Float64Array;
  readonly compressedSizes: Float64Array;
  /** Bytes after decoding. */
  readonly sizes: Float64Array;
  /** By tar entry: entry n owns the chunks [firstChunk[n], firstChunk[n + 1]). */
  readonly firstChunk: Uint32Array;
}

export function chunkCount(table: ChunkTable): number {
  return table.offsets.length;
}

/** A chunk's digest as a key for maps; see oci/digest-key.ts. */
export function digestKey(digests: Uint8Array, index: number): string {
  const start = digests.byteOffset + index * DIGEST_BYTES;
  return Buffer.from(digests.buffer, start, DIGEST_BYTES).toString('latin1');
}
