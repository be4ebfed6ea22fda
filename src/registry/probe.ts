// Is an image public? Asked without anything that could prove who asks.
import type { RegistryHost } from '../hosts/registry-host.ts';
import { openRegistryClient, type RegistryClientOptions } from './client.ts';

export type ProbeOptions = Pick<RegistryClientOptions, 'signal' | 'onSecret' | 'env' | 'timeouts'> & {
  readonly host: RegistryHost;
  /** Digest of a manifest. */
  readonly target: string;
};

export interface Probed {
  /** true: the host shows the manifest to anybody. false: it does not, or nothing could be learnt. */
  readonly isPublic: boolean;
  /** HTTP requests that were made for it. */
  readonly requests: number;
}

/** Never throws. */
export async function probeAnonymous({ host, target, ...options }: ProbeOptions): Promise<Probed> {
  // A header or a client certificate may be what the host knows its friends by.
  const stranger: RegistryHost = { ...host, headers: {}, tls: { ...host.tls, client: undefined } };
  const client = openRegistryClient({ ...options, host: stranger, connections: 1, patience: 'brief' });
  try {
    const isPublic = await client.hasManifest(target).catch(() => false);
    return { isPublic, requests: client.requests };
  } finally {
    await client.close();
  }
}
