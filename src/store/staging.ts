// The packs that one pull fills: made when first needed, sealed together when everything in them is verified, or thrown away.
import type { PackFile } from './pack-file.ts';
import { compareEntries, type PackEntry } from './pack-format.ts';
import { packsDirectory } from './places.ts';
import type { SealedFile, StagedPack } from './staged-pack.ts';
import type { ChunkStore } from './store.ts';

export interface SealedPack extends PackFile, SealedFile {
  /** Where the pack was while it was filled. */
  readonly stagedPath: string;
  /** As they were staged. */
  frames(): Iterable<PackEntry>;
}

export class Staging {
  readonly #store: ChunkStore;
  readonly #packs: (Promise<StagedPack> | undefined)[] = [];
  #scratch: Promise<StagedPack> | undefined;
  #scratchUsed = 0;
  #used = 0;

  constructor(store: ChunkStore) {
    this.#store = store;
  }

  /** Where a plan may begin to write without spoiling what earlier attempts have left. */
  get free(): { readonly pack: number; readonly packOffset: number } {
    const { length } = this.#packs;
    return length > 1 ? { pack: length, packOffset: 0 } : { pack: 0, packOffset: this.#used };
  }

  pack(number: number): Promise<StagedPack> {
    this.#packs[number] ??= this.#store.stage();
    return this.#packs[number];
  }

  /** Room at the beginning of pack 0, for what is fetched before there is a plan. Returns the offset. */
  reserve(length: number): number {
    const offset = this.#used;
    this.#used += length;
    return offset;
  }

  /** Room in a file beside the packs, for what is needed only as long as this pull runs: it is never sealed. */
  async scratch(length: number): Promise<{ readonly file: StagedPack; readonly offset: number }> {
    const offset = this.#scratchUsed;
    this.#scratchUsed += length;
    this.#scratch ??= this.#store.stage();
    return { file: await this.#scratch, offset };
  }

  /** Makes the chunks of pack `number` findable in the store, as long as this pull runs. */
  async adopt(number: number, entries: readonly PackEntry[]): Promise<void> {
    const pack = await this.pack(number);
    for (const entry of entries) {
      pack.add(entry);
      if (number === 0) this.#used = Math.max(this.#used, entry.offset + entry.compressedSize);
    }
    this.#store.adopt({ path: pack.path, entries });
  }

  /** The pack that is being filled at `path`, if there is one. */
  async numberOf(path: string): Promise<number | undefined> {
    for (const number of this.#packs.keys())
      if (this.#packs[number] && (await this.#packs[number]).path === path) return number;
    return undefined;
  }

  /** Names chunks that lie inside of blobs of pack `number`, for later pulls; this one does not find them. */
  async index(number: number, entries: readonly PackEntry[]): Promise<void> {
    const pack = await this.pack(number);
    for (const entry of entries) pack.add(entry);
  }

  /** Chunks whose bytes were wrong will not be sealed. */
  async drop(form: PackEntry['form'], hex: ReadonlySet<string>): Promise<void> {
    for (const pack of await this.#all()) pack.drop(form, hex);
  }

  /** Could a pack not be made or written? Then nothing that is fetched can be kept here. */
  async hasFailed(): Promise<boolean> {
    const packs = [...this.#packs, this.#scratch].filter((pack) => pack !== undefined);
    const settled = await Promise.allSettled(packs);
    return settled.some((pack) => pack.status === 'rejected' || pack.value.hasFailed);
  }

  /** Moves all packs that hold something into the store. Throws STORE_FAILED or DISK_FULL. */
  async seal(): Promise<SealedPack[]> {
    const sealed: SealedPack[] = [];
    for (const pack of await this.#all()) {
      if (pack.isEmpty) {
        await pack.discard();
        continue;
      }
      const liveBytes = storedBytes(pack.entries);
      const { entries } = pack;
      // One that was known, and of which everything was fetched again all the same, holds nothing that is right.
      const file = await pack.seal(
        packsDirectory(this.#store.directory),
        async (path) => this.#store.packAt(path) !== undefined || (await this.#store.isDamagedAt(path)),
      );
      sealed.push({
        ...file,
        liveBytes: Math.min(liveBytes, file.size),
        stagedPath: pack.path,
        frames: () => entries.filter(({ form }) => form === 'frame').sort(compareEntries),
      });
    }
    this.#packs.length = 0;
    return sealed;
  }

  /** Never throws. */
  async discard(): Promise<void> {
    const scratch = await this.#scratch?.catch(() => undefined);
    for (const pack of [...(await this.#all()), ...(scratch ? [scratch] : [])]) await pack.discard();
    this.#packs.length = 0;
  }

  async #all(): Promise<StagedPack[]> {
    const settled = await Promise.allSettled(this.#packs.filter((pack) => pack !== undefined));
    return settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  }
}

/** Frames inside of a blob are bytes of the blob. */
function storedBytes(entries: readonly PackEntry[]): number {
  let [bytes, end] = [0, 0];
  for (const { offset, compressedSize } of [...entries].sort(compareEntries)) {
    bytes += Math.max(0, offset + compressedSize - Math.max(offset, end));
    end = Math.max(end, offset + compressedSize);
  }
  return bytes;
}
