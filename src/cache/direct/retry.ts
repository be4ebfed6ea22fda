// Trying again, and for how long: what is waited for and why it ends.
import { setTimeout as sleep } from 'node:timers/promises';
import { CacheFault } from './fault.ts';

/** GitHub asks for exponential back-off, Retry-After, and a bounded number of tries. */
const MAX_ATTEMPTS = 5;
/** As for a registry that was never reached: a service that is gone must not cost ten seconds in each phase. */
const MAX_UNREACHABLE = 3;
const FIRST_WAIT_MS = 250;
const MAX_WAIT_MS = 8_000;
/** A failed attempt costs no more of the patience than this, so that a stuck transfer is tried once more. */
const MAX_ATTEMPT_COST_MS = 8_000;
/** What is restored only saves time: after so long the registry is the better source. */
const READ_PATIENCE_MS = 20_000;
/** Progress that pays for a second of patience: no download that is worth its while is slower. */
const BYTES_PER_SECOND = 8 << 20;

export interface Patience {
  /** May one wait so long, after an attempt that took `spent`? Both in milliseconds. */
  grants(wait: number, spent: number): boolean;
}

/** What all reads of a job share. Lookups and downloads that fail spend of it, downloaded bytes pay in. */
export class ReadPatience implements Patience {
  #left = READ_PATIENCE_MS;

  grants(wait: number, spent: number): boolean {
    const cost = wait + Math.min(spent, MAX_ATTEMPT_COST_MS);
    if (cost > this.#left) return false;
    this.#left -= cost;
    return true;
  }

  progress(bytes: number): void {
    this.#left = Math.min(READ_PATIENCE_MS, this.#left + (bytes / BYTES_PER_SECOND) * 1000);
  }
}

/** Of a save: whatever fits before its deadline, as Date.now(). */
export function patienceUntil(deadline: number): Patience {
  return { grants: (wait) => Date.now() + wait <= deadline };
}

export interface RetryOptions {
  readonly patience: Patience;
  readonly signal: AbortSignal;
  /** Multiplies every wait; below 1 in tests. */
  readonly scale: number;
}

/** Repeats `attempt`, which is told how often it failed, while faults are transient. Throws the last one, or the signal's reason. */
export async function withRetries<T>(
  { patience, signal, scale }: RetryOptions,
  attempt: (failures: number) => Promise<T>,
): Promise<T> {
  for (let failures = 0; ; failures++) {
    const started = performance.now();
    try {
      signal.throwIfAborted();
      return await attempt(failures);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof CacheFault) || !error.isTransient) throw error;
      if (failures + 1 >= (error.isUnreachable ? MAX_UNREACHABLE : MAX_ATTEMPTS)) throw error;
      const wait = error.retryAfter ?? backOff(failures);
      if (!patience.grants(wait, performance.now() - started)) throw error;
      await sleep(wait * scale, undefined, { signal });
    }
  }
}

function backOff(failures: number): number {
  const wait = Math.min(FIRST_WAIT_MS * 4 ** failures, MAX_WAIT_MS);
  return wait * (0.5 + Math.random() / 2);
}
