// What happened below HTTP, in words; the code stands behind them for whoever looks it up.
import { describeError } from '../errors.ts';
import { printable } from './printable.ts';

export const NO_TLS =
  /^(?:EPROTO|ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH_TOO_LONG|ERR_SSL_HTTP_REQUEST)$/;

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  EHOSTUNREACH: 'the network has no way there',
  ENETUNREACH: 'the network has no way there',
  EHOSTDOWN: 'the host is down',
  ECONNRESET: 'the connection was reset',
  ECONNABORTED: 'the connection was closed',
  EPIPE: 'the connection was closed',
  ETIMEDOUT: 'the connection timed out',
  UND_ERR_SOCKET: 'the connection was closed',
  UND_ERR_HEADERS_TIMEOUT: 'no answer came in time',
  UND_ERR_BODY_TIMEOUT: 'the data stopped coming',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the data ended too early',
  UND_ERR_ABORTED: 'the connection was closed',
  ERR_STREAM_PREMATURE_CLOSE: 'the connection was closed',
};
/** Of errors that this room makes itself. */
const OWN_WORDS = /^the (?:proxy opened no tunnel|body did not end) within /;
const MAX_TOLD_LENGTH = 200;

/** `codes` of the error and all that it wraps, see codesOf. */
export function networkFact(error: unknown, codes: readonly string[]): string {
  const noTls = codes.find((code) => NO_TLS.test(code));
  if (noTls) return `the answer is not TLS (${noTls})`;
  const message = error instanceof Error ? error.message : '';
  if (OWN_WORDS.test(message)) return message;
  if (codes.includes('UND_ERR_CONNECT_TIMEOUT')) return connectTimeout(message);
  const tls = codes.find((code) => /^ERR_SSL_/.test(code));
  if (tls) return `TLS failed${reasonOf(error)} (${tls})`;
  const parser = codes.find((code) => /^HPE_/.test(code));
  if (parser) return `the answer is not HTTP (${parser})`;
  // The outermost code may be but a wrapper's.
  const code = codes.findLast((one) => WORDS[one] !== undefined);
  return code === undefined ? printable(describeError(error), MAX_TOLD_LENGTH) : `${WORDS[code]} (${code})`;
}

/** Without the addresses that undici tells. */
function connectTimeout(message: string): string {
  const milliseconds = /timeout: (\d+)ms/.exec(message)?.[1];
  const limit = milliseconds ? `within ${Number(milliseconds) / 1000} s` : 'in time';
  return `no connection came about ${limit}`;
}

/** OpenSSL's word for it, without the places in its sources. */
function reasonOf(error: unknown): string {
  const { reason } = (error ?? {}) as { reason?: unknown };
  return typeof reason === 'string' ? `: ${printable(reason, MAX_TOLD_LENGTH)}` : '';
}

/** The code of an error and of everything it wraps (several addresses tried, a cause). */
export function codesOf(error: unknown, depth = 0): string[] {
  if (!(error instanceof Error) || depth > 4) return [];
  const { code } = error as NodeJS.ErrnoException;
  const inner = error instanceof AggregateError ? error.errors : [];
  return [
    ...(typeof code === 'string' ? [code] : []),
    ...[...inner, error.cause].flatMap((one) => codesOf(one, depth + 1)),
  ];
}
