// What TLS connections are made with. Authorities given by configuration add to those of the system, as everywhere else
// (Docker, containers/image): in Node, `ca` alone would replace them.
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { describeError, PullError } from '../errors.ts';
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

/**
 * Throws CONFIG_INVALID for a client certificate that OpenSSL does not use. The contexts are made once: that costs 10 ms each.
 */
export function tlsOptionsFor(settings: TlsSettings): HostTls {
  const { verify, authorities, client, sources } = settings;
  const base = { rejectUnauthorized: verify };
  if (authorities.length === 0 && !client) return { own: base, others: base };
  const ca = authorities.length === 0 ? {} : { ca: [...getCACertificates('default'), ...authorities] };
  const others = { ...base, secureContext: createSecureContext(ca) };
  if (!client) return { own: others, others };
  return { own: { ...base, secureContext: clientContext(ca, client, sources) }, others };
}

/** The two belong together, or they would not have come so far; but they may be too weak to be shown to anybody. */
function clientContext(
  ca: { readonly ca?: string[] },
  { certificate, key }: NonNullable<TlsSettings['client']>,
  sources: readonly string[],
): SecureContext {
  try {
    return createSecureContext({ ...ca, cert: certificate, key });
  } catch (cause) {
    const fact = `the client certificate cannot be used (${describeError(cause)})`;
    throw new PullError('CONFIG_INVALID', `${sources.join(', ')}: ${fact}`, { cause });
  }
}
