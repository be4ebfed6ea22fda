// The stored bytes of one file of a tar stream, on their way to the handler: each at its place in the file.
import type { TarEntry, TarHandler } from './entry.ts';
import { checkRegions, type SparseRegion } from './sparse.ts';

/** Used for one file after the other. */
export class FileBody {
  readonly #handler: TarHandler;
  #left = 0;
  #position = 0;
  #regions: readonly SparseRegion[] | undefined;
  #next = 0;

  constructor(handler: TarHandler) {
    this.#handler = handler;
  }

  /**
   * Announces the file. `storedSize`: bytes that the stream holds of it. `regions`: where they belong, if it is sparse.
   * Returns whether there are bytes to come; if not, the file is complete.
   */
  start(entry: TarEntry, storedSize: number, regions: readonly SparseRegion[] | undefined): boolean {
    if (regions) checkRegions(regions, entry.size, storedSize);
    this.#left = storedSize;
    this.#position = 0;
    this.#regions = regions;
    this.#next = 0;
    this.#handler.entry(entry);
    if (storedSize === 0) this.#handler.end();
    return storedSize > 0;
  }

  /** Takes bytes from `at` on and returns where it stopped. The file is complete when `isComplete`. */
  push(slice: Buffer, at: number): number {
    const room = this.#regions ? this.#room(this.#regions) : this.#left;
    const end = Math.min(slice.length, at + room);
    // Cheaper than subarray of Buffer, and most files are small.
    this.#handler.data(new Uint8Array(slice.buffer, slice.byteOffset + at, end - at), this.#position);
    this.#position += end - at;
    this.#left -= end - at;
    if (this.#left === 0) this.#handler.end();
    return end;
  }

  get isComplete(): boolean {
    return this.#left === 0;
  }

  /** Moves to where the next stored byte belongs. Returns how many bytes belong there in one piece. */
  #room(regions: readonly SparseRegion[]): number {
    for (let region = regions[this.#next]; region; region = regions[++this.#next]) {
      const end = region.offset + region.length;
      this.#position = Math.max(this.#position, region.offset);
      if (this.#position < end) return end - this.#position;
    }
    return this.#left;
  }
}
