// A pack that is read while it is on its way from the remote cache: a file of its full size, with the table in its place, that is
// filled from front to back. What an image is made of stands in its packs in the order in which it is unpacked.
import { open, rename, rm } from 'node:fs/promises';
import type { ByteRange } from '../bytes/range.ts';
import type { OpenEntry } from './blob-cache.ts';
import { partsOf } from './direct/download.ts';
import { PlacedWriter } from './direct/placed-writer.ts';
import { forEachParallel } from './parallel.ts';

/** What one request asks for: so much comes late to the unpacker, times PARALLEL_PARTS. */
const PART_BYTES = 4 << 20;
const PARALLEL_PARTS = 8;

export interface ArrivingPackOptions {
  readonly key: string;
  readonly size: number;
  readonly entry: OpenEntry;
  /** Table and trailer, with which the file ends. */
  readonly end: Uint8Array;
  /** Where it is while it arrives; there must not be a file. */
  readonly path: string;
  /** Where it belongs. */
  readonly finalPath: string;
  /** Ends what `entry` is asked for. */
  readonly stop: () => void;
  /** Told once whether the pack stands where it belongs. */
  readonly onSettled: (isThere: boolean) => void;
}

/** Has to be settled or abandoned in the end. */
export class ArrivingPack {
  readonly key: string;
  readonly path: string;
  readonly #options: Omit<ArrivingPackOptions, 'end'>;
  readonly #parts: readonly ByteRange[];
  readonly #came = new Set<number>();
  readonly #watchers = new Set<() => void>();
  readonly #over = Promise.withResolvers<boolean>();
  #next = 0;
  #isLost = false;
  #isSettled = false;

  private constructor({ end, ...options }: ArrivingPackOptions) {
    this.#options = options;
    this.key = options.key;
    this.path = options.path;
    this.#parts = partsOf([{ start: 0, end: options.size - end.length }], PART_BYTES);
  }

  /** Makes the file. Throws what the system throws, and then there is none. */
  static async create(options: ArrivingPackOptions): Promise<ArrivingPack> {
    const { path, size, end } = options;
    await using file = await open(path, 'wx', 0o600);
    try {
      const writer = new PlacedWriter(file, size - end.length);
      await writer.write(end);
      await writer.flush();
      return new ArrivingPack(options);
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
  }

  /** Bytes from the front that are there. */
  get there(): number {
    return this.#parts[this.#next]?.start ?? this.#options.size;
  }

  /** It will never be whole. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** `listener` is called after each change of what is there. Returns what ends that. */
  watch(listener: () => void): () => void {
    this.#watchers.add(listener);
    return () => this.#watchers.delete(listener);
  }

  /** true once the first `bytes` are there; false if they never will be. */
  async waitFor(bytes: number): Promise<boolean> {
    while (this.there < bytes && !this.#isLost) {
      const changed = Promise.withResolvers<void>();
      const unwatch = this.watch(changed.resolve);
      await changed.promise;
      unwatch();
    }
    return this.there >= bytes;
  }

  /** What is to be fetched, in order. Each never rejects; faults have been logged by the backend. */
  fetches(): (() => Promise<void>)[] {
    if (this.#parts.length === 0) this.#change();
    return this.#parts.map((part, index) => () => this.#fetch(part, index));
  }

  async #fetch(part: ByteRange, index: number): Promise<void> {
    if (!this.#isLost && (await this.#options.entry.copy([part], this.path).catch(() => false))) {
      this.#came.add(index);
      while (this.#came.has(this.#next)) this.#next++;
    } else this.#isLost = true;
    this.#change();
  }

  #change(): void {
    if (this.#isLost || this.#next === this.#parts.length) this.#over.resolve(!this.#isLost);
    for (const listener of [...this.#watchers]) listener();
  }

  /** Waits for all of it and puts it where it belongs. Returns that place; undefined if it cannot be had. */
  async settle(): Promise<string | undefined> {
    const { finalPath, onSettled } = this.#options;
    const isThere =
      (await this.#over.promise) &&
      (await rename(this.path, finalPath).then(
        () => true,
        () => false,
      ));
    if (!isThere) return this.abandon();
    this.#isSettled = true;
    onSettled(true);
    return finalPath;
  }

  /** Unless it is settled: ends what is on its way, and removes the file. Never rejects. */
  async abandon(): Promise<undefined> {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#isLost = true;
    this.#options.stop();
    this.#change();
    await rm(this.path, { force: true }).catch(() => undefined);
    this.#options.onSettled(false);
  }
}

/** Fetches packs one after the other, several parts at a time. Never rejects. */
export async function fetchArriving(packs: readonly ArrivingPack[]): Promise<void> {
  await forEachParallel(
    packs.flatMap((pack) => pack.fetches()),
    PARALLEL_PARTS,
    (fetch) => fetch(),
  );
}
