// What went wrong below HTTP, as a HttpError: names, connections, certificates, proxies, broken streams.
import { PullError } from '../errors.ts';
import { abortedError } from './abort.ts';
import type { HttpRequest } from './exchange.ts';
import { HttpError, type Retry } from './http-error.ts';
import { codesOf, NO_TLS, networkFact } from './network-fact.ts';
import { certificateFault } from './tls-error.ts';

/** No connection came about. */
const UNREACHABLE: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_PRX_CONN',
  'UND_ERR_SOCKS5',
  'UND_ERR_SOCKS5_CLOSED',
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

/** DNS: the name does not exist, or nobody could say. */
const UNKNOWN_NAME: ReadonlySet<string> = new Set(['ENOTFOUND', 'EAI_AGAIN']);
/** What undici says where a proxy answers CONNECT, or a plain request, with something of its own. */
const PROXY_REFUSAL = /Proxy response \((\d{3})\)|Proxy Authentication Required \((407)\)/;

export interface Attempt {
  /** Milliseconds. */
  readonly took?: number | undefined;
  /** Label of the proxy in between. */
  readonly via?: string | undefined;
}

interface Fault {
  readonly fact: string;
  readonly code: 'REGISTRY_UNAVAILABLE' | 'TLS_FAILED';
  readonly retry: Retry;
  readonly hint?: string | undefined;
}

/** ABORTED if the request was cancelled, else a HttpError; PullErrors pass through. */
export function networkError(error: unknown, request: HttpRequest, attempt: Attempt = {}): PullError {
  if (request.signal.aborted) return abortedError(request.signal);
  if (error instanceof PullError) return error;
  const { what, url } = request;
  const { took, via } = attempt;
  const { fact, code, retry, hint } = faultOf(error, url, via);
  const way = via === undefined ? url.host : `${url.host}, through the proxy ${via}`;
  return new HttpError(code, `${what}: ${way}: ${fact}`, {
    fact: via === undefined ? fact : `through the proxy ${via}: ${fact}`,
    retry,
    origin: url.origin,
    took,
    hint,
    cause: error,
  });
}

/** Did the host answer the TLS handshake with something else, so that plain http may be what it speaks? */
export function speaksNoTls(error: unknown): boolean {
  if (!(error instanceof HttpError)) return false;
  const { cause } = error;
  if (codesOf(cause).some((code) => NO_TLS.test(code))) return true;
  return cause instanceof Error && /before secure TLS connection/.test(cause.message);
}

function faultOf(error: unknown, url: URL, via: string | undefined): Fault {
  const status = via === undefined ? undefined : refusalOf(error);
  if (status !== undefined) return proxyRefusal(status, via);
  const codes = codesOf(error);
  const certificate = certificateFault(error, url.host);
  if (certificate) return { ...certificate, code: 'TLS_FAILED', retry: 'never' };
  const unavailable = { code: 'REGISTRY_UNAVAILABLE', retry: retryOf(codes) } as const;
  if (codes.some((code) => UNKNOWN_NAME.has(code)))
    return { ...unavailable, ...unknownName(error, url, via) };
  return { ...unavailable, fact: networkFact(error, codes), hint: hintFor(codes, url, via) };
}

function hintFor(codes: readonly string[], { host }: URL, via: string | undefined): string | undefined {
  if (codes.some((code) => NO_TLS.test(code)))
    return via === undefined
      ? `${host} does not speak TLS, or something on the way answers in its place. If it is meant to be asked in plain http, set \`tls-verify\` to false.`
      : `Check that ${via} lets TLS through, and speaks it itself only where its address begins with https.`;
  if (via !== undefined && codes.some((code) => UNREACHABLE.has(code)))
    return `Check that the proxy ${via} runs and can be reached from here; exempt ${host} by no_proxy if it needs none.`;
  return undefined;
}

function retryOf(codes: readonly string[]): Retry {
  if (codes.some((code) => UNREACHABLE.has(code))) return 'unreachable';
  // An alert or a reset inside of TLS shows as ERR_SSL_…; a handshake with the wrong protocol will not get better.
  const isBroken = codes.some((code) => BROKEN.has(code) || (/^ERR_SSL_/.test(code) && !NO_TLS.test(code)));
  return isBroken ? 'soon' : 'never';
}

/** Through a proxy only the proxy's own name is looked up here. */
function unknownName(error: unknown, url: URL, via: string | undefined) {
  const name = hostnameOf(error) ?? url.hostname;
  const fact = `the host name ${name} is not known (${codesOf(error).join(', ')})`;
  const hint =
    via === undefined
      ? 'Check the spelling of the registry, and that this machine can resolve names.'
      : 'Check the name of the proxy in the environment variable.';
  return { fact, hint };
}

function refusalOf(error: unknown): number | undefined {
  const [, tunnel, plain] = PROXY_REFUSAL.exec(error instanceof Error ? error.message : '') ?? [];
  const status = tunnel ?? plain;
  return status === undefined ? undefined : Number(status);
}

/** A gateway's error may pass; a proxy that does not let us through will not change its mind. */
function proxyRefusal(status: number, via: string | undefined): Fault {
  const retry = status >= 500 || status === 429 || status === 408 ? 'soon' : 'never';
  const hint =
    status === 407
      ? 'Put user:password@ before the host in the environment variable.'
      : `Ask whoever runs ${via}, or exempt the host by no_proxy.`;
  const fact =
    status === 407 ? 'the proxy wants a credential (407)' : `the proxy refused to connect (${status})`;
  return { fact, code: 'REGISTRY_UNAVAILABLE', retry, hint };
}

function hostnameOf(error: unknown): string | undefined {
  const { hostname } = (error ?? {}) as { hostname?: unknown };
  return typeof hostname === 'string' ? hostname : undefined;
}
