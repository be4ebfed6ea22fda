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
 * frame: one zstd frame, named by the digest of what it decodes to (a zstd:chunked chunk).
 * blob: bytes as they are, named by their own digest (a plain layer, a table of contents, a tar-split).
 */
export type ChunkForm = 'frame' | 'blob';
