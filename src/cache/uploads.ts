// The uploads of one save: what became of each, and what that means for the others while other jobs save the same.
import { setTimeout as sleep } from 'node:timers/promises';
import type { BlobCache, SaveFailure, SaveRequest } from './blob-cache.ts';
import * as keys from './keys.ts';

export interface SavePatience {
  readonly looks: number;
  readonly intervalMs: number;
  /** How long a job that has uploaded nothing waits for a service that limits it, before it looks what others do. */
  readonly throttledMs: number;
  /** How often it looks from then on: a hundred of its kind must stay below the limit of lookups. */
  readonly watchMs: number;
}

/**
 * How often a job that has uploaded something looks for what another job is uploading. The waits double from `intervalMs` to three
 * seconds, 16 s in all: most uploads end within one.
 */
export const PATIENCE: SavePatience = { looks: 8, intervalMs: 250, throttledMs: 5_000, watchMs: 10_000 };
const MAX_INTERVAL_MS = 3_000;

/** `size`: of a pack; absent for a head. */
export type UploadRequest = SaveRequest & { readonly size?: number };

/** Why the save does not go on. */
export interface Stop {
  readonly kind: 'raced' | 'incomplete' | 'switched';
  readonly message: string;
  readonly reason?: SaveFailure;
}

export interface UploadsOptions {
  readonly cache: BlobCache;
  readonly signal: AbortSignal;
  readonly log: (message: string) => void;
  /** As Date.now(). */
  readonly deadline: number;
  readonly patience: SavePatience;
}

export class Uploads {
  readonly #options: UploadsOptions;
  #packs = 0;
  #bytes = 0;

  constructor(options: UploadsOptions) {
    this.#options = options;
  }

  /** Uploaded so far. */
  get packs(): number {
    return this.#packs;
  }

  /** Of these packs. */
  get bytes(): number {
    return this.#bytes;
  }

  lookup(name: string, key: string): Promise<string | undefined> {
    return this.#options.cache.lookup(name, [key], { signal: this.#options.signal });
  }

  /** undefined: the entry is known to exist. Throws what the signal is aborted with. */
  async upload(request: UploadRequest): Promise<Stop | undefined> {
    const { signal, cache, log, deadline } = this.#options;
    signal.throwIfAborted();
    const outcome = await cache.save({ signal, deadline, ...request });
    log(`${request.key}: ${outcome.kind}`);
    if (outcome.kind === 'switched') return { kind: 'switched', message: 'the cache backend changed' };
    if (outcome.kind === 'saved' && request.size !== undefined) {
      this.#packs += 1;
      this.#bytes += request.size;
    }
    const isHead = request.name === keys.HEAD_NAME;
    // Who has uploaded nothing leaves the field to the other job. Who has must not: the other may be waiting for just that.
    const leaves = this.#packs === 0 && !isHead;
    const lost = outcome.kind === 'raced' || outcome.kind === 'taken';
    // Whoever is about to write this head lists the same packs, and all of them exist.
    if (lost && (leaves || isHead)) return { kind: 'raced', message: 'another job is saving this image' };
    if (outcome.kind === 'taken' && !(await this.#appears(request)))
      return { kind: 'incomplete', message: `another job holds ${request.key}` };
    if (!('message' in outcome)) return undefined;
    if (outcome.kind === 'failed' && !leaves && (await this.#appears(request))) return undefined;
    return { kind: 'incomplete', message: outcome.message, reason: outcome.kind };
  }

  async #appears({ name, key }: SaveRequest): Promise<boolean> {
    const { patience, signal } = this.#options;
    for (let look = 0; look < patience.looks; look++) {
      const interval = Math.min(patience.intervalMs * 2 ** look, MAX_INTERVAL_MS);
      await sleep(interval, undefined, { signal });
      if ((await this.lookup(name, key)) !== undefined) return true;
    }
    return false;
  }
}
