// What went wrong below HTTP, as a RegistryError: names, connections, certificates, broken streams.
import { describeError, PullError } from '../errors.ts';
import { abortedError } from './abort.ts';
import type { HttpRequest } from './http.ts';
import { RegistryError, type Retry } from './registry-error.ts';

/** No connection came about. */
const UNREACHABLE: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** A connection broke or fell silent. */
const BROKEN: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'ECONNABORTED',
  'ETIMEDOUT',
  'EPIPE',
  'UND_ERR_SOCKET',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  'UND_ERR_ABORTED',
  'ERR_STREAM_PREMATURE_CLOSE',
]);

/** Codes of Node's certificate checks; the others begin with CERT_ or UNABLE_TO_. */
const CERTIFICATE =
  /^(?:CERT_|UNABLE_TO_|ERR_TLS_CERT_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT|HOSTNAME_MISMATCH)/;
const NO_TLS =
  /^(?:EPROTO|ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH_TOO_LONG|ERR_SSL_HTTP_REQUEST)$/;

/** ABORTED if the request was cancelled, else a RegistryError; PullErrors pass through. */
export function networkError(error: unknown, request: HttpRequest): PullError {
  if (request.signal.aborted) return abortedError(request.signal);
  if (error instanceof PullError) return error;
  const { what, url } = request;
  return new RegistryError('REGISTRY_UNAVAILABLE', `${what}: ${url.host}: ${describeError(error)}`, {
    retry: retryOf(error),
    origin: url.origin,
    hint: hintFor(error, url),
    cause: error,
  });
}

/** Did the host answer the TLS handshake with something else, so that plain http may be what it speaks? */
export function speaksNoTls(error: unknown): boolean {
  if (!(error instanceof RegistryError)) return false;
  const { cause } = error;
  if (codesOf(cause).some((code) => NO_TLS.test(code))) return true;
  return cause instanceof Error && /before secure TLS connection/.test(cause.message);
}

function retryOf(error: unknown): Retry {
  const codes = codesOf(error);
  if (codes.some((code) => UNREACHABLE.has(code))) return 'unreachable';
  // An alert or a reset inside of TLS shows as ERR_SSL_…; a handshake with the wrong protocol will not get better.
  const isBroken = codes.some((code) => BROKEN.has(code) || (/^ERR_SSL_/.test(code) && !NO_TLS.test(code)));
  return isBroken ? 'soon' : 'never';
}

function hintFor(error: unknown, url: URL): string | undefined {
  const codes = codesOf(error);
  if (codes.some((code) => CERTIFICATE.test(code)))
    return `The certificate of ${url.host} is not trusted: name its CA in NODE_EXTRA_CA_CERTS, or set tls-verify to false if you know the network.`;
  if (codes.some((code) => NO_TLS.test(code)))
    return `${url.host} does not speak TLS: set tls-verify to false to allow plain http.`;
  return undefined;
}

/** The code of an error and of everything it wraps (several addresses tried, a cause). */
function codesOf(error: unknown, depth = 0): string[] {
  if (!(error instanceof Error) || depth > 4) return [];
  const { code } = error as NodeJS.ErrnoException;
  const inner = error instanceof AggregateError ? error.errors : [];
  return [
    ...(typeof code === 'string' ? [code] : []),
    ...[...inner, error.cause].flatMap((one) => codesOf(one, depth + 1)),
  ];
}
