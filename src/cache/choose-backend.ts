// Which backend serves a job: the client of our own where the service is known to be the one that it speaks to, else @actions/cache.
import { describeError } from '../errors.ts';
import type { Environment } from '../http/proxy.ts';
import type { BlobCache } from './blob-cache.ts';
import { findService } from './direct/environment.ts';
import { createDirectCache } from './direct-backend.ts';
import { createFallbackCache, type OpenCache } from './fallback.ts';
import { createToolkitCache } from './toolkit-backend.ts';

export const CACHE_BACKENDS = ['auto', 'toolkit', 'direct'] as const;
/** auto: direct, and toolkit where that cannot be, or as soon as the service answers in ways that the direct client does not know. */
export type CacheBackend = (typeof CACHE_BACKENDS)[number];

export type { OpenCache } from './fallback.ts';

export function isCacheBackend(text: string): text is CacheBackend {
  return (CACHE_BACKENDS as readonly string[]).includes(text);
}

export interface CacheChoice {
  readonly backend: CacheBackend;
  /** The environment of the process, where the runner names its service, and the user proxies. */
  readonly env: Environment;
  /** RUNNER_TEMP */
  readonly tempDirectory: string;
  /** Where faults of the service go. */
  readonly log: (message: string) => void;
  /** Gets a line that names the backend, one more if that has to change, and one for each request of the direct one. */
  readonly debug: (message: string) => void;
  /** Told of signed URLs, to be masked in the log. */
  readonly onSecret: (secret: string) => void;
}

/** Sends nothing and never throws: `direct` without a service for it is a cache in which everything misses. */
export function openCache(choice: CacheChoice): OpenCache {
  const { backend, debug } = choice;
  const direct = backend === 'toolkit' ? '' : openDirect(choice);
  const tell = (name: string, why = '') =>
    debug(`cache backend: ${name} (cache-backend: ${backend}${why && `; ${why}`})`);
  if (typeof direct !== 'string') {
    tell('direct');
    return direct;
  }
  tell(backend === 'direct' ? 'none' : 'toolkit', direct);
  if (backend === 'direct')
    choice.log(`the Actions cache is not used: cache-backend is direct, but ${direct}`);
  return wholeOnly(backend === 'direct' ? createNoCache(direct) : createToolkitCache(choice));
}

/** Or why it cannot be. */
function openDirect(choice: CacheChoice): OpenCache | string {
  const access = findService(choice.env);
  if (typeof access === 'string') return access;
  try {
    const make = (onSurprise?: (message: string) => void) =>
      createDirectCache({ ...choice, ...access, ...(onSurprise ? { onSurprise } : {}) });
    if (choice.backend === 'direct') return make();
    return createFallbackCache(make, () => createToolkitCache(choice), choice.debug);
  } catch (error) {
    return describeError(error);
  }
}

function wholeOnly(cache: BlobCache): OpenCache {
  return { ...cache, open: async () => undefined, close: async () => undefined };
}

function createNoCache(message: string): BlobCache {
  return {
    form: 'raw',
    restore: async () => undefined,
    lookup: async () => undefined,
    save: async () => ({ kind: 'unavailable', message }),
  };
}
