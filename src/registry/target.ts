// Which URLs a registry may send its client to: a hostile one must not reach the neighbours of this machine through it.
import { PullError } from '../errors.ts';
import type { Endpoint } from './endpoint.ts';
import { networkKind } from './network.ts';

export interface TargetContext {
  readonly endpoint: Endpoint;
  /** Begins the message: `…: the redirect`. */
  readonly what: string;
  /** May the URL be plain http? */
  readonly allowHttp: boolean;
}

/** Throws RESPONSE_INVALID unless the URL is https (or http where it is allowed) and no literal address in another network. */
export function checkTarget(url: URL, { endpoint, what, allowHttp }: TargetContext): void {
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && allowHttp))
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
      { hint: 'If this registry really keeps its data there, set tls-verify to false.' },
    );
}

function mayContact(hostname: string, endpoint: Endpoint): boolean {
  if (hostname === endpoint.hostname || !endpoint.tlsVerify) return true;
  const kind = networkKind(hostname);
  // A registry on this machine, or with a private address itself, is no stranger there. Link-local is where clouds
  // keep the credentials of a machine.
  return kind === 'public' || (kind !== 'link-local' && networkKind(endpoint.hostname) === kind);
}
