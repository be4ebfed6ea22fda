// Where TLS is not insisted on: a registry that does not speak it is asked once more in plain http.

import type { Send } from '../http/exchange.ts';
import { speaksNoTls } from '../http/network-error.ts';
import type { Endpoint } from './endpoint.ts';

/** A Send for the registry's own API. */
export function withPlainHttpFallback(send: Send, endpoint: Endpoint): Send {
  return async (request) => {
    try {
      return await send(request);
    } catch (error) {
      if (request.url.protocol !== 'https:' || !speaksNoTls(error) || !endpoint.fallBackToHttp()) throw error;
      const url = new URL(request.url);
      url.protocol = 'http:';
      return send({ ...request, url });
    }
  };
}
