// A failed HTTP exchange: no answer, a refusal, or an answer that is not what was asked for; and whether trying again can help.
import { type ErrorCode, PullError, redactUrls } from '../errors.ts';
import type { HttpAnswer } from './exchange.ts';

/** `unreachable`: no connection came about, so that a host nobody has reached yet is given up soon. */
export type Retry = 'never' | 'soon' | 'unreachable';

/** What a server says about its refusal. */
export interface Diagnostic {
  readonly code: string;
  readonly message: string;
}

export interface HttpErrorDetails {
  /** What happened, without what was asked for and of whom: what follows `HOST: `. Default: the message. */
  readonly fact?: string | undefined;
  readonly retry: Retry;
  /** Origin of the server that failed. */
  readonly origin: string;
  readonly status?: number | undefined;
  readonly diagnostics?: readonly Diagnostic[];
  /** As in HttpAnswer. */
  readonly credentialSource?: string | undefined;
  /** Milliseconds the server asked to wait. */
  readonly retryAfter?: number | undefined;
  /** Milliseconds the attempt took; default: 0. */
  readonly took?: number | undefined;
  /** No connection came about, whether or not it is tried again; default: what `retry` says. */
  readonly isUnreachable?: boolean | undefined;
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

export class HttpError extends PullError {
  readonly fact: string;
  readonly retry: Retry;
  readonly origin: string;
  readonly status: number | undefined;
  readonly diagnostics: readonly Diagnostic[];
  readonly credentialSource: string | undefined;
  readonly retryAfter: number | undefined;
  readonly took: number;
  readonly isUnreachable: boolean;

  constructor(code: ErrorCode, message: string, details: HttpErrorDetails) {
    super(code, message, { hint: details.hint, cause: details.cause });
    this.fact = redactUrls(details.fact ?? message);
    this.retry = details.retry;
    this.origin = details.origin;
    this.status = details.status;
    this.diagnostics = details.diagnostics ?? [];
    this.credentialSource = details.credentialSource;
    this.retryAfter = details.retryAfter;
    this.took = details.took ?? 0;
    this.isUnreachable = details.isUnreachable ?? details.retry === 'unreachable';
  }
}

/** Of an answer that does not do. Unless `details` say otherwise, it would not be better the next time. */
export function answerError(
  { request, status }: Pick<HttpAnswer, 'request' | 'status'>,
  code: ErrorCode,
  fact: string,
  details: Partial<HttpErrorDetails> = {},
): HttpError {
  const { what, url } = request;
  const usual = { fact, retry: 'never', origin: url.origin, status } as const;
  return new HttpError(code, `${what}: ${url.host} ${fact}`, { ...usual, ...details });
}

/** What happened, for whoever knows what was asked of `known` (`host[:port]`), which is named only where it was another host. */
export function factOf(error: PullError, known?: string): string {
  if (!(error instanceof HttpError)) return error.message;
  const { host } = new URL(error.origin);
  return host === known ? error.fact : `${host}: ${error.fact}`;
}

/** The same failure, as it is for somebody whose part in it took so many milliseconds. */
export function withTook(error: HttpError, took: number): HttpError {
  return new HttpError(error.code, error.message, { ...error, took, cause: error.cause });
}

/** The same failure with another hint. */
export function rehinted(error: HttpError, hint: string): HttpError {
  return new HttpError(error.code, error.message, { ...error, hint, cause: error.cause });
}

/** The same failure in other words. */
export function reworded(error: HttpError, message: string, retry = error.retry): HttpError {
  return new HttpError(error.code, message, { ...error, retry, cause: error.cause });
}
