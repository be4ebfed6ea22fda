// The headers that configuration gives for a host: for this host, and for nobody it redirects to.

import type { Send } from '../http/exchange.ts';
import type { Secrets } from '../http/secrets.ts';
import type { Endpoint } from './endpoint.ts';

/** What the client itself decides about. */
const RESERVED: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'connection',
  'content-length',
  'host',
  'range',
  'transfer-encoding',
]);
/** Shorter values are no secrets, and would be found everywhere. */
const MIN_SECRET_LENGTH = 8;

/** A Send that adds `given` to requests to the endpoint's own origin. What the request has already is not overwritten. */
export function withHostHeaders(
  send: Send,
  {
    endpoint,
    given,
    secrets,
  }: { endpoint: Endpoint; given: Readonly<Record<string, string>>; secrets: Secrets },
): Send {
  const entries = Object.entries(given).map(([name, value]) => [name.toLowerCase(), value] as const);
  const own = Object.fromEntries(entries.filter(([name]) => !RESERVED.has(name)));
  if (Object.keys(own).length === 0) return send;
  for (const value of Object.values(own)) if (value.length >= MIN_SECRET_LENGTH) secrets.hide(value);
  return (request) =>
    send(
      request.url.origin === endpoint.origin
        ? { ...request, headers: { ...own, ...request.headers } }
        : request,
    );
}
