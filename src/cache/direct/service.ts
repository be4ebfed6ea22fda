// The three calls of the Actions cache service, version 2: Twirp over JSON. What they answer is known from @actions/cache, which is
// the one client that GitHub maintains: https://github.com/actions/toolkit/blob/main/packages/cache/src/internal/shared/cacheTwirpClient.ts
import { type HttpAnswer, headerOf } from '../../http/exchange.ts';
import { parseRetryAfter } from '../../http/retry-after.ts';
import { CacheFault } from './fault.ts';
import { readText, type Transport } from './http.ts';
import { type Patience, withRetries } from './retry.ts';
import { parseSignedUrl } from './signed-url.ts';

type Method = 'CreateCacheEntry' | 'FinalizeCacheEntryUpload' | 'GetCacheEntryDownloadURL';

export interface ServiceOptions {
  readonly transport: Transport;
  /** ACTIONS_RESULTS_URL; only its origin counts. */
  readonly service: URL;
  /** ACTIONS_RUNTIME_TOKEN */
  readonly token: string;
  readonly onSecret: (secret: string) => void;
  readonly scale: number;
}

export interface Call {
  readonly signal: AbortSignal;
  readonly patience: Patience;
}

export interface FoundEntry {
  readonly key: string;
  readonly url: URL;
}

/** All of it throws CacheFault, or the signal's reason. */
export interface CacheService {
  /** The newest entry of this version that matches a key exactly or begins with one, in order. */
  find(keys: readonly string[], version: string, call: Call): Promise<FoundEntry | undefined>;
  /** Where to upload to; undefined: somebody has the key. */
  reserve(key: string, version: string, call: Call): Promise<URL | undefined>;
  /** Makes the entry visible. */
  finalize(key: string, version: string, size: number, call: Call): Promise<void>;
}

const PATH = '/twirp/github.actions.results.api.v1.CacheService/';
/** An answer holds a signed URL of some 500 characters and a key. */
const MAX_ANSWER_BYTES = 64 * 1024;
/** What the service calls a used up quota, in whatever status; the toolkit looks for the same words. */
const QUOTA_WORDS = 'insufficient usage';
const DENIED_PREFIX = /^cache (?:write|read) denied:/;

interface Reply {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>> | undefined;
}

export function createCacheService(options: ServiceOptions): CacheService {
  const { service, onSecret } = options;
  const call = createCaller(options);
  const signed = (value: unknown) => parseSignedUrl(value, service, onSecret);

  return {
    async find(keys, version, how) {
      const [key, ...others] = keys;
      const restoreKeys = others.length > 0 ? { restore_keys: others } : {};
      const { ok, signed_download_url, matched_key, message } = await call(
        'GetCacheEntryDownloadURL',
        { key, ...restoreKeys, version },
        how,
      );
      if (ok === false) return missOrDenied(message);
      if (typeof matched_key !== 'string') throw surprise('GetCacheEntryDownloadURL', 'names no entry');
      return { key: matched_key, url: signed(signed_download_url) };
    },
    async reserve(key, version, how) {
      const answer = await call('CreateCacheEntry', { key, version }, how);
      if (answer === TAKEN) return undefined;
      if (answer.ok !== true) throw refusal(answer.message, 'the cache service did not reserve the key');
      return signed(answer.signed_upload_url);
    },
    async finalize(key, version, size, how) {
      const body = { key, size_bytes: String(size), version };
      const { ok, message } = await call('FinalizeCacheEntryUpload', body, how);
      if (ok !== true) throw refusal(message, 'the cache service did not take the upload');
    },
  };
}

const TAKEN: Readonly<Record<string, unknown>> = {};

function createCaller({ transport, service, token, scale }: ServiceOptions) {
  /** When each method may be called again, as Date.now(): nobody calls while the service asks to be left alone. */
  const notBefore = new Map<Method, number>();

  async function post(method: Method, body: object, signal: AbortSignal): Promise<Record<string, unknown>> {
    const pause = (notBefore.get(method) ?? 0) - Date.now();
    if (pause > 0) throw throttled(method, pause / scale);
    const url = new URL(PATH + method, service);
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const request = { url, headers, body: JSON.stringify(body), signal, what: method };
    const answer = await transport.send({ ...request, method: 'POST' });
    const reply = await readReply(answer);
    if (reply.status === 200 && typeof reply.body?.ok === 'boolean') return reply.body;
    if (reply.status === 409 && method === 'CreateCacheEntry') return TAKEN;
    if (reply.status === 429) {
      const retryAfter = parseRetryAfter(headerOf(answer, 'retry-after'), Date.now());
      if (retryAfter !== undefined) notBefore.set(method, Date.now() + retryAfter * scale);
      throw throttled(method, retryAfter);
    }
    throw faultOf(method, reply);
  }

  return (method: Method, body: object, { signal, patience }: Call) =>
    withRetries({ patience, signal, scale }, () => post(method, body, signal));
}

async function readReply(answer: HttpAnswer): Promise<Reply> {
  const text = await readText(answer, MAX_ANSWER_BYTES);
  try {
    const value: unknown = JSON.parse(text);
    const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
    return { status: answer.status, body: isRecord ? (value as Record<string, unknown>) : undefined };
  } catch {
    return { status: answer.status, body: undefined };
  }
}

function faultOf(method: Method, { status, body }: Reply): CacheFault {
  const words = typeof body?.msg === 'string' ? body.msg : '';
  const text = `${method} was answered with ${status}${words && `: ${clip(words)}`}`;
  if (words.includes(QUOTA_WORDS)) return new CacheFault('quota', text);
  if ([500, 502, 503, 504].includes(status)) return new CacheFault('network', text, { isTransient: true });
  if ((status === 401 || status === 403) && body) return new CacheFault('denied', text);
  return surprise(method, `was answered with ${status}${body ? '' : ' and no JSON object'}`);
}

/** ok:false where something was to be written. */
function refusal(message: unknown, otherwise: string): CacheFault {
  const words = typeof message === 'string' ? clip(message) : '';
  if (words.includes(QUOTA_WORDS)) return new CacheFault('quota', words);
  if (DENIED_PREFIX.test(words)) return new CacheFault('denied', words);
  return new CacheFault('refused', words ? `${otherwise}: ${words}` : otherwise);
}

function missOrDenied(message: unknown): undefined {
  if (typeof message === 'string' && DENIED_PREFIX.test(message))
    throw new CacheFault('denied', clip(message));
  return undefined;
}

function throttled(method: Method, retryAfter: number | undefined): CacheFault {
  const pause = retryAfter === undefined ? '' : `, and wants ${Math.ceil(retryAfter / 1000)} s of rest`;
  const text = `the cache service limits ${method}${pause}`;
  return new CacheFault('throttled', text, { isTransient: true, retryAfter });
}

function surprise(method: Method, what: string): CacheFault {
  return new CacheFault('protocol', `${method} ${what}`);
}

/** What a service says goes into logs, in part. */
function clip(words: string): string {
  return words.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 200);
}
