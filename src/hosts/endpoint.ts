// A host as configuration names it, before the certificates that lie elsewhere are looked up.
import type { Reference } from '../oci/reference.ts';
import type { RegistryHost, TlsSettings } from './registry-host.ts';

export interface Endpoint extends Omit<RegistryHost, 'tls'> {
  /** Configuration lets this host have any certificate or none. */
  readonly insecure: boolean;
  /** Named by the same configuration. */
  readonly trust?: Trust | undefined;
}

/** What certificate files come down to. */
export type Trust = Omit<TlsSettings, 'verify'>;

export const NO_TRUST: Trust = { authorities: [], sources: [] };

/** The registry that the reference names. */
export function ownEndpoint({ registry, repository }: Reference): Endpoint {
  return { registry, repository, headers: {}, serves: { tags: true, digests: true }, insecure: false };
}

export function joinTrust(one: Trust, other: Trust): Trust {
  const client = one.client ?? other.client;
  return {
    authorities: [...one.authorities, ...other.authorities],
    sources: [...one.sources, ...other.sources],
    ...(client ? { client } : {}),
  };
}
