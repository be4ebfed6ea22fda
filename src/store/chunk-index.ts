// Which chunk lies where, by form and digest. Large: an image has tens of thousands of chunks, so keys and values are small.
import type { ChunkForm } from './pack-file.ts';

/** A chunk in a pack. */
export interface Held {
  /** `key`: empty for a pack that is still being filled. */
  readonly pack: { readonly key: string; readonly path: string };
  readonly offset: number;
  /** Stored bytes. */
  readonly compressedSize: number;
  /** Bytes after decoding. */
  readonly size: number;
  /** Of a chunk in stored bytes that hold more than it; see PackEntry. */
  readonly innerOffset?: number;
}

/**
 * Keys are a digest's 32 bytes as a latin1 string. Of two sizes under one digest one is a lie, which must not hide the other: both are
 * held, the second under a longer key.
 */
export class ChunkIndex {
  readonly #chunks: Record<ChunkForm, Map<string, Held>> = {
    frame: new Map(),
    blob: new Map(),
    part: new Map(),
  };

  /** The first pack to hold a chunk is the one used. */
  add(form: ChunkForm, key: string, held: Held): void {
    const chunks = this.#chunks[form];
    const first = chunks.get(key);
    if (!first) chunks.set(key, held);
    else if (first.size !== held.size && !chunks.has(longKey(key, held.size)))
      chunks.set(longKey(key, held.size), held);
  }

  /** Without `size`: whichever was there first. */
  find(form: ChunkForm, key: string, size: number | undefined): Held | undefined {
    const first = this.#chunks[form].get(key);
    return size === undefined || first?.size === size ? first : this.#chunks[form].get(longKey(key, size));
  }

  delete(form: ChunkForm, key: string, held: Held): void {
    const chunks = this.#chunks[form];
    chunks.delete(chunks.get(key) === held ? key : longKey(key, held.size));
  }

  /** Keeps only what is not in a sealed pack. */
  deleteSealed(): void {
    for (const chunks of Object.values(this.#chunks))
      for (const [key, { pack }] of chunks) if (pack.key) chunks.delete(key);
  }

  deletePack(gone: Held['pack']): void {
    for (const chunks of Object.values(this.#chunks))
      for (const [key, { pack }] of chunks) if (pack === gone) chunks.delete(key);
  }

  get holdsFrames(): boolean {
    return this.#chunks.frame.size > 0;
  }
}

function longKey(key: string, size: number): string {
  return `${key} ${size}`;
}
