/** A finished, immutable pack of the store. The file format is described in docs/formats.md. */
export interface PackFile {
  /** Lowercase hex, derived from the content: sha256 of the sorted chunk digests, first 40 digits. */
  readonly key: string;
  /** Absolute path. */
  readonly path: string;
  /** File size in bytes. */
  readonly size: number;
  /** Bytes of this pack that the pulled image uses. */
  readonly liveBytes: number;
}

/**
 * frame: a chunk, named by the digest of its content. Stored as zstd frames that decode to it and nothing else, or, with an inner
 * offset, as a gzip member or zstd frame that holds other bytes as well.
 * blob: bytes as they are, named by their own digest (a plain layer, a table of contents, a tar-split).
 * part: bytes as they are, named by their place in a layer; see part-name.ts. Nothing shows by their name that they are still the same.
 */
export type ChunkForm = 'frame' | 'blob' | 'part';
