// What a registry, its storage or a token server says when it refuses, as an error.
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
import { STATUS_CODES } from 'node:http';
import type { ErrorCode } from '../errors.ts';
import { type HttpAnswer, headerOf, readBody } from '../http/exchange.ts';
import { answerError, type Diagnostic, type HttpError } from '../http/http-error.ts';
import { printable } from '../http/printable.ts';
import { parseRetryAfter } from '../http/retry-after.ts';
import type { Secrets } from '../http/secrets.ts';

const MAX_ERROR_BYTES = 64 * 1024;
const MAX_DIAGNOSTICS = 3;
const MAX_DIAGNOSTIC_LENGTH = 300;
const TRANSIENT_STATUSES: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504, 522, 524]);

/** Reads the body of a refusal and makes it an error. Never throws. */
export async function readRefusal(answer: HttpAnswer, secrets: Secrets): Promise<HttpError> {
  const { status, credentialSource } = answer;
  const started = performance.now();
  const diagnostics = await readDiagnostics(answer, secrets);
  const took = answer.took + performance.now() - started;
  const code = codeOf(status, diagnostics);
  const retryAfter = delayOf(answer, diagnostics);
  const said = diagnostics.map((one) => (one.message ? `${one.code}: ${one.message}` : one.code)).join('; ');
  const wait = code === 'RATE_LIMITED' && retryAfter !== undefined ? `; ${whenAgain(retryAfter)}` : '';
  const outcome = `${status} ${STATUS_CODES[status] ?? ''}`.trimEnd() + (said && ` (${said})`) + wait;
  return answerError(answer, code, `answered ${outcome}`, {
    retry: TRANSIENT_STATUSES.has(status) || code === 'RATE_LIMITED' ? 'soon' : 'never',
    diagnostics,
    credentialSource,
    retryAfter,
    took,
    hint: hintFor(code, status, credentialSource),
  });
}

/** ghcr.io tells the time in words only: `retry-after: 880.092µs, allowed: 44000/minute`. */
function delayOf(answer: HttpAnswer, diagnostics: readonly Diagnostic[]): number | undefined {
  const stated = headerOf(answer, 'retry-after');
  const words = diagnostics.map(({ message }) => /\bretry-after: *([^\s,;]+)/i.exec(message)?.[1]);
  return parseRetryAfter(stated ?? words.find(Boolean), Date.now());
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

function hintFor(code: ErrorCode, status: number, credentialSource: string | undefined): string | undefined {
  if (code === 'REGISTRY_UNAVAILABLE' && TRANSIENT_STATUSES.has(status))
    return `The host is there, but in trouble (${status}): try again later, or name a mirror by \`mirrors\`.`;
  if (code !== 'UNAUTHORIZED' && code !== 'NOT_FOUND') return undefined;
  if (credentialSource === undefined)
    return 'Check the spelling. No credential was sent: a private image needs a login before (`docker login`, a login action), or `username` and `password`.';
  return code === 'UNAUTHORIZED'
    ? `The credential of ${credentialSource} was sent and refused: check it, and that the account may pull from this repository.`
    : `Check the spelling. The credential of ${credentialSource} was sent; some registries say "not found" where the account may not pull.`;
}

interface Reply {
  readonly errors?: unknown;
  readonly error?: unknown;
  readonly error_description?: unknown;
  readonly details?: unknown;
}

/** Of a registry, of an OAuth2 server (https://www.rfc-editor.org/rfc/rfc6749#section-5.2), or of Docker Hub's token server. */
function diagnosticsIn(reply: Reply | null): { code?: unknown; message?: unknown }[] {
  if (Array.isArray(reply?.errors)) return reply.errors.slice(0, MAX_DIAGNOSTICS).map((one) => one ?? {});
  if (typeof reply?.error === 'string') return [{ code: reply.error, message: reply.error_description }];
  return typeof reply?.details === 'string' ? [{ code: 'DETAILS', message: reply.details }] : [];
}

async function readDiagnostics(answer: HttpAnswer, secrets: Secrets): Promise<readonly Diagnostic[]> {
  try {
    const { bytes } = await readBody(answer, MAX_ERROR_BYTES);
    const reply = JSON.parse(Buffer.from(bytes).toString()) as Reply | null;
    return diagnosticsIn(reply).map(({ code, message }) => ({
      code: plainText(code, secrets) || 'UNKNOWN',
      message: plainText(message, secrets),
    }));
  } catch {
    // Storage answers in XML or HTML, proxies in anything: the status has to do.
    return [];
  }
}

function plainText(value: unknown, secrets: Secrets): string {
  return typeof value === 'string' ? printable(secrets.scrub(value), MAX_DIAGNOSTIC_LENGTH) : '';
}
