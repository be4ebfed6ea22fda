// Collects the chunks of a layer into a ChunkTable.
import { type ChunkTable, DIGEST_BYTES } from './chunk-table.ts';

/** One chunk on its way into a table: `sha256:…` of its content, its place in the blob, its size after decoding. */
export interface Chunk {
  readonly digest: string;
  readonly start: number;
  readonly end: number;
  readonly size: number;
}

/** Collects a ChunkTable in place: an object for each of 70,000 chunks would cost more memory than all that is needed afterwards. */
export class ChunkColumns {
  readonly #digests: Buffer;
  readonly #offsets: Float64Array;
  readonly #compressedSizes: Float64Array;
  readonly #sizes: Float64Array;
  readonly #firstChunk: Uint32Array;
  #chunks = 0;
  #entries = 0;

  /** `capacity`: entries and chunks at most. */
  constructor(capacity: number) {
    this.#digests = Buffer.alloc(capacity * DIGEST_BYTES);
    this.#offsets = new Float64Array(capacity);
    this.#compressedSizes = new Float64Array(capacity);
    this.#sizes = new Float64Array(capacity);
    this.#firstChunk = new Uint32Array(capacity + 1);
  }

  beginEntry(): void {
    this.#firstChunk[this.#entries++] = this.#chunks;
  }

  /** Returns the index of the chunk. Whether places make sense is for the caller to know. */
  push({ digest, start, end, size }: Chunk): number {
    this.#digests.write(digest.slice('sha256:'.length), this.#chunks * DIGEST_BYTES, 'hex');
    this.#offsets[this.#chunks] = start;
    this.#compressedSizes[this.#chunks] = end - start;
    this.#sizes[this.#chunks] = size;
    return this.#chunks++;
  }

  finish(): ChunkTable {
    this.#firstChunk[this.#entries] = this.#chunks;
    return {
      digests: new Uint8Array(this.#digests.subarray(0, this.#chunks * DIGEST_BYTES)),
      offsets: this.#offsets.slice(0, this.#chunks),
      compressedSizes: this.#compressedSizes.slice(0, this.#chunks),
      sizes: this.#sizes.slice(0, this.#chunks),
      firstChunk: this.#firstChunk.slice(0, this.#entries + 1),
    };
  }
}
