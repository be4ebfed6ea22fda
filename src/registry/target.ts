// Which URLs a registry may send its client to: a hostile one must not reach the neighbours of this machine through it.
import { PullError } from '../errors.ts';
import { networkKind } from '../http/network-kind.ts';
import type { Endpoint } from './endpoint.ts';

export interface TargetContext {
  readonly endpoint: Endpoint;
  /** Begins the message: `…: the redirect`. */
  readonly what: string;
}

/**
 * Throws RESPONSE_INVALID unless the URL is https (or http where the registry itself is, or TLS is not insisted on), without
 * user name, and no literal address in another network. What a name resolves to: see guardedLookup.
 */
export function checkTarget(url: URL, { endpoint, what }: TargetContext): void {
  const allowsHttp = endpoint.isHttp || !endpoint.tlsVerify;
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && allowsHttp))
    throw new PullError(
      'RESPONSE_INVALID',
      `${what} leads to ${url.protocol}//${url.host}, which is not https`,
    );
  if (url.username || url.password)
    throw new PullError('RESPONSE_INVALID', `${what} leads to a URL with a user name in it`);
  if (!mayContact(url.hostname, endpoint))
    throw new PullError(
      'RESPONSE_INVALID',
      `${what} leads to ${url.host}, an address inside of the network of this machine`,
      { hint: 'If this registry really keeps its data there, set `tls-verify` to false.' },
    );
}

function mayContact(hostname: string, endpoint: Endpoint): boolean {
  if (hostname === endpoint.hostname || !endpoint.tlsVerify) return true;
  const kind = networkKind(hostname);
  // A registry on this machine, or with a private address itself, is no stranger there. Link-local is where clouds
  // keep the credentials of a machine.
  return kind === 'public' || (kind !== 'link-local' && networkKind(endpoint.hostname) === kind);
}
