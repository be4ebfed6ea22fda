import type { ChunkTable } from '../layer/chunk-table.ts';
import type { Dialect } from '../layer/dialect.ts';
import type { PackedEntries } from '../layer/packed-entries.ts';
import type { Digest } from '../oci/digest.ts';
import type { BlobTail } from '../plan/fetch-plan.ts';
import type { ChunkStore } from '../store/store.ts';
import type { MetadataBlob } from './blob-at.ts';
import type { BlobEndContext } from './blob-end.ts';
import type { ReadTocJob, ReadTocOutcome } from './jobs.ts';
import type { TocImage } from './toc-image.ts';

export type ChunkedDialect = Exclude<Dialect, { kind: 'plain' }>;

export type LayerMetadata =
  | {
      readonly kind: 'chunked';
      /** Chunks by tar entry, for a layer with a tar-split; else the pieces of its tar stream, see piece-table.ts. */
      readonly table: ChunkTable;
      /** All that the table names lies in [0, dataEnd) of the blob. */
      readonly dataEnd: number;
      /** TOC, tar-split, footer. */
      readonly blobs: readonly MetadataBlob[];
      /** `digest`: where something vouches for it. */
      readonly tarSplit: (MetadataBlob & { readonly digest: Digest | undefined }) | undefined;
      /** Its entries, where the TOC is to be trusted with them: then the table has all chunks by entry. */
      readonly entries?: PackedEntries;
    }
  /**
   * To be taken whole. `reason`: why, for a layer that is chunked and should have been taken apart. `chunked`: it is
   * chunked, or may be, and whole all the same, because all of it is at hand, or next to nothing that it shares; `table`: its
   * chunks, where they have been read already.
   */
  | {
      readonly kind: 'plain';
      readonly reason?: string;
      readonly chunked?: ChunkedDialect;
      readonly table?: ChunkTable;
      readonly tail?: BlobTail;
    };

export interface MetadataContext extends BlobEndContext {
  readonly store: ChunkStore;
  /** Where the TOC is if not in the layer: one for all layers of an image. */
  readonly tocImage: TocImage;
  readonly readToc: (job: ReadTocJob) => Promise<ReadTocOutcome>;
  /** Take a TOC that the manifest vouches for in place of the tar stream: then nothing has to be fetched but what is needed. */
  readonly trustsToc?: boolean;
  /** Is it to be known what the layer is made of, whatever the store holds of it so far? */
  readonly expectsChunks?: boolean;
}
