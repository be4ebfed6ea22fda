// What a fault means for a file that was to be saved.
import { describeError } from '../../errors.ts';
import type { SaveFailure, SaveOutcome } from '../blob-cache.ts';
import { CacheFault, type FaultReason } from './fault.ts';

const FAILURES: Readonly<Record<FaultReason, SaveFailure>> = {
  denied: 'denied',
  quota: 'quota',
  throttled: 'throttled',
  network: 'network',
  gone: 'failed',
  refused: 'failed',
  limit: 'failed',
  protocol: 'failed',
};

/** What is no fault of the service is one of the file, unless the save was told to end. */
export function outcomeOf(key: string, error: unknown, isAborted: boolean): SaveOutcome {
  const otherwise = isAborted ? 'failed' : 'unavailable';
  const kind = error instanceof CacheFault ? FAILURES[error.reason] : otherwise;
  return { kind, message: `${key} was not saved: ${describeError(error)}` };
}
