// The one retry loop: what is worth another try, and waiting before it. How long, and when it is enough: retry-account.ts.
import { throwIfAborted, waitFor } from './abort.ts';
import { HttpError, reworded } from './http-error.ts';
import type { OriginGate } from './origin-gate.ts';
import { isFirstContact, judge, PATIENCE_MS, payIn } from './retry-account.ts';
import type { RetryNotice } from './retry-notice.ts';

export interface RetryPolicy {
  readonly gate: OriginGate;
  /** Multiplies every wait; below 1 in tests. Accounts are kept as if it were 1. */
  readonly scale: number;
  hasAnswered(origin: string): boolean;
  /** Told of what is tried again. */
  readonly notice?: RetryNotice | undefined;
}

/** The patience of one request or one blob body; progress refills it. */
export class RetryBudget {
  readonly #policy: RetryPolicy;
  readonly #signal: AbortSignal;
  #left = PATIENCE_MS;
  #failures = 0;
  #failingSince = 0;

  constructor(policy: RetryPolicy, signal: AbortSignal) {
    this.#policy = policy;
    this.#signal = signal;
  }

  /** Bytes that reached the consumer. */
  progress(bytes: number): void {
    this.#left = payIn(this.#left, bytes);
    if (this.#left >= PATIENCE_MS) this.#failures = 0;
  }

  /** Returns when it is time to try again; throws the error itself when that is hopeless, or ABORTED. */
  async spend(error: unknown): Promise<void> {
    throwIfAborted(this.#signal);
    if (!(error instanceof HttpError) || error.retry === 'never') throw error;
    if (this.#failures++ === 0) this.#failingSince = performance.now();
    const failure = { error, took: error.took, hasAnswered: this.#policy.hasAnswered(error.origin) };
    const { left, wait, isQuick } = judge(this.#left, failure, Math.random());
    if (wait === undefined) throw exhausted(error, this.#failures);
    const shared = isQuick ? wait : this.#share(error, wait);
    this.#left = left - shared;
    const [failures, isFirst] = [this.#failures, isFirstContact(failure)];
    this.#policy.notice?.again({ error, failures, left, wait: shared, isFirstContact: isFirst });
    await waitFor(shared * this.#policy.scale, this.#signal);
  }

  /** The wait, in step with the other requests to the origin where it is the origin that fails or wants to be spared. */
  #share(error: HttpError, wait: number): number {
    const { gate, scale } = this.#policy;
    if (error.status === 429 || error.retryAfter !== undefined) gate.pause(error.origin, wait * scale);
    // One failure may be bad luck; the second, with no sign of life from anyone meanwhile, is an outage.
    else if (this.#failures > 1 && gate.lastSign(error.origin) < this.#failingSince)
      return gate.join(error.origin, wait * scale) / scale;
    return wait;
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

function exhausted(error: HttpError, attempts: number): HttpError {
  if (attempts === 1) return error;
  return reworded(error, `${error.message} (gave up after ${attempts} attempts)`, 'never');
}
