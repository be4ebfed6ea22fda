// The model behind cache-simulation.ts: images as sets of parts that change from day to day, jobs that pull and save them by the
// program's rules, and a service with GitHub's limits. Time is in seconds.
import { createHash } from 'node:crypto';
import { decideSave } from '../src/action/save-policy.ts';
import type { SaveSettings } from '../src/action/save-settings.ts';
import * as keys from '../src/cache/keys.ts';
import type { RestoredState } from '../src/cache/remote-session.ts';
import type { ImageIdentity } from '../src/cache/session.ts';
import { MAX_LIVE_PACKS, MIN_LIVE_SHARE } from '../src/pull/live-packs.ts';
import { packTarget } from '../src/pull/prepare.ts';
import { ModelService } from './cache-model-service.ts';

export interface Figures {
  jobs: number;
  /** Jobs that took all of their image from the cache. */
  hits: number;
  bytes: number;
  bytesFromCache: number;
  creates: number;
  mostCreates: number;
  mostLookups: number;
  refused: number;
  mostStored: number;
  evicted: number;
}

export interface WorldOptions {
  /** Compressed bytes of each image. */
  readonly sizes: readonly number[];
  readonly settings: SaveSettings;
  /** Do jobs look for the head again before they write? */
  readonly looksFirst: boolean;
}

/** Of an image; an update replaces 14 of them: 44.8 of 319 MB were new in the reference update, metadata included. */
const PARTS = 100;
const REPLACED = 14;
/** A job between the end of its pull and its post phase. */
const JOB_SECONDS = 300;
const UPLOAD_BYTES_PER_SECOND = 50e6;
const PREFIX = keys.DEFAULT_CACHE_KEY_PREFIX;

interface Pack {
  readonly key: string;
  readonly size: number;
  /** `part version` */
  readonly parts: ReadonlySet<string>;
}

interface Job {
  readonly image: number;
  readonly start: number;
}

interface Save {
  readonly at: number;
  readonly job: Job;
  readonly identity: ImageIdentity;
  readonly fresh: readonly Pack[];
  readonly live: readonly Pack[];
}

export class World {
  readonly #options: WorldOptions;
  readonly #service = new ModelService();
  /** Version of each part of each image. */
  readonly #images: number[][];
  readonly #packs = new Map<string, Pack>();
  readonly #heads = new Map<string, readonly string[]>();
  readonly #totals = { jobs: 0, hits: 0, bytes: 0, bytesFromCache: 0 };
  #day = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#images = options.sizes.map(() => Array.from({ length: PARTS }, () => 0));
  }

  get figures(): Figures {
    return { ...this.#totals, ...this.#service.figures };
  }

  /** Every image gets its update. */
  startDay(day: number): void {
    this.#day = day;
    if (day === 0) return;
    for (const [image, versions] of this.#images.entries())
      for (let step = 0; step < REPLACED; step++) {
        // Seven of a hundred are the metadata, which each update replaces; the others are anywhere.
        const part = step < 3 ? step : 3 + (hash(`${image} ${day} ${step}`).readUInt32BE() % (PARTS - 3));
        versions[part] = day;
      }
  }

  /** All jobs of a matrix: each pulls at its time, and saves what is new when it has ended. */
  runMatrix(jobs: readonly Job[], ref: string): void {
    const scopes = ref === 'refs/heads/main' ? [ref] : [ref, 'refs/heads/main'];
    const offset = this.#day * 86_400;
    const saves = jobs.flatMap((job) => this.#pull({ ...job, start: job.start + offset }, scopes) ?? []);
    for (const save of saves.toSorted((a, b) => a.at - b.at)) this.#save(save, scopes);
    this.#service.evict(offset + 86_400);
  }

  #identity(image: number): ImageIdentity {
    const versions = this.#images[image] ?? [];
    const manifestDigest = `sha256:${hash(`${image} ${versions.join()}`).toString('hex')}`;
    return { repository: `registry.test/image-${image}`, manifestDigest, platform: 'linux/amd64' };
  }

  #pull(job: Job, scopes: readonly string[]): Save | undefined {
    const identity = this.#identity(job.image);
    const size = this.#options.sizes[job.image] ?? 0;
    const found = this.#service.find(keys.headPrefixes(PREFIX, identity, 'image'), scopes, job.start);
    const listed = found === undefined ? [] : (this.#heads.get(found) ?? []);
    const restored = listed.map((key) => ({ key, pack: this.#bring(key, scopes, job.start) }));
    const brought = restored.flatMap(({ pack }) => pack ?? []);
    const parts = (this.#images[job.image] ?? []).map((version, part) => `${part} ${version}`);
    const missing = parts.filter((part) => !brought.some((pack) => pack.parts.has(part)));
    this.#totals.jobs += 1;
    this.#totals.hits += Number(missing.length === 0);
    this.#totals.bytes += size;
    this.#totals.bytesFromCache += (size * (PARTS - missing.length)) / PARTS;
    const { fresh, live } = this.#keep(job.image, { parts, missing, brought });
    const state: RestoredState = {
      image: identity,
      ...(found === undefined ? {} : { headKey: found }),
      packs: restored.map(({ key, pack }) => ({ key, fate: pack ? 'fetched' : 'unusable' })),
    };
    const toFile = (pack: Pack) => ({ key: pack.key, size: pack.size, liveBytes: pack.size, path: '' });
    const plan = {
      prefix: PREFIX,
      restored: state,
      newPacks: fresh.map(toFile),
      livePacks: live.map(toFile),
    };
    const { settings } = this.#options;
    if (!decideSave(plan, { requested: 'auto', ref: scopes[0] ?? '', settings }).save) return undefined;
    const length = JOB_SECONDS * (0.9 + (hash(`${job.start} ${job.image}`).readUInt32BE() / 2 ** 32) * 0.2);
    return { at: job.start + length, job, identity, fresh, live };
  }

  #bring(key: string, scopes: readonly string[], time: number): Pack | undefined {
    const found = this.#service.find([keys.packPrefix(PREFIX, key)], scopes, time);
    return found === undefined ? undefined : this.#packs.get(key);
  }

  /** As live-packs.ts does it. */
  #keep(
    image: number,
    {
      parts,
      missing,
      brought,
    }: { parts: readonly string[]; missing: readonly string[]; brought: readonly Pack[] },
  ): { fresh: readonly Pack[]; live: readonly Pack[] } {
    const stored = brought.filter((pack) => parts.some((part) => pack.parts.has(part)));
    const fresh = this.#pack(image, missing);
    const live = [...stored, ...fresh];
    const liveParts = live.reduce(
      (sum, pack) => sum + parts.filter((part) => pack.parts.has(part)).length,
      0,
    );
    const allParts = live.reduce((sum, pack) => sum + pack.parts.size, 0);
    if (live.length <= MAX_LIVE_PACKS && liveParts >= MIN_LIVE_SHARE * allParts) return { fresh, live };
    const copied = this.#pack(image, parts);
    return { fresh: copied, live: copied };
  }

  #pack(image: number, parts: readonly string[]): Pack[] {
    const size = this.#options.sizes[image] ?? 0;
    const partBytes = size / PARTS;
    const perPack = Math.max(1, Math.ceil(packTarget(size) / partBytes));
    return Array.from({ length: Math.ceil(parts.length / perPack) }, (_, index) => {
      const own = parts.slice(index * perPack, (index + 1) * perPack);
      const key = hash(`${image} ${own.join()}`).toString('hex').slice(0, 40);
      const pack = { key, size: Math.round(own.length * partBytes), parts: new Set(own) };
      this.#packs.set(key, pack);
      return pack;
    });
  }

  /** As save.ts does it: look for the head, then packs one by one until one is ours, the head last; losers stop. */
  #save({ at, identity, fresh, live }: Save, scopes: readonly string[]): void {
    const service = this.#service;
    const scope = scopes[0] ?? '';
    const day = String(20_260_000 + this.#day);
    const head = keys.headKey(PREFIX, identity, day);
    if (this.#options.looksFirst && service.find([head], scopes, at) === head) return;
    let time = at;
    for (const pack of fresh.toSorted((a, b) => a.size - b.size)) {
      if (service.find([keys.packPrefix(PREFIX, pack.key)], scopes, time)) continue;
      const until = time + pack.size / UPLOAD_BYTES_PER_SECOND;
      const name = keys.packEntryKey(PREFIX, pack.key, day);
      if (!service.create({ key: name, scope, size: pack.size }, time, until)) return;
      time = until;
    }
    if (service.create({ key: head, scope, size: 1000 }, time, time + 1))
      this.#heads.set(
        head,
        live.map(({ key }) => key),
      );
  }
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
