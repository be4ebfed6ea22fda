// Where a registry's API is: host, and https or (for loopback, or when nobody insists on TLS) plain http.
import { networkKind } from './network.ts';

/** Docker Hub has one name in references and another on the wire. */
const API_HOSTS: ReadonlyMap<string, string> = new Map([['docker.io', 'registry-1.docker.io']]);

export interface Endpoint {
  /** Origin with the scheme in use at present, `https://host[:port]`. */
  readonly origin: string;
  readonly hostname: string;
  /** Is plain http the scheme in use at present? */
  readonly isHttp: boolean;
  /** false: certificates are not checked, and neighbours of this machine may be contacted. */
  readonly tlsVerify: boolean;
  /** URL of something in the API; `path` without a leading slash. */
  url(path: string): URL;
  /** To be called when the host does not speak TLS. true: the origin is plain http now. */
  fallBackToHttp(): boolean;
}

/** `registry` as in a Reference. */
export function createEndpoint(registry: string, tlsVerify: boolean): Endpoint {
  const host = API_HOSTS.get(registry) ?? registry;
  const { hostname, port } = new URL(`https://${host}/`);
  const isLoopback = networkKind(hostname) === 'loopback';
  let scheme: 'http' | 'https' = tlsVerify && isLoopback && !isHttpsPort(host, port) ? 'http' : 'https';
  const origin = () => new URL(`${scheme}://${host}/`).origin;
  return {
    get origin() {
      return origin();
    },
    get isHttp() {
      return scheme === 'http';
    },
    hostname,
    tlsVerify,
    url: (path) => new URL(`/${path}`, origin()),
    fallBackToHttp: () => {
      if (!tlsVerify) scheme = 'http';
      return scheme === 'http';
    },
  };
}

/** URL drops the default port: an explicit 443 shows only in the text. */
function isHttpsPort(host: string, port: string): boolean {
  return port === '' && host.endsWith(':443');
}
