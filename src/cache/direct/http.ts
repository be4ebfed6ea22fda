// HTTP as the registries' client speaks it, to the cache service and its storage. What goes wrong is a fault of the cache, and ends no pull.
import { type HttpAnswer, type HttpRequest, readBody } from '../../http/exchange.ts';
import { HttpError } from '../../http/http-error.ts';
import { createOriginGate } from '../../http/origin-gate.ts';
import { type Environment, proxyFor } from '../../http/proxy.ts';
import { createSecrets, type OnSecret } from '../../http/secrets.ts';
import { openTransport as openHttpTransport, type Timeouts } from '../../http/transport.ts';
import { CacheFault } from './fault.ts';

/** No answer of a healthy service takes as long; Azure commits a list of blocks in a second or two. */
export const CACHE_TIMEOUTS: Timeouts = { connect: 8_000, headers: 20_000, body: 15_000 };

export interface Transport {
  /** Throws CacheFault, or whatever when the signal fires. */
  send(request: HttpRequest): Promise<HttpAnswer>;
  close(): Promise<void>;
}

export interface TransportOptions {
  readonly service: URL;
  /** Where proxies are named. */
  readonly env: Environment;
  /** Bodies at the same time. */
  readonly connections: number;
  readonly timeouts: Timeouts;
  /** Told of the proxies' passwords. */
  readonly onSecret: OnSecret;
  /** Told of every request, without secrets. */
  readonly debug?: ((message: string) => void) | undefined;
}

/** Throws CONFIG_INVALID where the environment names a proxy for the service that cannot be used. */
export function openTransport({ service, onSecret, ...options }: TransportOptions): Transport {
  proxyFor(service, options.env);
  const { send, close } = openHttpTransport({
    ...options,
    host: service.host,
    tls: { verify: true, authorities: [], sources: [] },
    gate: createOriginGate(),
    secrets: createSecrets(onSecret),
  });
  return {
    close,
    send: (request) =>
      send(request).catch((error: unknown) => {
        throw networkFault(request.url, error);
      }),
  };
}

/** A connection that could not be made, broke or took too long. */
export function networkFault(url: URL, error: unknown): CacheFault {
  if (error instanceof CacheFault) return error;
  if (error instanceof HttpError) {
    const { isUnreachable } = error;
    return new CacheFault('network', error.message, { isTransient: error.retry !== 'never', isUnreachable });
  }
  const details = { isTransient: true, cause: error };
  return new CacheFault('network', `no answer from the cache service at ${url.host}`, details);
}

/** At most `limit` bytes of a body as text; throws a protocol fault for more, a network fault when it breaks. */
export async function readText(answer: HttpAnswer, limit: number): Promise<string> {
  const { url } = answer.request;
  const { bytes, complete } = await readBody(answer, limit).catch((error: unknown) => {
    throw networkFault(url, error);
  });
  if (!complete) throw new CacheFault('protocol', `an answer of ${url.host} is longer than ${limit} bytes`);
  return Buffer.from(bytes).toString();
}
