// Several things at once that end one another.
import { isAbort } from '../errors.ts';

/** When one fails the others are aborted: the failure to tell is the one that is no ABORTED. */
export function throwFirstCause(...results: readonly PromiseSettledResult<unknown>[]): void {
  const failures = results.flatMap((result) =>
    result.status === 'rejected' ? [result.reason as unknown] : [],
  );
  if (failures.length > 0) throw failures.find((failure) => !isAbort(failure)) ?? failures[0];
}
