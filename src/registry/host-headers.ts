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
/** By these credentials go, however short. */
const CREDENTIAL_HEADERS: ReadonlySet<string> = new Set(['authorization', 'proxy-authorization']);
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
  for (const [name, value] of Object.entries(own))
    for (const one of secretsIn(name, value)) secrets.hide(one);
  return (request) =>
    send(
      request.url.origin === endpoint.origin
        ? { ...request, headers: { ...own, ...request.headers } }
        : request,
    );
}

/** What a server may send back of a header: all of it, an element of a list, what follows a scheme or `name=`, the password in Basic. */
function secretsIn(name: string, value: string): string[] {
  const words = value.split(/[\s,;]+/);
  const values = words.map((word) => word.replace(/^[^=]*=(?=.)/, ''));
  const [, scheme = '', rest = ''] = /^(\S+)\s+(.+)$/.exec(value) ?? [];
  if (!CREDENTIAL_HEADERS.has(name))
    return [value, rest, ...words, ...values].filter((one) => one.length >= MIN_SECRET_LENGTH);
  const password = /^basic$/i.test(scheme)
    ? Buffer.from(rest, 'base64')
        .toString()
        .replace(/^[^:]*:?/, '')
    : '';
  return [value, rest, password, ...values.filter((one) => one.length >= MIN_SECRET_LENGTH)];
}
