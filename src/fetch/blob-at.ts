/** Stored bytes that are complete. */
export interface BlobAt {
  readonly path: string;
  readonly offset: number;
  readonly compressedSize: number;
}

/** A piece of a layer's own description, and its name in the store. */
export interface MetadataBlob extends BlobAt {
  readonly form: 'blob' | 'part';
  readonly hex: string;
  /** It does not lie in the layer's own blob. */
  readonly isOutside?: true;
}
