// Reads a layer that comes as the entries of its table of contents and the content of those files that are wanted, in that order.
import { PullError } from '../errors.ts';
import type { TocEntry } from '../layer/toc-entries.ts';
import type { TarEntry, TarHandler } from '../tar/entry.ts';
import type { TarReader } from '../tar/reader.ts';

export interface TocLayer {
  readonly entries: readonly TocEntry[];
  /** By entry: 1 for files whose content comes. */
  readonly flags: Uint8Array;
}

/** As of a tar stream; but `position` is the number of the entry. */
export function createTocReader(layer: TocLayer, handler: TarHandler): TarReader {
  return new TocReader(layer, handler);
}

class TocReader implements TarReader {
  readonly #layer: TocLayer;
  readonly #handler: TarHandler;
  #next = 0;
  #file: TarEntry | undefined;
  #done = 0;

  constructor(layer: TocLayer, handler: TarHandler) {
    this.#layer = layer;
    this.#handler = handler;
  }

  get position(): number {
    return this.#next;
  }

  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      this.#file ??= this.#nextFile();
      const file = this.#file;
      if (!file) throw new PullError('TAR_INVALID', 'more content comes than the TOC has files for');
      const piece = bytes.subarray(at, at + file.size - this.#done);
      this.#handler.data(piece, this.#done);
      this.#done += piece.length;
      at += piece.length;
      if (this.#done === file.size) this.#endFile();
    }
  }

  finish(): void {
    this.#file ??= this.#nextFile();
    if (this.#file) throw new PullError('TAR_INVALID', 'the content of the layer ends inside of a file');
  }

  /** Hands over the entries up to the next file whose content comes, if there is one. */
  #nextFile(): TarEntry | undefined {
    const { entries, flags } = this.#layer;
    while (this.#next < entries.length) {
      const index = this.#next++;
      const { entry } = entries[index] as TocEntry;
      this.#handler.entry(entry);
      if (entry.kind !== 'file' || flags[index] !== 1) continue;
      if (entry.size > 0) return entry;
      this.#handler.end();
    }
    return undefined;
  }

  #endFile(): void {
    this.#handler.end();
    this.#file = undefined;
    this.#done = 0;
  }
}
