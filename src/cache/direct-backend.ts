// BlobCache on the cache service itself, version 2: raw bytes in entries of our own, read in ranges and written in blocks, with no tar,
// no zstd and no detour over the disk, and with the reasons that the service gives.
import { randomUUID } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import type { ByteRange } from '../bytes/range.ts';
import { describeError } from '../errors.ts';
import type { Environment } from '../http/proxy.ts';
import type { Timeouts } from '../http/transport.ts';
import type {
  BlobCache,
  OpenEntry,
  RestoreOptions,
  SaveOutcome,
  SaveRequest,
  TransferOptions,
} from './blob-cache.ts';
import { copyRanges, copyWhole, PARALLEL_READS } from './direct/download.ts';
import { entryVersion } from './direct/entry-version.ts';
import type { ServiceAccess } from './direct/environment.ts';
import { CacheFault } from './direct/fault.ts';
import { CACHE_TIMEOUTS, openTransport } from './direct/http.ts';
import { outcomeOf } from './direct/outcome.ts';
import { RemoteBlob } from './direct/remote-blob.ts';
import { ReadPatience } from './direct/retry.ts';
import { saveEntry } from './direct/save-entry.ts';
import { type CacheService, createCacheService, type FoundEntry } from './direct/service.ts';
import { createSlots } from './direct/slots.ts';
import { PARALLEL_WRITES } from './direct/upload.ts';
import { readAll, withFile } from './direct/whole.ts';
import { MAX_PACK_BYTES } from './head.ts';

export interface DirectCacheOptions extends ServiceAccess {
  /** Where proxies are named. */
  readonly env: Environment;
  /** Told of every signed URL and its signature before anything could log them. */
  readonly onSecret: (secret: string) => void;
  /** Faults, each text once. */
  readonly log: (message: string) => void;
  /** The service does not speak the protocol as known; told before the answer to whoever asked. */
  readonly onSurprise?: (message: string) => void;
  /** Told of every request, without secrets. */
  readonly debug?: (message: string) => void;
  readonly timeouts?: Timeouts;
  /** Multiplies every wait; below 1 in tests. */
  readonly scale?: number;
}

export interface DirectCache extends BlobCache {
  open: NonNullable<BlobCache['open']>;
  /** Ends every transfer and connection. */
  close(): Promise<void>;
}

/** Throws for a proxy in `env` that cannot be used. */
export function createDirectCache(options: DirectCacheOptions): DirectCache {
  const client = new DirectClient(options);
  return {
    form: 'raw',
    restore: (...args) => client.restore(...args),
    lookup: (...args) => client.lookup(...args),
    open: (...args) => client.open(...args),
    save: (request) => client.save(request),
    close: () => client.close(),
  };
}

class DirectClient {
  readonly #options: DirectCacheOptions;
  readonly #transport: ReturnType<typeof openTransport>;
  readonly #service: CacheService;
  readonly #reads: { slots: ReturnType<typeof createSlots>; patience: ReadPatience };
  readonly #writeSlots = createSlots(PARALLEL_WRITES);
  readonly #scale: number;
  readonly #logged = new Set<string>();
  readonly #closed = new AbortController();

  constructor(options: DirectCacheOptions) {
    const { timeouts = CACHE_TIMEOUTS, scale = 1 } = options;
    this.#options = options;
    this.#scale = scale;
    const connections = PARALLEL_READS + PARALLEL_WRITES;
    this.#transport = openTransport({ ...options, timeouts, connections });
    this.#service = createCacheService({ ...options, scale, transport: this.#transport });
    this.#reads = { slots: createSlots(PARALLEL_READS), patience: new ReadPatience() };
  }

  async restore(
    name: string,
    prefixes: readonly string[],
    file: string,
    options: RestoreOptions = {},
  ): Promise<string | undefined> {
    return this.#orMiss(options, async () => {
      const found = await this.#find(name, prefixes, options);
      if (!found) return undefined;
      const partial = `${file}.${randomUUID()}.partial`;
      try {
        const blob = this.#blob(name, found, options);
        await withFile(partial, 'wx', (handle) => copyWhole(blob, handle, this.#signal(options)));
        await rename(partial, file);
      } catch (error) {
        await rm(partial, { force: true });
        throw error;
      }
      return found.key;
    });
  }

  async lookup(
    name: string,
    prefixes: readonly string[],
    options: TransferOptions = {},
  ): Promise<string | undefined> {
    return this.#orMiss(options, async () => (await this.#find(name, prefixes, options))?.key);
  }

  async open(
    name: string,
    prefixes: readonly string[],
    options: RestoreOptions = {},
  ): Promise<OpenEntry | undefined> {
    return this.#orMiss(options, async () => {
      const found = await this.#find(name, prefixes, options);
      return found && this.#openEntry(found.key, this.#blob(name, found, options), options);
    });
  }

  #openEntry(key: string, blob: RemoteBlob, options: TransferOptions): OpenEntry {
    const copy = async (ranges: readonly ByteRange[], file: string) => {
      await withFile(file, 'r+', (handle) => copyRanges(blob, ranges, handle, this.#signal(options)));
      return (ranges.at(-1)?.end ?? 0) <= (blob.size ?? 0);
    };
    return {
      key,
      get size() {
        return blob.size;
      },
      get ignoresRanges() {
        return blob.ignoresRanges;
      },
      read: (range) => this.#orMiss(options, () => readAll(blob, range)),
      copy: async (ranges, file) => (await this.#orMiss(options, () => copy(ranges, file))) ?? false,
    };
  }

  async save(request: SaveRequest): Promise<SaveOutcome> {
    try {
      const { mayWrite } = this.#options;
      return await saveEntry(request, {
        mayWrite,
        service: this.#service,
        transport: this.#transport,
        slots: this.#writeSlots,
        scale: this.#scale,
        find: (name, prefixes) => this.#find(name, prefixes, request),
        signal: this.#signal(request),
      });
    } catch (error) {
      this.#tellSurprise(error);
      return outcomeOf(request.key, error, this.#signal(request).aborted);
    }
  }

  async #find(
    name: string,
    prefixes: readonly string[],
    options: TransferOptions,
  ): Promise<FoundEntry | undefined> {
    if (prefixes.length === 0 || !this.#options.mayRead) return undefined;
    const call = { signal: this.#signal(options), patience: this.#reads.patience };
    const found = await this.#service.find(prefixes, entryVersion(name), call);
    // The service compares without regard to case.
    return found && prefixes.some((prefix) => found.key.startsWith(prefix)) ? found : undefined;
  }

  #blob(name: string, found: FoundEntry, options: RestoreOptions): RemoteBlob {
    const { size, maxBytes = MAX_PACK_BYTES } = options;
    const renew = async () => {
      const again = await this.#find(name, [found.key], options);
      if (again?.key !== found.key) throw new CacheFault('gone', `the entry ${found.key} is gone`);
      return again.url;
    };
    return new RemoteBlob({
      ...this.#reads,
      transport: this.#transport,
      scale: this.#scale,
      url: found.url,
      renew,
      signal: this.#signal(options),
      size,
      maxBytes,
    });
  }

  #signal({ signal }: TransferOptions): AbortSignal {
    return signal ? AbortSignal.any([signal, this.#closed.signal]) : this.#closed.signal;
  }

  async #orMiss<T>(options: TransferOptions, work: () => Promise<T | undefined>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (this.#signal(options).aborted) return undefined;
      this.#tellSurprise(error);
      const text = `the cache service could not be used: ${describeError(error)}`;
      if (!this.#logged.has(text)) this.#options.log(text);
      this.#logged.add(text);
      return undefined;
    }
  }

  #tellSurprise(error: unknown): void {
    if (error instanceof CacheFault && error.reason === 'protocol') this.#options.onSurprise?.(error.message);
  }

  async close(): Promise<void> {
    this.#closed.abort(new Error('the cache is closed'));
    await this.#transport.close();
  }
}
