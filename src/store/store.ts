// The chunk store: a directory of immutable packs, read in place. Safe for several processes at once: packs appear whole, by a link.
import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { toPullError } from '../errors.ts';
import { digestKeyOfHex } from '../oci/digest-key.ts';
import { ChunkIndex, type Held } from './chunk-index.ts';
import type { ChunkForm } from './pack-file.ts';
import type { PackEntry } from './pack-format.ts';
import { keyOfPackName, packsDirectory, stagingDirectory } from './places.ts';
import { prepareStore } from './prepare.ts';
import { isStillThere, type OpenPack, readPack } from './read-pack.ts';
import { StagedPack } from './staged-pack.ts';

/** A chunk at hand. The bytes are a hint until they have been hashed. */
export interface StoredChunk {
  readonly path: string;
  readonly offset: number;
  /** Stored bytes. */
  readonly compressedSize: number;
  /** Bytes after decoding. */
  readonly size: number;
  /** Of a chunk in stored bytes that hold more than it; see PackEntry. */
  readonly innerOffset?: number;
}

interface StagedEntries {
  readonly path: string;
  readonly entries: readonly PackEntry[];
}

/** A pack whose table stands and whose chunks are on their way, front to back. */
export interface IncomingPack {
  readonly key: string;
  readonly path: string;
  /** true once the first `bytes` are there; false if they never will be. */
  waitFor(bytes: number): Promise<boolean>;
}

/** Chunks of all packs that are kept in memory; packs beyond are not read. */
const MAX_STORE_ENTRIES = 5_000_000;

export interface StoreOptions {
  /** The id of the lease under which packs are staged; see lease.ts. */
  readonly lease?: string | undefined;
  /** Where packs are staged, if not in the store. */
  readonly stagingDirectory?: string | undefined;
}

export class ChunkStore {
  readonly directory: string;
  readonly #options: StoreOptions;
  readonly #chunks = new ChunkIndex();
  readonly #packs = new Map<string, OpenPack>();
  readonly #damaged = new Set<Held['pack']>();
  /** Offsets of wrong frames; never cleared. */
  readonly #forgotten = new Map<Held['pack'], Set<number>>();
  /** Packs of which only the blobs have been looked at. */
  #unread: OpenPack[] = [];
  /** By path. */
  readonly #incoming = new Map<string, { readonly pack: IncomingPack; place: string }>();
  #entries = 0;
  #brokenPacks = 0;
  #damagedChunks = 0;

  private constructor(directory: string, options: StoreOptions) {
    this.directory = directory;
    this.#options = options;
  }

  /** Reads the tables of all packs; with `read` false the store starts out empty. Damaged packs are passed over and removed. Throws STORE_FAILED. */
  static async open(directory: string, read: boolean, options: StoreOptions = {}): Promise<ChunkStore> {
    await prepareStore(directory, options.stagingDirectory);
    const store = new ChunkStore(directory, options);
    if (!read) return store;
    for (const name of (await listPacks(directory)).sort()) {
      const key = keyOfPackName(name);
      if (key !== undefined && store.#entries < MAX_STORE_ENTRIES)
        await store.#addPack(join(packsDirectory(directory), name), key);
    }
    return store;
  }

  /**
   * `key`: the digest's 32 bytes as a latin1 string. `size`: what the chunk must decode to; of two sizes under one digest one is a lie,
   * which must not hide the other.
   */
  find(form: ChunkForm, key: string, size?: number): StoredChunk | undefined {
    const found = this.#lookUp(form, key, size);
    if (!found) return undefined;
    const { pack, ...stored } = found;
    return { path: pack.path, ...stored };
  }

  #lookUp(form: ChunkForm, key: string, size: number | undefined): Held | undefined {
    if (form !== 'blob') this.#readOthers();
    return this.#chunks.find(form, key, size);
  }

  /** Chunks of a pack that is still being filled, found like any other from now on. */
  adopt({ path, entries }: StagedEntries): void {
    this.#readOthers();
    this.#add({ key: '', path }, entries);
  }

  #add(pack: Held['pack'], entries: Iterable<PackEntry>): void {
    for (const { form, hex, ...stored } of entries)
      this.#chunks.add(form, digestKeyOfHex(hex), { ...stored, pack });
  }

  /** Only once somebody asks for one: an image that is wholly at hand as blobs needs none of its 80,000 frames. */
  #readOthers(): void {
    const unread = this.#unread;
    this.#unread = [];
    for (const pack of unread) this.#add(pack, pack.others());
  }

  /** Is there any chunk that a layer could share? */
  get holdsFrames(): boolean {
    return this.#chunks.holdsFrames || this.#unread.length > 0;
  }

  /** A chunk whose bytes were wrong: not found again. Its pack is kept for the other chunks until `removeDamaged`. */
  forget(form: ChunkForm, key: string, size?: number): void {
    const found = this.#lookUp(form, key, size);
    if (!found) return;
    this.#chunks.delete(form, key, found);
    if (!found.pack.key) return;
    this.#damagedChunks++;
    this.#damaged.add(found.pack);
    if (form !== 'frame') return;
    const offsets = this.#forgotten.get(found.pack) ?? new Set();
    this.#forgotten.set(found.pack, offsets.add(found.offset));
  }

  /** Have bytes at this place of a sealed pack been wrong under the name of a frame? */
  isForgotten(path: string, offset: number): boolean {
    const pack = this.#packs.get(path);
    return pack !== undefined && this.#forgotten.get(pack)?.has(offset) === true;
  }

  /** From now on only what this run has fetched is found: a store that has been wrong again and again is not worth another try. */
  forgetSealed(): void {
    this.#unread = [];
    this.#chunks.deleteSealed();
  }

  /** The sealed pack with this path. */
  packAt(path: string): OpenPack | undefined {
    return this.#packs.get(path);
  }

  /** Is the chunk in a sealed pack, rather than in one this pull is filling? */
  isStored(form: ChunkForm, key: string, size?: number): boolean {
    return Boolean(this.#lookUp(form, key, size)?.pack.key);
  }

  /** Files that were called packs and were none, and were removed when the store was opened. */
  get brokenPacks(): number {
    return this.#brokenPacks;
  }

  /** Chunks of sealed packs that were not what they should be, and will not be found again; so often as `forget` was told of them. */
  get damagedChunks(): number {
    return this.#damagedChunks;
  }

  /** Has any pack of the store shown a wrong byte? */
  get isDamaged(): boolean {
    return this.#damaged.size > 0;
  }

  /**
   * Deletes the packs that held wrong bytes, once what is good in them has been copied or is not needed any more.
   * `replaced`: paths under which a good pack stands by now, since equal chunks make equal names.
   */
  async removeDamaged(replaced: ReadonlySet<string>): Promise<void> {
    for (const { path } of this.#damaged)
      if (!replaced.has(path) && (await this.isDamagedAt(path)))
        await rm(path, { force: true }).catch(() => undefined);
    this.#damaged.clear();
  }

  /** Has the very file that stands there shown a wrong byte? One that has taken its place has other chunks elsewhere. */
  async isDamagedAt(path: string): Promise<boolean> {
    const pack = this.#packs.get(path);
    return pack !== undefined && this.#damaged.has(pack) && (await isStillThere(pack));
  }

  stage(): Promise<StagedPack> {
    const { lease = process.pid, stagingDirectory: elsewhere } = this.#options;
    const directory = elsewhere ?? stagingDirectory(this.directory);
    return StagedPack.create(join(directory, `${lease}-${randomBytes(8).toString('hex')}`));
  }

  /** Of packs that have come since: keys of files in the packs directory. Damaged ones are passed over and removed. */
  async addPacks(packKeys: readonly string[]): Promise<void> {
    for (const key of packKeys) {
      const path = join(packsDirectory(this.directory), `${key}.pack`);
      if (!this.#packs.has(path)) await this.#addPack(path, key);
    }
  }

  /** Its chunks are found from now on; whoever reads them has to wait for them. No longer after `arrived` or `lose`. */
  async addIncoming(incoming: IncomingPack): Promise<void> {
    const { key, path } = incoming;
    if (this.#packs.has(path)) return;
    const found = await readPack(path, key).catch(() => undefined);
    if (!found) return;
    const at = { pack: incoming, place: path };
    this.#incoming.set(path, at);
    const pack: OpenPack = {
      ...found,
      get path() {
        return at.place;
      },
    };
    this.#hold(path, pack);
  }

  /** Are the bytes there? Waits for those that are on their way. */
  async isThere({ path, offset, compressedSize }: Omit<StoredChunk, 'size'>): Promise<boolean> {
    return (await this.#incoming.get(path)?.pack.waitFor(offset + compressedSize)) ?? true;
  }

  /** An incoming pack stands at `place` by now; its old path still names it. */
  arrived({ path }: IncomingPack, place: string): void {
    const [at, pack] = [this.#incoming.get(path), this.#packs.get(path)];
    this.#incoming.delete(path);
    if (!at || !pack) return;
    at.place = place;
    this.#packs.set(place, pack);
  }

  /** An incoming pack will never be whole: nothing of it is found any more. */
  lose({ path }: IncomingPack): void {
    const pack = this.#packs.get(path);
    this.#incoming.delete(path);
    this.#packs.delete(path);
    this.#unread = this.#unread.filter((unread) => unread !== pack);
    if (!pack) return;
    this.#damaged.delete(pack);
    this.#chunks.deletePack(pack);
  }

  async #addPack(path: string, key: string): Promise<void> {
    // What cannot be read just now (no file descriptors left, say) may be sound: only what was read and is no pack goes.
    const pack = await readPack(path, key).catch(() => 'unreadable' as const);
    if (pack === 'unreadable') return;
    if (!pack) {
      this.#brokenPacks++;
      return rm(path, { force: true }).catch(() => undefined);
    }
    this.#hold(path, pack);
  }

  #hold(path: string, pack: OpenPack): void {
    this.#packs.set(path, pack);
    this.#entries += pack.count;
    this.#add(pack, pack.blobs);
    if (pack.count > pack.blobs.length) this.#unread.push(pack);
  }
}

async function listPacks(storeDirectory: string): Promise<string[]> {
  try {
    return await readdir(packsDirectory(storeDirectory));
  } catch (cause) {
    throw toPullError(cause, {
      code: 'STORE_FAILED',
      message: `the chunk store ${storeDirectory} cannot be read`,
    });
  }
}
