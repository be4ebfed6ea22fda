// Brings packs of the remote cache into the packs directory: small ones at once, large ones so that they can be read on their way.
import { randomUUID } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError } from '../errors.ts';
import { ArrivingPack, fetchArriving } from './arriving-pack.ts';
import type { BlobCache, OpenEntry } from './blob-cache.ts';
import { fileSize } from './file-size.ts';
import type { Head, HeadPack } from './head.ts';
import * as keys from './keys.ts';
import { type EntryBudget, MAX_READ_ENTRIES, type PackContents, readContents } from './pack-contents.ts';

/** A larger pack is read while it arrives; a smaller one is there before it matters, with one request less. */
const MIN_ARRIVING_BYTES = 16 << 20;

/** What became of a pack that the head lists. local: it was here before, so nothing is known about the remote one. */
export type PackFate = 'fetched' | 'local' | 'unusable';

export interface PackCarrierOptions {
  readonly cache: BlobCache;
  /** Cache key prefix; see isCacheKeyPrefix. */
  readonly prefix: string;
  readonly packsDirectory: string;
  readonly log: (message: string) => void;
  readonly signal: AbortSignal;
  /** Told of each pack that was on its way. */
  readonly onSettled: (key: string, fate: PackFate) => void;
}

export interface OpenPack {
  readonly pack: HeadPack;
  readonly entry: OpenEntry;
  readonly contents: PackContents;
  readonly stop: () => void;
}

export class PackCarrier {
  readonly #options: PackCarrierOptions;
  readonly #budget: EntryBudget = { entries: MAX_READ_ENTRIES };
  /** Not yet handed over. */
  readonly #arriving: ArrivingPack[] = [];
  #isOver = false;

  constructor(options: PackCarrierOptions) {
    this.#options = options;
  }

  /** Is there more to gain from looking into it than the request costs? */
  static isLarge({ size }: HeadPack): boolean {
    return size >= MIN_ARRIVING_BYTES;
  }

  async isLocal({ key, size }: HeadPack): Promise<boolean> {
    return (await fileSize(join(this.#options.packsDirectory, `${key}.pack`))) === size;
  }

  /** To look into it before it is fetched. */
  async open(pack: HeadPack): Promise<OpenPack | 'unreadable' | 'passed-over'> {
    const { cache, prefix, signal } = this.#options;
    const stopped = new AbortController();
    const options = { signal: AbortSignal.any([signal, stopped.signal]), size: pack.size };
    const entry = await cache.open?.(keys.packName(pack.key), [keys.packPrefix(prefix, pack.key)], options);
    if (!entry || !keys.matchesPackKey(entry.key, prefix, pack.key)) return 'unreadable';
    const contents = await readContents(entry, pack.size, this.#budget);
    return typeof contents === 'string' ? contents : { pack, entry, contents, stop: () => stopped.abort() };
  }

  /** Without having looked into it. */
  bringUnread(pack: HeadPack): Promise<PackFate> {
    const { cache, prefix, signal } = this.#options;
    const lookup = [keys.packPrefix(prefix, pack.key)];
    return this.#bringInto(pack, (file) =>
      cache.restore(keys.packName(pack.key), lookup, file, { signal, size: pack.size }),
    );
  }

  /** undefined: it is going to be on its way. */
  async bringOpen({ pack, entry, contents, stop }: OpenPack): Promise<PackFate | undefined> {
    const { key, size } = pack;
    if (size < MIN_ARRIVING_BYTES || entry.ignoresRanges)
      return this.#bringInto(pack, (file) => copyAll(entry, pack, file));
    const path = join(this.#options.packsDirectory, `${key}.${randomUUID()}.partial`);
    const finalPath = join(this.#options.packsDirectory, `${key}.pack`);
    const onSettled = (isThere: boolean) => {
      this.#options.onSettled(key, isThere ? 'fetched' : 'unusable');
      if (!isThere) this.#options.log(`pack ${key} could not be restored`);
    };
    const about = { key, size, entry, end: contents.end, path, finalPath, stop, onSettled };
    try {
      const arriving = await ArrivingPack.create(about);
      if (!this.#isOver) {
        this.#arriving.push(arriving);
        return undefined;
      }
      await arriving.abandon();
      return 'unusable';
    } catch (error) {
      this.#options.log(`pack ${key} could not be restored: ${describeError(error)}`);
      return 'unusable';
    }
  }

  get onTheirWay(): number {
    return this.#arriving.length;
  }

  /**
   * Starts what `bringOpen` has said is going to be on its way. Small ones first: they hold a little of every layer. The others in the
   * order in which the image is unpacked.
   */
  start({ packs }: Head): void {
    const largest = packs.reduce((most, { size }) => Math.max(most, size), 0);
    const small = packs.filter(({ size }) => size < largest / 2);
    const order = [...new Set([...small, ...packs])].map(({ key }) => key);
    void fetchArriving(this.#arriving.toSorted((a, b) => order.indexOf(a.key) - order.indexOf(b.key)));
  }

  /** Whoever has them now settles or abandons them. */
  handOver(): readonly ArrivingPack[] {
    return this.#arriving.splice(0);
  }

  /** What has not been handed over, and what would come to be. Never rejects. */
  async abandon(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#arriving.splice(0).map((pack) => pack.abandon()));
  }

  /** `bring` writes the pack to a file, and returns the key that it had. */
  async #bringInto(pack: HeadPack, bring: (file: string) => Promise<string | undefined>): Promise<PackFate> {
    const { prefix, log } = this.#options;
    const partial = join(this.#options.packsDirectory, `${pack.key}.${randomUUID()}.partial`);
    try {
      const key = await bring(partial);
      const size = await fileSize(partial);
      if (key !== undefined && keys.matchesPackKey(key, prefix, pack.key) && size === pack.size) {
        await rename(partial, join(this.#options.packsDirectory, `${pack.key}.pack`));
        return 'fetched';
      }
      log(`pack ${pack.key} could not be restored${size === undefined ? '' : ': its size is wrong'}`);
    } catch (error) {
      log(`pack ${pack.key} could not be restored: ${describeError(error)}`);
    } finally {
      await rm(partial, { force: true });
    }
    return 'unusable';
  }
}

async function copyAll(entry: OpenEntry, pack: HeadPack, file: string): Promise<string | undefined> {
  await writeFile(file, '', { flag: 'wx', mode: 0o600 });
  return (await entry.copy([{ start: 0, end: pack.size }], file)) ? entry.key : undefined;
}
