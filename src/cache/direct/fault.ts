// What goes wrong between this program and the cache service. It never leaves src/cache: a backend makes misses and outcomes of it.

/**
 * denied: not for this job. throttled: too many requests. quota: storage used up. network: unreachable, or failing. gone: the entry or
 * its upload is no more. refused: the service says no and not why. limit: the entry has a size that is not wanted.
 * protocol: an answer that the service as known does not give.
 */
export type FaultReason =
  | 'denied'
  | 'throttled'
  | 'quota'
  | 'network'
  | 'gone'
  | 'refused'
  | 'limit'
  | 'protocol';

interface FaultDetails {
  /** Is the same request worth another try? */
  readonly isTransient?: boolean;
  /** Did no connection come about? */
  readonly isUnreachable?: boolean;
  /** Milliseconds that the service wants to be left alone. */
  readonly retryAfter?: number | undefined;
  readonly cause?: unknown;
}

/** The message names methods, hosts and keys, never a signed URL. */
export class CacheFault extends Error {
  override readonly name = 'CacheFault';
  readonly reason: FaultReason;
  readonly isTransient: boolean;
  readonly isUnreachable: boolean;
  readonly retryAfter: number | undefined;

  constructor(reason: FaultReason, message: string, details: FaultDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.reason = reason;
    this.isTransient = details.isTransient ?? false;
    this.isUnreachable = details.isUnreachable ?? false;
    this.retryAfter = details.retryAfter;
  }
}
