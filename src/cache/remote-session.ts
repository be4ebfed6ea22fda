// The restore side of the remote cache: the exact head of an image, else the newest of its repository, then the packs it lists.
import { mkdir } from 'node:fs/promises';
import { describeError } from '../errors.ts';
import type { EntryForm } from './blob-cache.ts';
import { type FindHeadOptions, type FoundHead, findHead } from './find-head.ts';
import type { HeadPack } from './head.ts';
import { type OpenPack, PackCarrier, type PackFate } from './pack-carrier.ts';
import { type IsNeeded, isAnyNeeded, neededBytes } from './pack-contents.ts';
import { forEachParallel, orAborted } from './parallel.ts';
import type { CacheSession, HeadMatch, ImageIdentity, RestoreReport } from './session.ts';

/** With @actions/cache a pack travels as one stream below 128 MiB, so speed comes from several packs at once. */
const PARALLEL_PACKS = 4;

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

const NOTHING: RestoreReport = {
  match: 'none',
  packKeys: [],
  bytes: 0,
  unusable: 0,
  waiting: 0,
  arriving: [],
};

/** A pack of which less is needed is not worth its way: the registry sends these chunks as soon. */
const MIN_NEEDED_SHARE = 1 / 16;

export class RemoteCacheSession implements CacheSession {
  readonly #options: FindHeadOptions;
  #image: ImageIdentity | undefined;
  #found: FoundHead | undefined;
  readonly #fates = new Map<string, PackFate>();
  /** Those that were on their way: whoever had them knows. */
  readonly #lost = new Set<string>();
  #waiting: OpenPack[] = [];
  #carrier: PackCarrier | undefined;
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
    this.#hasDamagedHead = false;
    this.#lost.clear();
    const onSettled = (key: string, fate: PackFate) => {
      this.#fates.set(key, fate);
      if (fate === 'unusable') this.#lost.add(key);
    };
    const carrier = new PackCarrier({ ...this.#options, packsDirectory, onSettled });
    this.#carrier = carrier;
    return this.#orReport(async () => {
      await mkdir(packsDirectory, { recursive: true });
      const found = await findHead(this.#options, image, packsDirectory);
      this.#hasDamagedHead = found === 'damaged';
      if (!found || found === 'damaged') return;
      const largestFirst = found.head.packs.toSorted((a, b) => b.size - a.size);
      await forEachParallel(largestFirst, PARALLEL_PACKS, async (pack) => {
        this.#options.signal.throwIfAborted();
        const fate = await this.#bringPack(carrier, pack, found.match === 'exact' ? undefined : isNamed);
        if (fate) this.#fates.set(pack.key, fate);
      });
      this.#found = found;
      carrier.start(found.head);
      this.#log(found);
    });
  }

  #log({ head, match }: FoundHead): void {
    const further = [
      [this.#carrier?.onTheirWay ?? 0, 'on their way'],
      [this.#waiting.length, 'may be of use'],
    ] as const;
    const rest = further.flatMap(([count, what]) => (count > 0 ? [`, ${count} ${what}`] : []));
    const all = `${head.packs.length} packs of ${WHICH[match]}`;
    this.#options.log(`${this.#keys().length} of ${all} are at hand${rest.join('')}`);
  }

  async restoreRest(isNeeded: IsNeeded): Promise<RestoreReport> {
    const useful = this.#waiting.filter(
      ({ pack, contents }) => neededBytes(contents.entries(), isNeeded) >= MIN_NEEDED_SHARE * pack.size,
    );
    const left = this.#waiting.length - useful.length;
    this.#waiting = [];
    if (left > 0)
      this.#options.log(`${left} of its packs hold too little of this image and are left where they are`);
    return this.#orReport(async () => {
      await forEachParallel(useful, PARALLEL_PACKS, async (opened) => {
        this.#options.signal.throwIfAborted();
        const fate = await this.#carrier?.bringOpen(opened);
        if (fate) this.#fates.set(opened.pack.key, fate);
      });
      if (this.#found) this.#carrier?.start(this.#found.head);
    });
  }

  async #orReport(work: () => Promise<void>): Promise<RestoreReport> {
    try {
      await orAborted(work(), this.#options.signal);
      return this.#report();
    } catch (error) {
      this.#options.log(`nothing restored from the cache: ${describeError(error)}`);
      await this.#carrier?.abandon();
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
    const unusable = this.#fates.size - packKeys.length - this.#lost.size;
    const arriving = this.#carrier?.handOver() ?? [];
    return { match, packKeys, bytes, unusable, waiting: this.#waiting.length, arriving };
  }

  /** undefined: it is on its way, or waits, or has more entries than there is room for and stays where it is. */
  async #bringPack(
    carrier: PackCarrier,
    pack: HeadPack,
    isNamed: IsNeeded | undefined,
  ): Promise<PackFate | undefined> {
    if (await carrier.isLocal(pack)) return 'local';
    const opened = isNamed || PackCarrier.isLarge(pack) ? await carrier.open(pack) : 'unreadable';
    if (opened === 'passed-over' && isNamed) {
      this.#options.log(`pack ${pack.key} is left where it is: there are too many chunks in the packs`);
      return undefined;
    }
    if (typeof opened === 'string') return carrier.bringUnread(pack);
    if (!isNamed || isAnyNeeded(opened.contents.entries(), isNamed)) return carrier.bringOpen(opened);
    this.#waiting.push(opened);
    return undefined;
  }
}
