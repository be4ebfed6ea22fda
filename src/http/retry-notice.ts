// Says that something is being tried again, so that nobody takes minutes of patience for a program that hangs.
import type { HttpError } from './http-error.ts';
import type { Tell } from './tell.ts';

export interface RetriedFailure {
  readonly error: HttpError;
  /** Of this request or body in a row, this one included. */
  readonly failures: number;
  /** Milliseconds of patience, before the wait is paid. */
  readonly left: number;
  /** Milliseconds until the next attempt. */
  readonly wait: number;
  /** No connection to the host has ever come about: see retry-account.ts. */
  readonly isFirstContact: boolean;
}

export interface RetryNotice {
  again(failure: RetriedFailure): void;
}

/** One failure is nothing to speak of, unless it took, or the wait will take, so many milliseconds. */
const TOLD_FAILURES = 2;
const TOLD_MS = 5000;
/** Ranges that fail side by side, or one after the other, are one outage: milliseconds until it is told again. */
const QUIET_MS = 120_000;

export function createRetryNotice(tell: Tell): RetryNotice {
  const toldAt = new Map<string, number>();

  function isNews({ error, failures, wait }: RetriedFailure): boolean {
    if (failures < TOLD_FAILURES && Math.max(error.took, wait) < TOLD_MS) return false;
    return performance.now() - (toldAt.get(error.origin) ?? Number.NEGATIVE_INFINITY) >= QUIET_MS;
  }

  return {
    again(failure) {
      const { error, failures, wait } = failure;
      const next = `attempt ${failures + 1} in ${Math.round(wait)} ms`;
      tell({ kind: 'debug', message: `${error.message}; ${next}` });
      if (!isNews(failure)) return;
      toldAt.set(error.origin, performance.now());
      const { host } = new URL(error.origin);
      tell({ kind: 'info', message: `${host}: ${error.fact}; ${outlook(failure)}` });
    },
  };
}

function outlook({ error, failures, left, wait, isFirstContact }: RetriedFailure): string {
  if (error.retryAfter !== undefined) return `trying again in ${seconds(wait)}`;
  if (isFirstContact) return failures < TOLD_FAILURES ? 'trying again' : 'trying once more';
  // The attempt that is under way when patience ends may take as long as this one.
  return `trying again for up to ${seconds(left + error.took)}`;
}

function seconds(milliseconds: number): string {
  return `${Math.ceil(milliseconds / 1000)} s`;
}
