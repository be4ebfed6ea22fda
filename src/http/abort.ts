// Waiting that ends at once when the pull is cancelled.
import { setTimeout as sleep } from 'node:timers/promises';
import { PullError } from '../errors.ts';

export function abortedError(signal: AbortSignal): PullError {
  return new PullError('ABORTED', 'the pull was cancelled', { cause: signal.reason });
}

/** Throws ABORTED if the signal has fired. */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw abortedError(signal);
}

/** Throws ABORTED as soon as the signal fires. */
export async function waitFor(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(milliseconds, undefined, { signal });
  } catch {
    throw abortedError(signal);
  }
}

/** The promise's outcome, or ABORTED if the signal fires first; what the promise does goes on. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(abortedError(signal));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
