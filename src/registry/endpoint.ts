// Where a registry's API is: host and path, and https or (on this machine, or where nobody insists on TLS) plain http.
import type { RegistryHost } from '../hosts/registry-host.ts';
import { networkKind } from '../http/network-kind.ts';
import { DOCKER_HUB, DOCKER_HUB_API } from '../oci/docker-hub.ts';

export interface Endpoint {
  /** Origin with the scheme in use at present, `https://host[:port]`. */
  readonly origin: string;
  readonly hostname: string;
  /** Is plain http the scheme in use at present? */
  readonly isHttp: boolean;
  /** false: certificates are not checked, and neighbours of this machine may be contacted. */
  readonly tlsVerify: boolean;
  /** URL of something in the API, `REPOSITORY/manifests/TAG`; the empty path is the API's root. */
  api(path: string, query?: Readonly<Record<string, string>>): URL;
  /** To be called when the host does not speak TLS. true: the origin is plain http now. */
  fallBackToHttp(): boolean;
}

export type EndpointHost = Pick<RegistryHost, 'registry' | 'scheme' | 'apiPath' | 'namespace' | 'tls'>;

export function createEndpoint({ registry, scheme: given, apiPath, namespace, tls }: EndpointHost): Endpoint {
  const host = registry === DOCKER_HUB ? DOCKER_HUB_API : registry;
  const { hostname } = new URL(`https://${host}/`);
  let scheme = given ?? 'https';
  const origin = () => new URL(`${scheme}://${host}/`).origin;
  const base = apiPath === '' ? '/' : `/${apiPath ?? 'v2'}/`;
  return {
    get origin() {
      return origin();
    },
    get isHttp() {
      return scheme === 'http';
    },
    hostname,
    tlsVerify: tls.verify,
    api: (path, query = {}) => {
      const url = new URL(`${base}${path}`, origin());
      for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
      if (namespace !== undefined) url.searchParams.set('ns', namespace);
      return url;
    },
    fallBackToHttp: () => {
      // A scheme that somebody wrote down is meant.
      if (given === undefined && (!tls.verify || isOpenHere(host))) scheme = 'http';
      return scheme === 'http';
    },
  };
}

/** Nobody listens in on the way to this machine itself. Port 443 is for https alone: whoever writes it means that. */
function isOpenHere(host: string): boolean {
  return networkKind(new URL(`https://${host}/`).hostname) === 'loopback' && !host.endsWith(':443');
}
