// A failed exchange with a registry or its storage: the OCI errors it sent, and whether trying again can help.
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
import { STATUS_CODES } from 'node:http';
import { type ErrorCode, PullError } from '../errors.ts';
import { type HttpAnswer, headerOf, readBody } from './http.ts';
import { parseRetryAfter } from './retry-after.ts';
import type { Secrets } from './secrets.ts';

/** `unreachable`: no connection came about, so that a host nobody has reached yet is given up soon. */
export type Retry = 'never' | 'soon' | 'unreachable';

/** One entry of a registry's `errors` list. */
export interface Diagnostic {
  readonly code: string;
  readonly message: string;
}

export interface RegistryErrorDetails {
  readonly retry: Retry;
  /** Origin of the server that failed. */
  readonly origin: string;
  readonly status?: number | undefined;
  readonly diagnostics?: readonly Diagnostic[];
  readonly credentialSent?: boolean;
  /** Milliseconds the server asked to wait. */
  readonly retryAfter?: number | undefined;
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

export class RegistryError extends PullError {
  readonly retry: Retry;
  readonly origin: string;
  readonly status: number | undefined;
  readonly diagnostics: readonly Diagnostic[];
  readonly credentialSent: boolean;
  readonly retryAfter: number | undefined;

  constructor(code: ErrorCode, message: string, details: RegistryErrorDetails) {
    super(code, message, { hint: details.hint, cause: details.cause });
    this.retry = details.retry;
    this.origin = details.origin;
    this.status = details.status;
    this.diagnostics = details.diagnostics ?? [];
    this.credentialSent = details.credentialSent ?? false;
    this.retryAfter = details.retryAfter;
  }
}

const MAX_ERROR_BYTES = 64 * 1024;
const MAX_DIAGNOSTICS = 3;
const MAX_DIAGNOSTIC_LENGTH = 300;
const TRANSIENT_STATUSES: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504, 522, 524]);

/** Reads the body of a refusal and makes it an error. Never throws. */
export async function errorOfAnswer(answer: HttpAnswer, secrets: Secrets): Promise<RegistryError> {
  const { status, request, credentialSent } = answer;
  const diagnostics = await readDiagnostics(answer, secrets);
  const code = codeOf(status, diagnostics);
  const retryAfter = parseRetryAfter(headerOf(answer, 'retry-after'), Date.now());
  const said = diagnostics.map((one) => (one.message ? `${one.code}: ${one.message}` : one.code)).join('; ');
  const wait = code === 'RATE_LIMITED' && retryAfter !== undefined ? `; ${whenAgain(retryAfter)}` : '';
  const outcome = `${status} ${STATUS_CODES[status] ?? ''}`.trimEnd() + (said && ` (${said})`) + wait;
  return new RegistryError(code, `${request.what}: ${request.url.host} answered ${outcome}`, {
    retry: TRANSIENT_STATUSES.has(status) || code === 'RATE_LIMITED' ? 'soon' : 'never',
    origin: request.url.origin,
    status,
    diagnostics,
    credentialSent,
    retryAfter,
    hint: hintFor(code, credentialSent),
  });
}

function codeOf(status: number, diagnostics: readonly Diagnostic[]): ErrorCode {
  if (status === 429 || diagnostics.some((one) => one.code === 'TOOMANYREQUESTS')) return 'RATE_LIMITED';
  if (status === 401 || status === 403) return 'UNAUTHORIZED';
  if (status === 404) return 'NOT_FOUND';
  return TRANSIENT_STATUSES.has(status) || status >= 500 ? 'REGISTRY_UNAVAILABLE' : 'RESPONSE_INVALID';
}

function whenAgain(retryAfter: number): string {
  const at = new Date(Date.now() + retryAfter).toISOString().replace(/\.\d+Z$/, 'Z');
  return `it asks to wait ${Math.ceil(retryAfter / 1000)} s, until ${at}`;
}

function hintFor(code: ErrorCode, credentialSent: boolean): string | undefined {
  if (code !== 'UNAUTHORIZED' && code !== 'NOT_FOUND') return undefined;
  if (!credentialSent)
    return 'Check the spelling. No credential was sent: a private image needs username and password, or on ghcr.io a github-token.';
  return code === 'UNAUTHORIZED'
    ? 'The credential was sent and refused: check it, and that the account may pull from this repository.'
    : 'Check the spelling. A credential was sent; some registries say "not found" where the account may not pull.';
}

async function readDiagnostics(answer: HttpAnswer, secrets: Secrets): Promise<readonly Diagnostic[]> {
  try {
    const { bytes } = await readBody(answer, MAX_ERROR_BYTES);
    const { errors } = JSON.parse(Buffer.from(bytes).toString()) as { errors?: unknown };
    if (!Array.isArray(errors)) return [];
    return errors.slice(0, MAX_DIAGNOSTICS).map((error: { code?: unknown; message?: unknown } | null) => ({
      code: plainText(error?.code, secrets) || 'UNKNOWN',
      message: plainText(error?.message, secrets),
    }));
  } catch {
    // Storage answers in XML or HTML, proxies in anything: the status has to do.
    return [];
  }
}

/** What a server says, fit to be printed: no line breaks (they could start a workflow command), no escapes, no secrets. */
function plainText(value: unknown, secrets: Secrets): string {
  if (typeof value !== 'string') return '';
  const clean = secrets
    .scrub(value)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim();
  return clean.length > MAX_DIAGNOSTIC_LENGTH ? `${clean.slice(0, MAX_DIAGNOSTIC_LENGTH)}…` : clean;
}
