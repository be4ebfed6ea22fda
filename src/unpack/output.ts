// What an image may become besides a root file system. Written by the room export.
import type { Digest } from '../oci/digest.ts';

export const OUTPUT_FORMATS = ['oci-layout', 'oci-archive', 'docker-archive', 'tar'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

export interface ImageOutput {
  readonly format: OutputFormat;
  /** As it is in the registry, like everything here. */
  readonly manifest: StoredDocument;
  readonly config: StoredDocument;
  /** In the index of a layout. */
  readonly tag: string | undefined;
  /** The tag with its registry and repository, in the index as well. */
  readonly fullName?: string | undefined;
  /** `repository:tag`, in a docker-archive. */
  readonly repoTags: readonly string[];
}

export interface StoredDocument {
  readonly bytes: Uint8Array;
  readonly digest: Digest;
  readonly mediaType: string;
}

/** Its name in the staging directory: a directory or a file. */
export const OUTPUT_NAME = 'image';

export interface WrittenImage {
  /** Of a layout: does it hold the manifest and the layers as they are in the registry? */
  readonly manifestKept: boolean;
}
