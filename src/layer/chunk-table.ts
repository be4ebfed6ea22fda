// The chunks of one layer as columns: tens of thousands of them, handed between threads without copying.

export const DIGEST_BYTES = 32;

/** Chunks in tar order. All columns are indexed by chunk, except firstChunk. */
export interface ChunkTable {
  /** sha256 of each chunk's content (uncompressed side), 32 bytes each; of a gap, the name of its place. */
  readonly digests: Uint8Array;
  /** Where the chunk's zstd frames, or the gzip member or zstd frame that holds it, begin in the blob. */
  readonly offsets: Float64Array;
  readonly compressedSizes: Float64Array;
  /** Bytes after decoding; of a gap, the same as compressedSizes. */
  readonly sizes: Float64Array;
  /**
   * Where the chunk begins in what its stored bytes decode to, which may go on behind it. Absent where they decode to the chunk and
   * nothing else.
   */
  readonly innerOffsets?: Float64Array;
  /** 1 for what is no chunk but a gap between chunks: see piece-table.ts. Absent where there is none. */
  readonly gaps?: Uint8Array;
  /** By tar entry: entry n owns the chunks [firstChunk[n], firstChunk[n + 1]). */
  readonly firstChunk: Uint32Array;
}

export function isGap({ gaps }: Pick<ChunkTable, 'gaps'>, index: number): boolean {
  return gaps?.[index] === 1;
}

export function chunkCount(table: ChunkTable): number {
  return table.offsets.length;
}

/** A chunk's digest as a key for maps; see oci/digest-key.ts. */
export function digestKey(digests: Uint8Array, index: number): string {
  const start = digests.byteOffset + index * DIGEST_BYTES;
  return Buffer.from(digests.buffer, start, DIGEST_BYTES).toString('latin1');
}
