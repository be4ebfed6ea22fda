// What TLS connections are made with. Authorities given by configuration add to those of the system, as everywhere else
// (Docker, containers/image): in Node, `ca` alone would replace them.
import { X509Certificate } from 'node:crypto';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { PullError } from '../errors.ts';
import type { TlsSettings } from '../hosts/registry-host.ts';

/** Options of tls.connect. */
export interface TlsOptions {
  readonly rejectUnauthorized: boolean;
  readonly secureContext?: SecureContext;
}

export interface HostTls {
  /** For the very host that the settings are for: with the client's certificate, if there is one. */
  readonly own: TlsOptions;
  /**
   * For whoever else is reached on its behalf (storage, token server). The authorities hold there too: a network that
   * looks into TLS does so for all hosts. The client's certificate says who we are, which is nobody else's business.
   */
  readonly others: TlsOptions;
}

/** Throws CONFIG_INVALID for a certificate or key that cannot be used. The contexts are made once: that costs 10 ms each. */
export function tlsOptionsFor(settings: TlsSettings): HostTls {
  const { verify, authorities, client, sources } = settings;
  const base = { rejectUnauthorized: verify };
  if (authorities.length === 0 && !client) return { own: base, others: base };
  for (const text of authorities) checkAuthority(text, sources);
  const ca = authorities.length === 0 ? {} : { ca: [...getCACertificates('default'), ...authorities] };
  const others = { ...base, secureContext: createSecureContext(ca) };
  if (!client) return { own: others, others };
  return { own: { ...base, secureContext: clientContext(ca, client, sources) }, others };
}

function checkAuthority(text: string, sources: readonly string[]): void {
  const certificates = text.match(/-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]*-----END [^-]*-----/g);
  try {
    for (const one of certificates ?? []) new X509Certificate(one);
  } catch (error) {
    throw unusable('holds a certificate that cannot be read', sources, error);
  }
  if (!certificates) throw unusable('holds no certificate in PEM form', sources);
}

function clientContext(
  ca: { readonly ca?: string[] },
  { certificate, key }: NonNullable<TlsSettings['client']>,
  sources: readonly string[],
): SecureContext {
  try {
    return createSecureContext({ ...ca, cert: certificate, key });
  } catch (error) {
    throw unusable('hold a client certificate and a key that cannot be used together', sources, error);
  }
}

function unusable(fact: string, sources: readonly string[], cause?: unknown): PullError {
  const where = sources.length > 0 ? sources.join(', ') : 'the TLS settings';
  return new PullError('CONFIG_INVALID', `${where}: ${fact}`, { cause });
}
