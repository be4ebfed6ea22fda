// The patience with a host that others can stand in for: one more try, and hardly any waiting.
import { HttpError } from '../http/http-error.ts';
import { RetryBudget, type RetryPolicy } from '../http/retry.ts';
import type { Timeouts } from '../http/transport.ts';

/** `brief`: for hosts that others can stand in for. */
export type Patience = 'full' | 'brief';

/** Failures in a row without progress. */
const BRIEF_FAILURES = 2;
/** As in RetryBudget: so many good bytes refill the budget. */
const REFILL_BYTES = 1024 * 1024;
/** Milliseconds: a mirror that has to fetch something itself may need seconds for its first byte. */
const BRIEF_TIMEOUTS: Timeouts = { connect: 3000, headers: 10_000, body: 15_000 };

export function createBudget(patience: Patience, policy: RetryPolicy, signal: AbortSignal): RetryBudget {
  return patience === 'full' ? new RetryBudget(policy, signal) : new BriefBudget(policy, signal);
}

export function timeoutsFor(patience: Patience, full: Timeouts): Timeouts {
  if (patience === 'full') return full;
  return {
    connect: Math.min(full.connect, BRIEF_TIMEOUTS.connect),
    headers: Math.min(full.headers, BRIEF_TIMEOUTS.headers),
    body: Math.min(full.body, BRIEF_TIMEOUTS.body),
  };
}

class BriefBudget extends RetryBudget {
  #failed = 0;
  #received = 0;

  override progress(bytes: number): void {
    super.progress(bytes);
    this.#received += bytes;
    if (this.#received < REFILL_BYTES) return;
    this.#failed = 0;
    this.#received = 0;
  }

  override async spend(error: unknown): Promise<void> {
    this.#failed++;
    this.#received = 0;
    const isOver = this.#failed >= BRIEF_FAILURES || !(error instanceof HttpError) || !isPassing(error);
    if (isOver) throw error;
    await super.spend(error);
  }
}

/** Milliseconds. Who has been waited for so long is not waited for again. */
const MAX_SILENCE = 5000;

/** A host that cannot be reached, is silent, or asks to wait is not worth it while another one can be asked at once. */
function isPassing({ retry, code, retryAfter, took }: HttpError): boolean {
  return retry === 'soon' && code !== 'RATE_LIMITED' && retryAfter === undefined && took < MAX_SILENCE;
}
