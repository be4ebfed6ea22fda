// The packs of the remote cache that a pull reads while they are on their way.
import type { ArrivingPack } from '../cache/arriving-pack.ts';
import type { ChunkStore } from '../store/store.ts';
import type { ProgressBoard } from '../workers/progress-board.ts';

/** Has to be disposed of: what has not been settled by then ends, and is removed. */
export class Arrivals {
  readonly #packs = new Set<ArrivingPack>();
  #lost = 0;

  /** Those that are not settled. */
  get packs(): readonly ArrivingPack[] {
    return [...this.#packs];
  }

  /** Packs that did not arrive. */
  get lost(): number {
    return this.#lost;
  }

  expect(packs: readonly ArrivingPack[]): void {
    for (const pack of packs) this.#packs.add(pack);
  }

  /** The store finds what is in them, and waits for it. */
  async showTo(store: ChunkStore): Promise<void> {
    for (const pack of this.#packs) await store.addIncoming(pack);
  }

  /** Waits for all of them, and puts them where they belong. */
  async settle(store: ChunkStore): Promise<void> {
    for (const pack of this.#packs) {
      const place = await pack.settle();
      if (place === undefined) this.#lost++;
      if (place === undefined) store.lose(pack);
      else store.arrived(pack, place);
    }
    this.#packs.clear();
  }

  /** The store no longer finds what is in those that will never arrive; with `all` they are all given up. */
  async giveUpLost(store: ChunkStore, all = false): Promise<void> {
    for (const pack of this.packs.filter(({ isLost }) => isLost || all)) {
      await pack.abandon();
      this.#packs.delete(pack);
      this.#lost++;
      store.lose(pack);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.packs.map((pack) => pack.abandon()));
  }
}

/** The counters of a board from `first` on, by path: what is there of each pack. */
export function countersOf(packs: readonly ArrivingPack[], first: number): ReadonlyMap<string, number> {
  return new Map(packs.map(({ path }, index) => [path, first + index]));
}

/** Keeps the counters of `countersOf` up to date. `onLost`: may be called more than once for a pack. Returns what ends it. */
export function followArrivals(
  packs: readonly ArrivingPack[],
  { board, first }: { readonly board: ProgressBoard; readonly first: number },
  onLost: (pack: ArrivingPack) => void,
): () => void {
  const unwatch = packs.map((pack, index) => {
    let told = 0;
    const tell = () => {
      const { there } = pack;
      if (there > told) board.add(first + index, there - told);
      told = there;
      if (pack.isLost) onLost(pack);
    };
    const end = pack.watch(tell);
    tell();
    return end;
  });
  return () => {
    for (const end of unwatch) end();
  };
}
