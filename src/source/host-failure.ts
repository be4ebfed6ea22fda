// What a host's failure says about the host: does it only lack this one thing, is it worth another question?
import { type ErrorCode, PullError } from '../errors.ts';
import { HttpError } from '../http/http-error.ts';

export interface Judgement {
  /** It does not have the right bytes of what was asked for. */
  readonly isLacking: boolean;
  /** Too many of these, and a host is not asked any more. */
  readonly isStrike: boolean;
  /** Nothing will ever come from it. */
  readonly isHopeless: boolean;
}

/** Nothing of these is the fault of a host. */
const NOT_THE_HOST: ReadonlySet<ErrorCode> = new Set(['ABORTED', 'INTERNAL']);
/** It sent something, and not what was asked for. */
const WRONG_BYTES: ReadonlySet<ErrorCode> = new Set(['DIGEST_MISMATCH', 'SIZE_MISMATCH', 'LIMIT_EXCEEDED']);

/** May another host do better? */
export function isHostFailure(error: unknown): error is PullError {
  return error instanceof PullError && !NOT_THE_HOST.has(error.code);
}

export function judge(error: PullError): Judgement {
  const isMissing = error.code === 'NOT_FOUND';
  return {
    isLacking: isMissing || WRONG_BYTES.has(error.code),
    isStrike: !isMissing,
    isHopeless: isHopeless(error),
  };
}

function isHopeless(error: PullError): boolean {
  if (error.code === 'TLS_FAILED') return true;
  if (!(error instanceof HttpError)) return false;
  const isStranger = error.diagnostics.some(({ code }) => code === 'NAME_UNKNOWN');
  return error.isUnreachable || error.status === 401 || isStranger;
}
