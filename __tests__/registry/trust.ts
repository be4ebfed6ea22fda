// An authority of the tests, a server with a certificate from it, and clients that are told whom to trust.
import type { TlsSettings } from '../../src/hosts/registry-host.ts';
import { openRegistryClient, type RegistryClient } from '../../src/registry/client.ts';
import { type KeyPair, makeCertificate } from '../support/certificates.ts';
import { clientOptionsFor, VERIFIED } from '../support/registry-client.ts';

export const HERE = 'IP:127.0.0.1';
export const authority = makeCertificate({ name: 'Test Authority' });
export const server = makeCertificate({ name: 'registry.test', names: HERE, by: authority });

export const trusting = (...authorities: KeyPair[]): TlsSettings => ({
  ...VERIFIED,
  authorities: authorities.map((one) => one.cert),
  sources: ['the input ca-file'],
});

export function openClient(host: string, tls: TlsSettings): RegistryClient {
  return openRegistryClient(clientOptionsFor(host, { tls, scheme: 'https' }));
}
