// A failed pull as one annotation with its code, what the user can do, and where more is written.
import { error as annotate, debug, ExitCode, info } from '@actions/core';
import { describeCause, type PullError, toPullError } from '../errors.ts';
import { errorPage } from '../progress/error-page.ts';
import { forLog } from './plain-text.ts';

export interface FailureText {
  readonly title: string;
  readonly message: string;
  /** What lies behind it, for the log alone. */
  readonly cause: string | undefined;
}

/** `env`: the runner's, which tells where the documentation of this action is. */
export function failureText(failure: PullError, env: Environment): FailureText {
  const page = pageUrl(env, errorPage(failure.code));
  const cause = describeCause(failure);
  return {
    title: `oci-pull: ${failure.code}`,
    message: `${forLog(failure.message)}\n${forLog(failure.hint)}\nSee ${forLog(page)}`,
    cause: cause === undefined ? undefined : forLog(cause),
  };
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * On the server that this action came from, in the version that runs; the path alone for an action out of the workspace (`./`).
 * https://docs.github.com/en/actions/reference/workflows-and-actions/variables
 */
function pageUrl(env: Environment, path: string): string {
  const { GITHUB_SERVER_URL: server, GITHUB_ACTION_REPOSITORY: repository, GITHUB_ACTION_REF: ref } = env;
  return server && repository && ref ? `${server}/${repository}/blob/${ref}/${path}` : path;
}

/** Makes the step fail. */
export function reportFailure(thrown: unknown): void {
  const failure = toPullError(thrown);
  const { title, message, cause } = failureText(failure, process.env);
  annotate(message, { title });
  if (cause !== undefined) info(`Caused by: ${cause}`);
  if (failure.stack !== undefined) debug(forLog(failure.stack));
  process.exitCode = ExitCode.Failure;
}
