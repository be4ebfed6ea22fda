// The restore side of the remote cache: the exact head of an image, else the newest of its repository, then the packs it lists.
import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError } from '../errors.ts';
import type { EntryForm, OpenEntry } from './blob-cache.ts';
import { fileSize } from './file-size.ts';
import { type FindHeadOptions, type FoundHead, findHead } from './find-head.ts';
import type { HeadPack } from './head.ts';
import * as keys from './keys.ts';
import {
  type IsNeeded,
  isAnyNeeded,
  MAX_READ_ENTRIES,
  neededBytes,
  type PackContents,
  readContents,
} from './pack-contents.ts';
import { forEachParallel, orAborted } from './parallel.ts';
import type { CacheSession, HeadMatch, ImageIdentity, RestoreReport } from './session.ts';

/** With @actions/cache a pack travels as one stream below 128 MiB, so speed comes from several packs at once. */
const PARALLEL_PACKS = 4;

/** What became of a pack that the head lists. local: it was here before, so nothing is known about the remote one. */
export type PackFate = 'fetched' | 'local' | 'unusable';

/** What a later save must know about the restore. */
export interface RestoredState {
  readonly image: ImageIdentity;
  /** Full key of the head that was found, of whichever image. */
  readonly headKey?: string;
  /** Form of that head, and so of the packs it lists; absent: the form that entries have now. */
  readonly form?: EntryForm;
  /** The packs it lists. */
  readonly packs: readonly { readonly key: string; readonly fate: PackFate }[];
}

const WHICH: Readonly<Record<HeadMatch, string>> = {
  exact: 'this image',
  base: 'another image of this repository',
  other: 'an image of another repository',
};

const NOTHING: RestoreReport = { match: 'none', packKeys: [], bytes: 0, unusable: 0, waiting: 0 };

/** A pack of which less is needed is not worth its way: the registry sends these chunks as soon. */
const MIN_NEEDED_SHARE = 1 / 16;

interface WaitingPack {
  readonly pack: HeadPack;
  readonly entry: OpenEntry;
  readonly contents: PackContents;
}

export class RemoteCacheSession implements CacheSession {
  readonly #options: FindHeadOptions;
  #image: ImageIdentity | undefined;
  #found: FoundHead | undefined;
  readonly #fates = new Map<string, PackFate>();
  #waiting: WaitingPack[] = [];
  #budget = { entries: MAX_READ_ENTRIES };
  #hasDamagedHead = false;

  constructor(options: FindHeadOptions) {
    this.#options = options;
  }

  /** What the last restore found; undefined before the first one. */
  get restored(): RestoredState | undefined {
    if (!this.#image) return undefined;
    const packs = [...this.#fates].map(([key, fate]) => ({ key, fate }));
    const found = this.#found ? { headKey: this.#found.key, form: this.#found.form } : {};
    return { image: this.#image, ...found, packs };
  }

  async restore(image: ImageIdentity, packsDirectory: string, isNamed?: IsNeeded): Promise<RestoreReport> {
    this.#image = image;
    this.#found = undefined;
    this.#fates.clear();
    this.#waiting = [];
    this.#budget = { entries: MAX_READ_ENTRIES };
    this.#hasDamagedHead = false;
    return this.#orReport(async () => {
      await mkdir(packsDirectory, { recursive: true });
      const found = await findHead(this.#options, image, packsDirectory);
      this.#hasDamagedHead = found === 'damaged';
      if (!found || found === 'damaged') return;
      const largestFirst = found.head.packs.toSorted((a, b) => b.size - a.size);
      await forEachParallel(largestFirst, PARALLEL_PACKS, async (pack) => {
        this.#options.signal.throwIfAborted();
        const isExact = found.match === 'exact';
        const fate = await this.#bringPack(pack, packsDirectory, isExact ? undefined : isNamed);
        if (fate) this.#fates.set(pack.key, fate);
      });
      this.#found = found;
      const count = this.#keys().length;
      const waiting = this.#waiting.length > 0 ? `, ${this.#waiting.length} may be of use` : '';
      const { log } = this.#options;
      log(`${count} of ${largestFirst.length} packs of ${WHICH[found.match]} are at hand${waiting}`);
    });
  }

  async restoreRest(isNeeded: IsNeeded, packsDirectory: string): Promise<RestoreReport> {
    const useful = this.#waiting.filter(
      ({ pack, contents }) => neededBytes(contents.entries(), isNeeded) >= MIN_NEEDED_SHARE * pack.size,
    );
    const left = this.#waiting.length - useful.length;
    this.#waiting = [];
    if (left > 0)
      this.#options.log(`${left} of its packs hold too little of this image and are left where they are`);
    return this.#orReport(async () => {
      await forEachParallel(useful, PARALLEL_PACKS, async ({ pack, entry }) => {
        this.#options.signal.throwIfAborted();
        this.#fates.set(
          pack.key,
          await this.#bringInto(pack, packsDirectory, (file) => copyAll(entry, pack, file)),
        );
      });
    });
  }

  async #orReport(work: () => Promise<void>): Promise<RestoreReport> {
    try {
      await orAborted(work(), this.#options.signal);
      return this.#report();
    } catch (error) {
      this.#options.log(`nothing restored from the cache: ${describeError(error)}`);
      return NOTHING;
    }
  }

  /** Of the packs that are in the directory now. */
  #keys(): string[] {
    return [...this.#fates].filter(([, fate]) => fate !== 'unusable').map(([key]) => key);
  }

  #report(): RestoreReport {
    if (!this.#found) return { ...NOTHING, unusable: Number(this.#hasDamagedHead) };
    const { head, match } = this.#found;
    const sizeOf = new Map(head.packs.map((pack) => [pack.key, pack.size]));
    const packKeys = this.#keys();
    const bytes = [...this.#fates]
      .filter(([, fate]) => fate === 'fetched')
      .reduce((sum, [key]) => sum + (sizeOf.get(key) ?? 0), 0);
    const unusable = this.#fates.size - packKeys.length;
    return { match, packKeys, bytes, unusable, waiting: this.#waiting.length };
  }

  /** undefined: it waits, or has more entries than there is room for and stays where it is. */
  async #bringPack(
    pack: HeadPack,
    packsDirectory: string,
    isNamed: IsNeeded | undefined,
  ): Promise<PackFate | undefined> {
    if ((await fileSize(join(packsDirectory, `${pack.key}.pack`))) === pack.size) return 'local';
    const { cache, prefix, signal, log } = this.#options;
    const lookup = [keys.packPrefix(prefix, pack.key)];
    const options = { signal, size: pack.size };
    const entry = isNamed && (await cache.open?.(keys.packName(pack.key), lookup, options));
    const contents =
      entry && keys.matchesPackKey(entry.key, prefix, pack.key)
        ? await readContents(entry, pack.size, this.#budget)
        : 'unreadable';
    if (contents === 'passed-over') {
      log(`pack ${pack.key} is left where it is: there are too many chunks in the packs`);
      return undefined;
    }
    if (!isNamed || !entry || contents === 'unreadable')
      return this.#bringInto(pack, packsDirectory, (file) =>
        cache.restore(keys.packName(pack.key), lookup, file, options),
      );
    if (isAnyNeeded(contents.entries(), isNamed))
      return this.#bringInto(pack, packsDirectory, (file) => copyAll(entry, pack, file));
    this.#waiting.push({ pack, entry, contents });
    return undefined;
  }

  /** `bring` writes the pack to a file, and returns the key that it had. */
  async #bringInto(
    pack: HeadPack,
    packsDirectory: string,
    bring: (file: string) => Promise<string | undefined>,
  ): Promise<PackFate> {
    const { prefix, log } = this.#options;
    const partial = join(packsDirectory, `${pack.key}.${randomUUID()}.partial`);
    try {
      const key = await bring(partial);
      const size = await fileSize(partial);
      if (key !== undefined && keys.matchesPackKey(key, prefix, pack.key) && size === pack.size) {
        await rename(partial, join(packsDirectory, `${pack.key}.pack`));
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
