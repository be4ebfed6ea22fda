// The restore side of the remote cache: the exact head of an image, else the newest of its repository, then the packs it lists.
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError } from '../errors.ts';
import type { BlobCache, EntryForm } from './blob-cache.ts';
import { type Head, type HeadPack, MAX_HEAD_BYTES, parseHead } from './head.ts';
import * as keys from './keys.ts';
import { forEachParallel, orAborted } from './parallel.ts';
import type { CacheSession, ImageIdentity, RestoreReport } from './session.ts';

/** With @actions/cache a pack travels as one stream below 128 MiB, so speed comes from several packs at once. */
const PARALLEL_PACKS = 4;

export interface RemoteSessionOptions {
  readonly cache: BlobCache;
  /** Cache key prefix; see isCacheKeyPrefix. */
  readonly prefix: string;
  readonly log: (message: string) => void;
  readonly signal: AbortSignal;
}

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

interface FoundHead {
  readonly key: string;
  readonly form: EntryForm;
  readonly match: 'exact' | 'base';
  readonly head: Head;
}

const NOTHING: RestoreReport = { match: 'none', packKeys: [], bytes: 0 };

export class RemoteCacheSession implements CacheSession {
  readonly #options: RemoteSessionOptions;
  #restored: RestoredState | undefined;

  constructor(options: RemoteSessionOptions) {
    this.#options = options;
  }

  /** What the last restore found; undefined before the first one. */
  get restored(): RestoredState | undefined {
    return this.#restored;
  }

  async restore(image: ImageIdentity, packsDirectory: string): Promise<RestoreReport> {
    this.#restored = { image, packs: [] };
    try {
      await mkdir(packsDirectory, { recursive: true });
      return await orAborted(this.#restore(image, packsDirectory), this.#options.signal);
    } catch (error) {
      this.#options.log(`nothing restored from the cache: ${describeError(error)}`);
      return NOTHING;
    }
  }

  async #restore(image: ImageIdentity, packsDirectory: string): Promise<RestoreReport> {
    const found = await findHead(this.#options, image, packsDirectory);
    if (!found) return NOTHING;
    const fates = new Map<string, PackFate>();
    const largestFirst = found.head.packs.toSorted((a, b) => b.size - a.size);
    await forEachParallel(largestFirst, PARALLEL_PACKS, async (pack) => {
      this.#options.signal.throwIfAborted();
      fates.set(pack.key, await this.#bringPack(pack, packsDirectory));
    });
    const packs = [...fates].map(([key, fate]) => ({ key, fate }));
    this.#restored = { image, headKey: found.key, form: found.form, packs };
    const sizeOf = new Map(found.head.packs.map((pack) => [pack.key, pack.size]));
    const fetched = packs.filter(({ fate }) => fate === 'fetched');
    const packKeys = packs.filter(({ fate }) => fate !== 'unusable').map(({ key }) => key);
    const which = found.match === 'exact' ? 'this image' : 'another image of this repository';
    this.#options.log(`${packKeys.length} of ${packs.length} packs of ${which} are at hand`);
    const bytes = fetched.reduce((sum, { key }) => sum + (sizeOf.get(key) ?? 0), 0);
    return { match: found.match, packKeys, bytes };
  }

  async #bringPack(pack: HeadPack, packsDirectory: string): Promise<PackFate> {
    const { cache, prefix, log, signal } = this.#options;
    const target = join(packsDirectory, `${pack.key}.pack`);
    if ((await fileSize(target)) === pack.size) return 'local';
    const partial = join(packsDirectory, `${pack.key}.${randomUUID()}.partial`);
    try {
      const lookup = [keys.packPrefix(prefix, pack.key)];
      const options = { signal, size: pack.size };
      const key = await cache.restore(keys.packName(pack.key), lookup, partial, options);
      const size = await fileSize(partial);
      if (key !== undefined && keys.matchesPackKey(key, prefix, pack.key) && size === pack.size) {
        await rename(partial, target);
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

async function findHead(
  options: RemoteSessionOptions,
  image: ImageIdentity,
  directory: string,
): Promise<FoundHead | undefined> {
  const { cache, prefix, log, signal } = options;
  const file = join(directory, `head.${randomUUID()}.partial`);
  try {
    const prefixes = [keys.exactHeadPrefix(prefix, image), keys.repositoryHeadPrefix(prefix, image)];
    const key = await cache.restore(keys.HEAD_NAME, prefixes, file, { signal, maxBytes: MAX_HEAD_BYTES });
    const matched = key === undefined ? undefined : keys.matchHeadKey(key, prefix, image);
    if (key === undefined || !matched) return undefined;
    const size = (await fileSize(file)) ?? 0;
    const head = size <= MAX_HEAD_BYTES ? parseHead(await readFile(file)) : undefined;
    if (head && keys.manifestPart(head) === matched.manifestPart)
      return { key, form: cache.form, match: matched.match, head };
    log(`the cache entry ${key} is damaged and is ignored`);
    return undefined;
  } finally {
    await rm(file, { force: true });
  }
}

/** Size of a regular file in bytes; undefined where there is none. */
async function fileSize(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() ? found.size : undefined;
}
