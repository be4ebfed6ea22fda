// The one retry loop: what is worth another try, how long to wait before it, and when to give up.
import type { PullError } from '../errors.ts';
import { abortedError, waitFor } from './abort.ts';
import type { OriginGate } from './origin-gate.ts';
import { RegistryError } from './registry-error.ts';

export interface RetryPolicy {
  readonly gate: OriginGate;
  /** Multiplies every wait; below 1 in tests. */
  readonly scale: number;
  hasAnswered(origin: string): boolean;
}

/** Failures in a row without progress: about a minute of outage with the waits below, enough for a redeployed registry. */
const MAX_FAILURES = 12;
/** Without a stated time a quota lasts hours: no use in waiting for it. */
const MAX_RATE_LIMITED = 5;
/** A host that never answered is most likely misspelt or down. */
const MAX_FIRST_CONTACTS = 3;
const MAX_OUTAGE_MS = 180_000;
/** A longer Retry-After is not waited for. */
const MAX_RETRY_AFTER_MS = 60_000;
const MIN_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 15_000;
const FIRST_CONTACT_BACKOFF_MS = 300;
/** So many good bytes refill the budget. */
const REFILL_BYTES = 1024 * 1024;

/** The patience of one request or one blob body; progress refills it. */
export class RetryBudget {
  readonly #policy: RetryPolicy;
  readonly #signal: AbortSignal;
  #failures = 0;
  #failingSince = 0;
  #received = 0;

  constructor(policy: RetryPolicy, signal: AbortSignal) {
    this.#policy = policy;
    this.#signal = signal;
  }

  /** Bytes that reached the consumer. */
  progress(bytes: number): void {
    if (this.#failures === 0) return;
    this.#received += bytes;
    if (this.#received < REFILL_BYTES) return;
    this.#failures = 0;
    this.#received = 0;
  }

  /** Returns when it is time to try again; throws the error itself when that is hopeless, or ABORTED. */
  async spend(error: unknown): Promise<void> {
    if (this.#signal.aborted) throw abortedError(this.#signal);
    if (!(error instanceof RegistryError) || error.retry === 'never') throw error;
    if (this.#failures === 0) this.#failingSince = performance.now();
    this.#failures++;
    if (this.#isExhausted(error)) throw exhausted(error, this.#failures);
    const wait = this.#waitBefore(error);
    if (error.status === 429 || error.retryAfter !== undefined) this.#policy.gate.pause(error.origin, wait);
    await waitFor(wait, this.#signal);
  }

  #isExhausted(error: RegistryError): boolean {
    if ((error.retryAfter ?? 0) > MAX_RETRY_AFTER_MS) return true;
    if (performance.now() - this.#failingSince > MAX_OUTAGE_MS) return true;
    return this.#failures >= this.#maxFailures(error);
  }

  #maxFailures(error: RegistryError): number {
    if (this.#isFirstContact(error)) return MAX_FIRST_CONTACTS;
    if (error.code === 'RATE_LIMITED') return MAX_RATE_LIMITED;
    return MAX_FAILURES;
  }

  /** Full jitter, so that the workers of many jobs do not come back in step. */
  #waitBefore(error: RegistryError): number {
    const ceiling = this.#isFirstContact(error)
      ? FIRST_CONTACT_BACKOFF_MS
      : Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** (this.#failures - 1));
    return ((error.retryAfter ?? 0) + Math.random() * ceiling) * this.#policy.scale;
  }

  #isFirstContact(error: RegistryError): boolean {
    return error.retry === 'unreachable' && !this.#policy.hasAnswered(error.origin);
  }
}

/** Repeats `attempt` as long as the budget allows. Throws its last error. */
export async function withRetries<T>(budget: RetryBudget, attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      await budget.spend(error);
    }
  }
}

function exhausted(error: RegistryError, attempts: number): PullError {
  if (attempts === 1) return error;
  const { origin, status, diagnostics, credentialSent, retryAfter, hint, cause } = error;
  return new RegistryError(error.code, `${error.message} (gave up after ${attempts} attempts)`, {
    retry: 'never',
    origin,
    status,
    diagnostics,
    credentialSent,
    retryAfter,
    hint,
    cause,
  });
}
