// One HTTP request to the cache service or its storage, through whatever proxy the environment names.
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { EnvHttpProxyAgent, request as undiciRequest } from 'undici';
import packageJson from '../../../package.json' with { type: 'json' };
import { CacheFault } from './fault.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface HttpRequest {
  readonly url: URL;
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly headers: Readonly<Record<string, string>>;
  /** A stream needs a content-length. It is destroyed when the request fails. */
  readonly body?: Readable | Uint8Array | string;
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
}

/** Milliseconds. `body` is the longest silence in the middle of a body. */
export interface Timeouts {
  readonly connect: number;
  readonly headers: number;
  readonly body: number;
}

/** No answer of a healthy service takes as long; Azure commits a list of blocks in a second or two. */
export const DEFAULT_TIMEOUTS: Timeouts = { connect: 8_000, headers: 20_000, body: 15_000 };

export interface Transport {
  send(request: HttpRequest): Promise<HttpAnswer>;
  close(): Promise<void>;
}

const USER_AGENT = `${packageJson.name}/${packageJson.version}`;
/** Nobody's proxy leads to this machine itself. */
const LOOPBACK = 'localhost,127.0.0.1,[::1]';

/** Throws for a proxy that undici cannot use. */
export function openTransport(env: Environment, timeouts: Timeouts): Transport {
  const dispatcher = openDispatcher(env, timeouts);
  async function send({ url, method, headers, body, signal }: HttpRequest): Promise<HttpAnswer> {
    try {
      const answer = await undiciRequest(url, {
        dispatcher,
        method,
        // Compressed answers would make ranges and lengths mean something else.
        headers: { 'user-agent': USER_AGENT, 'accept-encoding': 'identity', ...headers },
        body: body ?? null,
        signal,
        headersTimeout: timeouts.headers,
        bodyTimeout: timeouts.body,
      });
      // A body that breaks while nobody reads it must not end the process; a reader still gets the error.
      answer.body.on('error', () => undefined);
      return { status: answer.statusCode, headers: answer.headers, body: answer.body };
    } catch (error) {
      throw networkFault(url, error);
    }
  }
  return { send, close: () => dispatcher.destroy() };
}

function openDispatcher(env: Environment, timeouts: Timeouts): EnvHttpProxyAgent {
  const noProxy = env.no_proxy ?? env.NO_PROXY ?? '';
  return new EnvHttpProxyAgent({
    // HTTP/1.1 on several connections; see src/http/dispatchers.ts for what HTTP/2 would cost.
    allowH2: false,
    pipelining: 1,
    connect: { timeout: timeouts.connect },
    httpProxy: env.http_proxy ?? env.HTTP_PROXY ?? '',
    httpsProxy: env.https_proxy ?? env.HTTPS_PROXY ?? '',
    noProxy: noProxy.trim() === '*' ? '*' : [noProxy, LOOPBACK].filter(Boolean).join(','),
  });
}

/** A connection that could not be made or broke, in the words of undici or the system, which hold no URL. */
export function networkFault(url: URL, error: unknown): CacheFault {
  if (error instanceof CacheFault) return error;
  const details = { isTransient: true, cause: error };
  return new CacheFault('network', `no answer from the cache service at ${url.host}`, details);
}

/** At most `limit` bytes of a body as text; throws a protocol fault for more, a network fault when it breaks. */
export async function readText(url: URL, { body }: HttpAnswer, limit: number): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of body as AsyncIterable<Buffer>) {
      size += part.length;
      if (size > limit)
        throw new CacheFault('protocol', `an answer of ${url.host} is longer than ${limit} bytes`);
      parts.push(part);
    }
  } catch (error) {
    throw networkFault(url, error);
  }
  return Buffer.concat(parts).toString();
}

export function headerOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}
