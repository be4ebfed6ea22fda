// May everybody pull this image? Only then may everybody read it from a cache.
import type { FoundHosts } from '../hosts/find-hosts.ts';
import type { Digest } from '../oci/digest.ts';
import { type Probed, probeAnonymous } from '../registry/probe.ts';
import type { PullOptions } from './options.ts';

export interface RestrictionFacts {
  readonly options: PullOptions;
  /** Hosts that were given a credential, so far. */
  readonly lent: ReadonlySet<string>;
  /** Of the manifest. */
  readonly digest: Digest;
}

export interface Restriction {
  readonly isRestricted: boolean;
  /** HTTP requests that it took to find out, so far. */
  readonly requests: number;
}

/**
 * Many log in for a higher rate limit only: an image that its registry shows to strangers is public, whoever has logged in. Asks
 * the registry once, and only where any host could tell who is asking. Never throws; no answer counts as no.
 */
export function createRestrictionJudge(
  { hosts }: FoundHosts,
  { options, lent, digest }: RestrictionFacts,
): () => Promise<Restriction> {
  const { restricted, signal, onSecret } = options;
  const { env } = options.network.hosts;
  const host = hosts[hosts.length - 1] ?? hosts[0];
  const isKnown = hosts.some(
    ({ headers, tls }) => Object.keys(headers).length > 0 || tls.client !== undefined,
  );
  let probe: Promise<Probed> | undefined;
  return async () => {
    if (restricted === undefined || (lent.size === 0 && !isKnown))
      return { isRestricted: false, requests: 0 };
    probe ??= probeAnonymous({ host, target: digest, signal, onSecret, env });
    const { isPublic, requests } = await probe;
    return { isRestricted: !isPublic, requests };
  };
}
