// The nouns of planning: what goes in, what comes out.
import type { Link } from '../bytes/link.ts';
import type { ChunkTable } from '../layer/chunk-table.ts';
import type { FetchRange } from './coalesce.ts';

/** Stored bytes: a chunk named by its content, a blob named by its own digest, or a part of a blob named by its place. */
export type ChunkForm = 'frame' | 'blob' | 'part';

/** Where a chunk is at hand. */
export interface Located {
  readonly path: string;
  readonly offset: number;
  readonly compressedSize: number;
  readonly size: number;
  /** Where the chunk begins in what the stored bytes decode to; absent where they decode to it and nothing else. */
  readonly innerOffset?: number;
}

/** The chunk with this digest key in this form that decodes to `size` bytes, if it is at hand. */
export type Locate = (form: ChunkForm, key: string, size: number) => Located | undefined;

export type PlanLayer =
  | {
      readonly kind: 'chunked';
      readonly table: ChunkTable;
      /** Chunks, and gaps where the table has any, lie in [0, dataEnd) of the blob. */
      readonly dataEnd: number;
      /** The table leaves out chunks that nobody needs: they are not fetched as long as others are cheaper. */
      readonly isPart?: boolean | undefined;
      /** Compressed size of TOC and tar-split: part of what the waste is measured against. */
      readonly metadataBytes: number;
    }
  | {
      readonly kind: 'plain';
      /** Of the compressed layer. */
      readonly digest: string;
      readonly compressedSize: number;
      readonly tail?: BlobTail | undefined;
      /** Where it stands outside of the store: it is read there, and not kept. */
      readonly at?: OutsideBlob | undefined;
    };

export interface OutsideBlob {
  readonly path: string;
  readonly offset: number;
  /** Of what stands there, which may be the layer's uncompressed tar stream. */
  readonly digest: string;
  readonly size: number;
}

/** The end of a blob, which has been fetched already: its bytes from `start` on lie at `offset` of a file. */
export interface BlobTail {
  readonly start: number;
  readonly path: string;
  readonly offset: number;
}

export interface FetchGroup extends FetchRange {
  readonly layer: number;
  /** What is kept of the range is written here, one piece after the other. */
  readonly pack: number;
  readonly packOffset: number;
  readonly keptBytes: number;
  /** What of the range need not be requested. */
  readonly tail?: BlobTail;
}

/** A chunk that a new pack will hold. */
export interface NewChunk {
  readonly form: ChunkForm;
  readonly digest: string;
  readonly pack: number;
  readonly offset: number;
  readonly compressedSize: number;
  readonly size: number;
  readonly innerOffset?: number;
}

/** Columns by chunk of a layer: which file holds it, where, and from when on. */
export interface ChunkSources {
  /** Index into FetchPlan.files. */
  readonly files: Uint32Array;
  readonly offsets: Float64Array;
  readonly compressedSizes: Float64Array;
  readonly sizes: Float64Array;
  /** The group that brings it, or -1 where it is at hand. */
  readonly groups: Int32Array;
  /** It is there once this many kept bytes of its group have been written. */
  readonly ready: Float64Array;
  /** Where it begins in what its stored bytes decode to, or EXACT. Absent where all are. */
  innerOffsets?: Float64Array;
  /** As in ChunkTable. */
  readonly gaps?: Uint8Array;
}

/** In place of an inner offset: the stored bytes decode to the chunk and nothing else. */
export const EXACT = -1;

export type PlannedFile =
  | { readonly kind: 'stored'; readonly path: string }
  /** Outside of the store: a layout, an archive. */
  | { readonly kind: 'local'; readonly path: string }
  | { readonly kind: 'new'; readonly pack: number };

export type LayerPlan =
  | { readonly kind: 'chunked'; readonly sources: ChunkSources }
  /** `groups`: ids in order, each bringing `groupBytes` bytes but the last; empty where the blob is at hand. */
  | {
      readonly kind: 'plain';
      /** What the bytes in the file have to hash to. */
      readonly digest: string;
      readonly file: number;
      readonly offset: number;
      readonly compressedSize: number;
      readonly groups: readonly number[];
    };

export interface LayerBytes {
  /** Compressed bytes to be requested, gaps included, the tail left out. */
  readonly missing: number;
  /** Compressed bytes of chunks at hand. */
  readonly cached: number;
}

export interface FetchPlan {
  readonly files: readonly PlannedFile[];
  readonly groups: readonly FetchGroup[];
  readonly layers: readonly LayerPlan[];
  readonly bytes: readonly LayerBytes[];
  readonly chunks: readonly NewChunk[];
}

export interface PlanOptions {
  /** First pack to fill, and how far it is filled already. */
  readonly pack: number;
  readonly packOffset: number;
  /** A pack is closed once it holds this many bytes. */
  readonly packTarget: number;
  /** What the source has been like so far. Decides how many requests there are, never what the packs hold. Absent: not known. */
  readonly link?: Link | undefined;
  /** That share the requests; default 1. */
  readonly connections?: number;
}
