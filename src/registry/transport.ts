// The bottom layer: one HTTP/1.1 request through undici. Knows connections, timeouts and proxies, no registry.
import { Agent, type Dispatcher, EnvHttpProxyAgent, request as undiciRequest } from 'undici';
import packageJson from '../../package.json' with { type: 'json' };
import type { HttpAnswer, HttpRequest, Send } from './http.ts';
import { networkKind } from './network.ts';
import { networkError } from './network-error.ts';
import type { OriginGate } from './origin-gate.ts';

/** Milliseconds. `body` is the longest silence in the middle of a body; a paused reader does not count. */
export interface Timeouts {
  readonly connect: number;
  readonly headers: number;
  readonly body: number;
}

export const DEFAULT_TIMEOUTS: Timeouts = { connect: 10_000, headers: 30_000, body: 30_000 };

export interface TransportOptions {
  readonly hostname: string;
  readonly tlsVerify: boolean;
  /** At most so many connections to one origin. */
  readonly connections: number;
  readonly timeouts: Timeouts;
  readonly gate: OriginGate;
}

export interface Transport {
  readonly send: Send;
  /** Requests made so far. */
  readonly requests: number;
  /** Has this origin ever answered? */
  hasAnswered(origin: string): boolean;
  close(): Promise<void>;
}

const USER_AGENT = `${packageJson.name}/${packageJson.version}`;

export function openTransport(options: TransportOptions): Transport {
  const dispatcher = createDispatcher(options);
  const answered = new Set<string>();
  let requests = 0;

  async function send(request: HttpRequest): Promise<HttpAnswer> {
    await options.gate.pass(request.url.origin, request.signal);
    requests++;
    try {
      const answer = await dispatch(request, dispatcher, options.timeouts);
      answered.add(request.url.origin);
      return answer;
    } catch (error) {
      throw networkError(error, request);
    }
  }

  return {
    send,
    get requests() {
      return requests;
    },
    hasAnswered: (origin) => answered.has(origin),
    close: () => dispatcher.destroy(),
  };
}

async function dispatch(
  request: HttpRequest,
  dispatcher: Dispatcher,
  timeouts: Timeouts,
): Promise<HttpAnswer> {
  const { statusCode, headers, body } = await undiciRequest(request.url, {
    dispatcher,
    // Compressed answers would make ranges and lengths mean something else.
    headers: { 'user-agent': USER_AGENT, 'accept-encoding': 'identity', ...request.headers },
    signal: request.signal,
    headersTimeout: timeouts.headers,
    bodyTimeout: timeouts.body,
  });
  // A body that breaks while nobody reads it must not end the process; a reader still gets the error.
  body.on('error', () => {});
  return { status: statusCode, headers, body, request, credentialSent: false };
}

/** HTTP/2 is off: undici's default windows hold a download to some 12 MB/s at 20 ms round trip, one HTTP/1.1 connection does 179. */
function createDispatcher(options: TransportOptions): Dispatcher {
  const tls = { rejectUnauthorized: options.tlsVerify };
  const common = {
    allowH2: false,
    connections: options.connections,
    pipelining: 1,
    connect: { ...tls, timeout: options.timeouts.connect },
  };
  // Nobody's proxy leads to this machine itself.
  if (networkKind(options.hostname) === 'loopback') return new Agent(common);
  return new EnvHttpProxyAgent({ ...common, requestTls: { ...tls, allowH2: false } });
}
