// The nouns of unpacking an image: what goes in, what comes out.
import type { ErrorData } from '../errors.ts';
import type { PackedEntries } from '../layer/packed-entries.ts';
import type { Digest } from '../oci/digest.ts';
import type { BlobInput, InputPaths } from './inputs.ts';
import type { KeptEntries } from './node-maker.ts';
import type { ImageOutput, WrittenImage } from './output.ts';
import type { ChunkColumns } from './run.ts';
import type { Origin } from './tree.ts';
import type { UnpackOptions, UnpackReport } from './unpacker.ts';

/** `files`: paths of those that hold chunks and blobs; they may still be growing. */
export interface UnpackJob extends UnpackOptions, InputPaths {
  /** Memory of the progress board that says how far. */
  readonly board: SharedArrayBuffer;
  readonly layers: readonly LayerInput[];
  /** What is to be written in place of a root file system. */
  readonly output?: ImageOutput | undefined;
}

export type LayerInput = {
  /** Of the tar stream. */
  readonly diffId: Digest;
  /** Of the compressed layer. */
  readonly digest: Digest;
  /** Files of it that are needed for what they are, whatever their names. */
  readonly kept?: KeptEntries | undefined;
  /** Files that stargz-snapshotter put into the archive for itself are left out. */
  readonly isStargz?: boolean;
} & (ChunkedInput | PlainInput);

export interface ChunkedInput {
  readonly kind: 'chunked';
  readonly chunks: ChunkColumns;
  /** Of each chunk's content, 32 bytes each. */
  readonly chunkDigests: Uint8Array;
  readonly firstChunk: Uint32Array;
  /** undefined: the chunks and the gaps between them, one after the other, are the tar stream. */
  readonly tarSplit: BlobInput | undefined;
  readonly tarSplitDigest: Digest | undefined;
  /**
   * Of a layer whose table of contents is trusted: what comes is not its tar stream but the content of the files that `kept` names,
   * and each chunk is hashed.
   */
  readonly entries?: PackedEntries;
}

export interface PlainInput {
  readonly kind: 'plain';
  readonly blob: BlobInput;
  /**
   * It came into the store after its diffId had been checked, and its digest alone proves that it is still the same:
   * hashing what it decodes to once more would show nothing new.
   */
  readonly isKept: boolean;
}

export interface LayerOutcome {
  readonly entries: number;
  readonly milliseconds: number;
}

/** What does not hash to its name: chunks by index, the tar-split, or a plain layer's blob. Of gaps, those that cannot be read. */
export interface Corruption {
  readonly chunks: readonly number[];
  readonly tarSplit: boolean;
  readonly blob: boolean;
}

export type UnpackOutcome = UnpackedImage | MissingFiles | Detour;

/**
 * Everything is what it should be, but files were not written that the tree needs: only what comes later shows that a hard link which
 * is wanted leads to one which is not.
 */
export interface MissingFiles {
  readonly kind: 'missing';
  readonly entries: readonly Origin[];
}

/** Why the image has to be unpacked once more, from other bytes. */
export type Detour =
  /** Some bytes are wrong; with others the layer may be fine. */
  | { readonly kind: 'corrupt'; readonly layer: number; readonly found: Corruption; readonly reason: string }
  /** All bytes are what the TOC says, and yet they do not make up the layer: only the whole layer can tell. */
  | { readonly kind: 'inconsistent'; readonly layer: number; readonly reason: string };

export interface UnpackedImage {
  readonly kind: 'done';
  readonly layers: readonly LayerOutcome[];
  readonly report: UnpackReport;
  /** Of an image that was written in another form. */
  readonly written?: WrittenImage | undefined;
}

/** A job of one thread came to an end before its time. `layer`: undefined where it was none of a layer's bytes that failed. */
export interface LayerFailure {
  readonly kind: 'failed';
  readonly layer: number | undefined;
  readonly error: ErrorData;
}

export interface UnpackHooks {
  /** The board is aborted by whoever owns it; this ends what does not wait for the board. */
  readonly signal: AbortSignal;
  readonly onEvent: (event: UnpackEvent) => void;
}

export type UnpackEvent = { readonly layer: number; readonly entries: number };
