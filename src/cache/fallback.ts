// One backend until it meets a service that it does not understand, then another for the rest of the job.
import type { BlobCache } from './blob-cache.ts';
import type { DirectCache } from './direct-backend.ts';

export interface OpenCache extends BlobCache {
  open: NonNullable<BlobCache['open']>;
  /** Ends the transfers that can be ended. */
  close(): Promise<void>;
}

/** `debug` gets one line when it happens. What was being read is then looked for by the other backend; what was being saved is not. */
export function createFallbackCache(
  makeFirst: (onSurprise: (message: string) => void) => DirectCache,
  makeSecond: () => BlobCache,
  debug: (message: string) => void,
): OpenCache {
  let second: BlobCache | undefined;
  const first = makeFirst((message) => {
    if (second) return;
    debug(`cache backend: toolkit from now on, because ${message}`);
    second = makeSecond();
  });

  async function read(ask: (cache: BlobCache) => Promise<string | undefined>): Promise<string | undefined> {
    if (second) return ask(second);
    const found = await ask(first);
    return found === undefined && second ? ask(second) : found;
  }

  return {
    get form() {
      return (second ?? first).form;
    },
    restore: (...args) => read((cache) => cache.restore(...args)),
    lookup: (...args) => read((cache) => cache.lookup(...args)),
    open: async (...args) => (second ? undefined : first.open(...args)),
    async save(request) {
      if (second) return second.save(request);
      const outcome = await first.save(request);
      // Even one that went well is of no use to those who use the other backend with the rest.
      return second ? { kind: 'switched' } : outcome;
    },
    close: () => first.close(),
  };
}
