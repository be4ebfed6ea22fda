// The keys under which files of logins keep an entry: a registry, or a registry and a namespace, in all the spellings that
// Docker and containers/image have used. Hosts are compared whole, never by a part of them.
// https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md
import { canonicalHost, DOCKER_HUB, DOCKER_HUB_SERVER } from '../oci/docker-hub.ts';

/** Kept by Docker beside the login for Docker Hub's web site: no registry takes them. */
const HUB_SITE_TOKENS = /^v1\/(?:access|refresh)-token\/?$/;

const HOST = /^(?:[a-z0-9._-]+|\[[0-9a-f:]+\])(?::[0-9]+)?$/;
const SCHEME = /^https?:\/\//i;

/**
 * The one spelling of `host[:port]`: lower case, Docker Hub as `docker.io`. A port is kept as it is: `host` and `host:443`
 * are two registries. undefined: no host.
 */
export function canonicalRegistry(registry: string): string | undefined {
  const host = registry.toLowerCase();
  if (!HOST.test(host)) return undefined;
  return canonicalHost(host);
}

/**
 * The canonical form of a key, `registry` or `registry/namespace…`; undefined: it names no registry.
 * A URL means its whole registry whatever its path, and so does `host/`, `host/v1/` or `host/v2/`: older tools wrote these.
 * `isLegacy`: the file is from before there were namespaces.
 */
export function canonicalKey(key: string, isLegacy = false): string | undefined {
  const rest = key.replace(SCHEME, '');
  const slash = rest.indexOf('/');
  const registry = canonicalRegistry(slash < 0 ? rest : rest.slice(0, slash));
  const path = slash < 0 ? '' : rest.slice(slash + 1);
  if (registry === undefined || (registry === DOCKER_HUB && HUB_SITE_TOKENS.test(path))) return undefined;
  if (isLegacy || rest !== key || /^(?:v[12]\/)?$/.test(path)) return registry;
  return `${registry}/${path.replace(/\/$/, '')}`;
}

/** Canonical keys that an entry for this repository may have, most specific first; none if `registry` is no host. */
export function keysOf(registry: string, repository: string): readonly string[] {
  const host = canonicalRegistry(registry);
  if (host === undefined) return [];
  const parts = repository.split('/').filter(Boolean);
  return [...parts.map((_, index) => [host, ...parts.slice(0, parts.length - index)].join('/')), host];
}

/** What a credential helper is asked for: the registry as `docker login` hands it over. */
export function helperServer(canonical: string): string {
  return canonical === DOCKER_HUB ? DOCKER_HUB_SERVER : canonical;
}
