// A failed pull as one annotation with its code and what the user can do.
import { error as annotate, debug, ExitCode, info } from '@actions/core';
import { describeCause, type PullError, toPullError } from '../errors.ts';
import { forLog } from './plain-text.ts';

export interface FailureText {
  readonly title: string;
  readonly message: string;
  /** What lies behind it, for the log alone. */
  readonly cause: string | undefined;
}

export function failureText(failure: PullError): FailureText {
  const cause = describeCause(failure);
  return {
    title: `oci-pull: ${failure.code}`,
    message: `${forLog(failure.message)}\n${forLog(failure.hint)}`,
    cause: cause === undefined ? undefined : forLog(cause),
  };
}

/** Makes the step fail. */
export function reportFailure(thrown: unknown): void {
  const failure = toPullError(thrown);
  const { title, message, cause } = failureText(failure);
  annotate(message, { title });
  if (cause !== undefined) info(`Caused by: ${cause}`);
  if (failure.stack !== undefined) debug(forLog(failure.stack));
  process.exitCode = ExitCode.Failure;
}
