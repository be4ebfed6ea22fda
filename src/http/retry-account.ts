// The account behind the retry loop, in milliseconds of patience; pure.
//
// The rule: an exchange starts with PATIENCE_MS. Every failure costs FAILURE_MS, the time the attempt took, and the wait
// that follows it. Every byte that arrives pays BYTE_MS back, up to a small reserve above the start. Waits are random, up
// to what has been spent so far: so they grow by themselves while nothing arrives, and while the reserve lasts they are
// next to nothing. When nothing is left the last error counts. So a total outage is borne for PATIENCE_MS and the one
// attempt that is under way then; ten bytes a second outlast an error a second; a server that gives a byte for each connection
// does not. What will hardly get better costs more: a host that never answered is given up after three attempts, a
// quota without a stated end after a few. A wait that the server asks for is kept to or, where there is no patience for
// it, the end.
import type { HttpError } from './http-error.ts';

/** Enough for a registry that is being redeployed. */
export const PATIENCE_MS = 90_000;
/** A longer Retry-After is not waited for. */
const MAX_RETRY_AFTER_MS = 60_000;
const FAILURE_MS = 500;
const BYTE_MS = 100;
/** Five failures that are retried at once: for servers that cut every connection, but only after a good while. */
const RESERVE_MS = 5 * FAILURE_MS;
/**
 * 300 MB from a server on loopback that cuts every connection after 256 KiB and refuses every fifth request, eight ranges
 * at a time: 5.5 to 8.3 s with this, 49 s with waits of up to 500 ms.
 */
const QUICK_WAIT_MS = 20;
const MIN_WAIT_MS = 500;
const MAX_WAIT_MS = 15_000;
/** A host that never answered is most likely misspelt or down. */
const FIRST_CONTACTS = 3;
const FIRST_CONTACT_WAIT_MS = 300;
/** Without a stated time a quota lasts hours. */
const RATE_LIMITED_MS = 15_000;

export interface Failure {
  readonly error: Pick<HttpError, 'retry' | 'code' | 'retryAfter'>;
  /** Milliseconds from sending the request, or from the last byte, to the failure. */
  readonly took: number;
  /** Has the origin ever answered? */
  readonly hasAnswered: boolean;
}

export interface Verdict {
  /** Patience after the failure, before the wait is paid. */
  readonly left: number;
  /** Milliseconds to wait; undefined: give up. */
  readonly wait: number | undefined;
  /** The failure was paid for by bytes: nothing suggests that the server wants to be spared. */
  readonly isQuick: boolean;
}

/** Patience after `bytes` have arrived. */
export function payIn(left: number, bytes: number): number {
  return Math.min(PATIENCE_MS + RESERVE_MS, left + bytes * BYTE_MS);
}

/** `random`: from 0 to 1. */
export function judge(before: number, failure: Failure, random: number): Verdict {
  const isFirst = isFirstContact(failure);
  const left = before - priceOf(failure, isFirst);
  const { retryAfter } = failure.error;
  const isQuick = left >= PATIENCE_MS && retryAfter === undefined;
  const ceiling = isFirst ? FIRST_CONTACT_WAIT_MS : waitCeiling(left);
  const wait = random * ceiling;
  if (retryAfter === undefined) return { left, isQuick, wait: left > 0 ? Math.min(wait, left) : undefined };
  const isTooLong = retryAfter > Math.min(MAX_RETRY_AFTER_MS, left);
  return { left, isQuick, wait: isTooLong ? undefined : retryAfter + Math.min(wait, MIN_WAIT_MS) };
}

/** No connection came about, and none ever has. */
export function isFirstContact({ error, hasAnswered }: Pick<Failure, 'error' | 'hasAnswered'>): boolean {
  return error.retry === 'unreachable' && !hasAnswered;
}

function priceOf({ error, took }: Failure, isFirst: boolean): number {
  if (isFirst) return PATIENCE_MS / FIRST_CONTACTS + took;
  const isQuota = error.code === 'RATE_LIMITED' && error.retryAfter === undefined;
  return (isQuota ? RATE_LIMITED_MS : FAILURE_MS) + took;
}

function waitCeiling(left: number): number {
  if (left >= PATIENCE_MS) return QUICK_WAIT_MS;
  return Math.min(MAX_WAIT_MS, Math.max(MIN_WAIT_MS, PATIENCE_MS - left));
}
