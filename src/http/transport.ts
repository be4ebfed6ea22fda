// The bottom layer: one HTTP/1.1 request through undici. Knows connections, timeouts, proxies and certificates, and how
// each origin is doing, but no registry.
import { type Dispatcher, request as undiciRequest } from 'undici';
import packageJson from '../../package.json' with { type: 'json' };
import type { Link } from '../bytes/link.ts';
import type { TlsSettings } from '../hosts/registry-host.ts';
import { untilAborted } from './abort.ts';
import { type BodyWatch, createBodyWatch } from './body-watch.ts';
import { createDispatchers } from './dispatchers.ts';
import type { HttpAnswer, HttpRequest, Send } from './exchange.ts';
import { createLinkMeters } from './link.ts';
import { networkError, speaksNoTls } from './network-error.ts';
import type { OriginGate } from './origin-gate.ts';
import { createOriginSlots } from './origin-slots.ts';
import type { Environment } from './proxy.ts';
import { type Log, logExchange } from './request-log.ts';
import type { Secrets } from './secrets.ts';
import { tlsOptionsFor } from './tls.ts';
import { withSlots } from './with-slots.ts';

/** Milliseconds. `body` is the longest silence in the middle of a body; a paused reader does not count. */
export interface Timeouts {
  readonly connect: number;
  readonly headers: number;
  readonly body: number;
}

export const DEFAULT_TIMEOUTS: Timeouts = { connect: 10_000, headers: 30_000, body: 30_000 };

export interface TransportOptions {
  /** `name[:port]` as in a URL: the one host that is shown the client's certificate. */
  readonly host: string;
  readonly tls: TlsSettings;
  /** Where proxies are named. */
  readonly env: Environment;
  /** At most so many bodies at a time from one origin. */
  readonly connections: number;
  readonly timeouts: Timeouts;
  readonly gate: OriginGate;
  /** Told of the proxies' passwords. */
  readonly secrets: Secrets;
  /** Told of every request that was answered or failed, without secrets. */
  readonly debug?: Log | undefined;
}

export interface Transport {
  /** Requests that are `bulk` take their turn; see OriginSlots. */
  readonly send: Send;
  /** Requests made so far. */
  readonly requests: number;
  /** Has this origin ever answered? */
  hasAnswered(origin: string): boolean;
  /** What is known of the way to this origin. */
  link(origin: string): Link | undefined;
  close(): Promise<void>;
}

const USER_AGENT = `${packageJson.name}/${packageJson.version}`;
/** A slow connection is borne with for half as long as a silent one: 15 s. */
const STALL_WINDOW = 0.5;
/** All of a small body (manifest, token, refusal) may take as long as two silences: 60 s. */
const SMALL_BODY = 2;
/** What is no blob must not wait for a connection either: it may be what the blobs wait for. */
const CONTROL_CONNECTIONS = 2;

/** Throws CONFIG_INVALID for a client certificate that cannot be used; `send` does for a proxy. */
export function openTransport(options: TransportOptions): Transport {
  const { gate, timeouts, connections } = options;
  const dispatchers = createDispatchers({
    ...options,
    tls: tlsOptionsFor(options.tls),
    connections: connections + CONTROL_CONNECTIONS,
    connectTimeout: timeouts.connect,
  });
  const slots = createOriginSlots(connections);
  const meters = createLinkMeters();
  let requests = 0;

  function watchOver({ origin }: URL): BodyWatch {
    return createBodyWatch({
      meter: meters.of(origin),
      stallWindow: timeouts.body * STALL_WINDOW,
      onBytes: () => gate.sign(origin),
      onTrouble: () => slots.trouble(origin),
    });
  }

  async function sendNow(request: HttpRequest): Promise<HttpAnswer> {
    const { url, signal } = request;
    const { dispatcher, proxy } = dispatchers.route(url);
    const started = performance.now();
    await gate.pass(url.origin, signal);
    requests++;
    const sent = performance.now();
    try {
      const answer = await dispatch(request, dispatcher, timeouts);
      meters.of(url.origin).answered(performance.now() - sent);
      // Whoever answers 503 is about to come back or to go; that is no sign of health.
      if (answer.status < 500) gate.sign(url.origin);
      const took = performance.now() - started;
      logExchange(options, request, { took, status: answer.status });
      const smallBodyTimeout = timeouts.body * SMALL_BODY;
      return { ...answer, took, via: proxy?.label, smallBodyTimeout, watch: watchOver(url) };
    } catch (error) {
      logExchange(options, request, { took: performance.now() - started });
      const failure = networkError(error, request, { took: performance.now() - started, via: proxy?.label });
      // It got no further than to learn that this is not the protocol.
      if (speaksNoTls(failure)) requests--;
      throw failure;
    }
  }

  const inTurn = withSlots(sendNow, slots);
  return {
    send: (request) => (request.bulk ? inTurn : sendNow)(request),
    get requests() {
      return requests;
    },
    hasAnswered: meters.has,
    link: meters.measure,
    close: dispatchers.destroy,
  };
}

async function dispatch(
  request: HttpRequest,
  dispatcher: Dispatcher,
  timeouts: Timeouts,
): Promise<Omit<HttpAnswer, 'took' | 'via' | 'smallBodyTimeout' | 'watch'>> {
  const answer = undiciRequest(request.url, {
    dispatcher,
    method: request.method ?? 'GET',
    body: request.body ?? null,
    // Compressed answers would make ranges and lengths mean something else.
    headers: { 'user-agent': USER_AGENT, 'accept-encoding': 'identity', ...request.headers },
    signal: request.signal,
    headersTimeout: timeouts.headers,
    bodyTimeout: timeouts.body,
  });
  // undici hears of a cancellation only once the request has a connection.
  const { statusCode, headers, body } = await untilAborted(answer, request.signal);
  // A body that breaks while nobody reads it must not end the process; a reader still gets the error.
  body.on('error', () => {});
  return { status: statusCode, headers, body, request };
}
