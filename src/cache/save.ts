// The save side of the remote cache: new packs first, the head that lists them last, and only once all of them are known to exist.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../errors.ts';
import type { PackFile } from '../store/pack-file.ts';
import type { BlobCache, EntryForm, SaveFailure } from './blob-cache.ts';
import { formatHead } from './head.ts';
import * as keys from './keys.ts';
import { forEachParallel, orAborted } from './parallel.ts';
import type { RestoredState } from './remote-session.ts';
import { needsSave, type SavePlan } from './save-plan.ts';
import { PATIENCE, type SavePatience, type Stop, type UploadRequest, Uploads } from './uploads.ts';

const PARALLEL_PACKS = 4;
export const DEFAULT_SAVE_DEADLINE_MS = 120_000;

export interface SaveOptions {
  readonly cache: BlobCache;
  readonly tempDirectory: string;
  readonly now: Date;
  readonly signal: AbortSignal;
  readonly log: (message: string) => void;
  readonly deadlineMs?: number;
  readonly patience?: SavePatience;
}

/**
 * saved: the head stands. raced: another job has saved the same image meanwhile. nothing: the cache already holds all of it.
 * incomplete: some packs or the head could not be saved; what was uploaded helps nobody yet.
 */
export interface SaveReport {
  readonly kind: 'saved' | 'raced' | 'nothing' | 'incomplete';
  readonly message: string;
  /** Of what is incomplete; absent where the deadline, a signal, or another job that holds a key has ended it. */
  readonly reason?: SaveFailure;
  readonly uploadedPacks: number;
  /** Bytes of the packs uploaded by this job. */
  readonly uploadedBytes: number;
}

/** Never throws. Ends at the deadline or when the signal fires, even if the library's own work goes on. */
export async function saveToCache(plan: SavePlan, options: SaveOptions): Promise<SaveReport> {
  const deadline = new AbortController();
  const milliseconds = options.deadlineMs ?? DEFAULT_SAVE_DEADLINE_MS;
  const timer = setTimeout(
    () => deadline.abort(new Error(`the deadline of ${milliseconds / 1000} s has passed`)),
    milliseconds,
  );
  const signal = AbortSignal.any([options.signal, deadline.signal]);
  const save = new Save(plan, { ...options, signal }, Date.now() + milliseconds);
  try {
    return await orAborted(save.run(), signal);
  } catch (error) {
    return save.report('incomplete', describeError(error));
  } finally {
    clearTimeout(timer);
  }
}

class Save {
  readonly #plan: SavePlan;
  readonly #options: SaveOptions;
  readonly #day: string;
  readonly #deadline: number;
  readonly #patience: SavePatience;
  /** Which entries the packs of this plan were found among, if anywhere. */
  #restored: RestoredState;
  #uploads: Uploads;

  constructor(plan: SavePlan, options: SaveOptions, deadline: number) {
    this.#plan = plan;
    this.#options = options;
    this.#deadline = deadline;
    this.#restored = restoredAmong(plan.restored, options.cache.form);
    this.#day = keys.cacheDay(options.now);
    this.#patience = options.patience ?? PATIENCE;
    this.#uploads = this.#newUploads();
  }

  async run(): Promise<SaveReport> {
    if (!needsSave({ ...this.#plan, restored: this.#restored }))
      return this.report('nothing', 'the cache already holds this image');
    if (await this.#isSavedMeanwhile())
      return this.report('raced', 'another job has saved this image meanwhile');
    let stopped = await this.#saveAll();
    if (stopped?.kind === 'switched') {
      this.#restored = restoredAmong(this.#restored, this.#options.cache.form);
      stopped = await this.#saveAll();
    }
    if (stopped?.kind === 'raced') return this.report('raced', stopped.message);
    if (stopped) return this.report('incomplete', stopped.message, stopped.reason);
    const { livePacks } = this.#plan;
    return this.report('saved', `saved ${this.#uploads.packs} new of ${livePacks.length} packs`);
  }

  async #saveAll(): Promise<Stop | undefined> {
    this.#uploads = this.#newUploads();
    return (await this.#savePacks()) ?? (await this.#saveHead());
  }

  #newUploads(): Uploads {
    return new Uploads({ ...this.#options, deadline: this.#deadline, patience: this.#patience });
  }

  report(kind: SaveReport['kind'], message: string, reason?: SaveFailure): SaveReport {
    const { packs: uploadedPacks, bytes: uploadedBytes } = this.#uploads;
    return { kind, message, ...(reason ? { reason } : {}), uploadedPacks, uploadedBytes };
  }

  /** Only today's head counts: an older one stood there when this pull looked, and was of no use to it. */
  async #isSavedMeanwhile(): Promise<boolean> {
    const key = this.#headKey();
    const found = await this.#uploads.lookup(keys.HEAD_NAME, key);
    return found === key && found !== this.#restored.headKey;
  }

  #headKey(): string {
    return keys.headKey(this.#plan.prefix, this.#restored.image, this.#day);
  }

  /**
   * One after the other until one was uploaded, so that the loser of a race, or a job that may not write, wastes a single
   * request; then several at once.
   */
  async #savePacks(): Promise<Stop | undefined> {
    const queue = this.#packsToSave();
    while (this.#uploads.packs === 0) {
      const pack = queue.shift();
      if (!pack) return undefined;
      const stop = await this.#savePack(pack);
      if (stop) return stop;
    }
    let stopped: Stop | undefined;
    await forEachParallel(queue, PARALLEL_PACKS, async (pack) => {
      if (stopped) return;
      const stop = await this.#savePack(pack);
      stopped ??= stop;
    });
    return stopped;
  }

  /** The smallest first, where losing costs least; the same order in every job. */
  #packsToSave(): PackFile[] {
    const { newPacks, livePacks } = this.#plan;
    const restored = this.#restored;
    const fresh = new Set(newPacks.map((pack) => pack.key));
    const fetched = new Set(restored.packs.filter(({ fate }) => fate === 'fetched').map(({ key }) => key));
    return livePacks
      .filter((pack) => fresh.has(pack.key) || !fetched.has(pack.key))
      .toSorted((a, b) => a.size - b.size || (a.key < b.key ? -1 : 1));
  }

  async #savePack(pack: PackFile): Promise<Stop | undefined> {
    const { prefix, newPacks } = this.#plan;
    // Listed, and yet it had to be made again: what stands in the cache is damaged, and only a new key can replace it.
    const listed = this.#restored.packs.some(({ key }) => key === pack.key);
    const replaces = listed && newPacks.some(({ key }) => key === pack.key);
    const request = {
      name: keys.packName(pack.key),
      key: keys.packEntryKey(prefix, pack.key, this.#day),
      equivalents: replaces ? [] : [keys.packPrefix(prefix, pack.key)],
      file: pack.path,
      size: pack.size,
    };
    if (this.#uploads.packs > 0) return this.#uploads.upload(request);
    const { throttledMs } = this.#patience;
    const deadline = Math.min(this.#deadline, Date.now() + throttledMs);
    const stop = await this.#uploads.upload({ ...request, deadline });
    return stop?.reason === 'throttled' ? this.#uploadUnlessRaced(request) : stop;
  }

  /** Whoever is limited is one of many: while it waits, another job may save the same image, and then there is nothing to wait for. */
  async #uploadUnlessRaced(request: UploadRequest): Promise<Stop | undefined> {
    const end = new AbortController();
    const signal = AbortSignal.any([this.#options.signal, end.signal]);
    const watch = async (): Promise<Stop> => {
      do await sleep(this.#patience.watchMs, undefined, { signal });
      while (!(await this.#isSavedMeanwhile()));
      return { kind: 'raced', message: 'another job has saved this image meanwhile' };
    };
    const upload = this.#uploads.upload({ ...request, signal });
    // The one that loses ends with the signal, and nobody is left to be told.
    upload.catch(() => undefined);
    const watching = watch();
    watching.catch(() => undefined);
    try {
      return await Promise.race([upload, watching]);
    } finally {
      end.abort();
    }
  }

  async #saveHead(): Promise<Stop | undefined> {
    const { livePacks } = this.#plan;
    const { manifestDigest } = this.#restored.image;
    const directory = await mkdtemp(join(this.#options.tempDirectory, 'oci-pull-head-'));
    try {
      const file = join(directory, 'head.json');
      await writeFile(file, formatHead({ manifestDigest, packs: livePacks }));
      return await this.#uploads.upload({
        name: keys.HEAD_NAME,
        key: this.#headKey(),
        equivalents: [],
        file,
      });
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }
}

/** Packs that were found among entries of another form are not there for this one. */
function restoredAmong(restored: RestoredState, form: EntryForm): RestoredState {
  return (restored.form ?? form) === form
    ? { ...restored, form }
    : { image: restored.image, form, packs: [] };
}
