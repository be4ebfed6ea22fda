/** Runs `work` over `items` in order, at most `limit` at a time; rejects with the first rejection and then starts no more. */
export async function forEachParallel<T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  let failed = false;
  const drain = async (): Promise<void> => {
    for (const item of queue) {
      if (failed) return;
      await work(item);
    }
  };
  const lanes = Array.from({ length: Math.min(limit, items.length) }, () =>
    drain().catch((error: unknown) => {
      failed = true;
      throw error;
    }),
  );
  await Promise.all(lanes);
}

/** Settles as `promise` does, or rejects with the signal's reason as soon as it fires; the work itself goes on unobserved. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([aborted, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/**
 * As forEachParallel; but once one has failed, or `signal` has fired, the signal that the others were given fires as well, and none is
 * under way any more when this rejects with the first failure.
 */
export async function forEachUntilFailure<T>(
  items: readonly T[],
  { limit, signal }: { readonly limit: number; readonly signal: AbortSignal },
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failure = new AbortController();
  const either = AbortSignal.any([signal, failure.signal]);
  const queue = items.values();
  const drain = async (): Promise<void> => {
    for (const item of queue) {
      if (either.aborted) return;
      await work(item, either);
    }
  };
  const lanes = Array.from({ length: Math.min(limit, items.length) }, () =>
    drain().catch((error: unknown) => failure.abort(error)),
  );
  await Promise.all(lanes);
  either.throwIfAborted();
}
