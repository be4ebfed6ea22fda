// Which undici dispatcher a request goes through: directly, or through the proxy that the environment names for it.
import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import { createConnector } from './connect.ts';
import { type Environment, type ProxyServer, proxyFor } from './proxy.ts';
import type { Secrets } from './secrets.ts';
import type { HostTls } from './tls.ts';
import { tunnelFactory } from './tunnel.ts';

export interface DispatcherOptions {
  /** `name[:port]` that `tls.own` is for. */
  readonly host: string;
  readonly tls: HostTls;
  readonly env: Environment;
  readonly connections: number;
  /** Milliseconds. */
  readonly connectTimeout: number;
  readonly secrets: Secrets;
}

export interface Route {
  readonly dispatcher: Dispatcher;
  readonly proxy: ProxyServer | undefined;
}

export interface Dispatchers {
  /** Throws CONFIG_INVALID where the environment names a proxy that cannot be used. */
  route(url: URL): Route;
  destroy(): Promise<void>;
}

/** HTTP/2 is off: undici's default windows hold a download to some 12 MB/s at 20 ms round trip, one HTTP/1.1 connection does 179. */
export function createDispatchers(options: DispatcherOptions): Dispatchers {
  const { host, tls, connections, connectTimeout } = options;
  const common = { allowH2: false, connections, pipelining: 1 };
  const direct = new Agent({ ...common, connect: createConnector(host, tls, connectTimeout) });
  const proxied = new Map<string, ProxyAgent>();

  function through(proxy: ProxyServer, isOwn: boolean): ProxyAgent {
    const key = `${proxy.label} ${isOwn}`;
    let agent = proxied.get(key);
    if (!agent) {
      const requestTls = { ...(isOwn ? tls.own : tls.others), allowH2: false, timeout: connectTimeout };
      // What is set up for a registry, as that its certificate need not be checked, is not for the proxy, which gets a password.
      const proxyTls = {
        ...tls.others,
        rejectUnauthorized: true,
        allowH2: false,
        timeout: connectTimeout,
      };
      const isSocks = proxy.protocol === 'socks5:';
      // undici speaks TLS to a SOCKS proxy as soon as it is given proxyTls.
      const parts = { ...common, requestTls, ...(isSocks ? {} : { proxyTls }), connectTimeout };
      agent = new ProxyAgent({ ...parts, factory: tunnelFactory(connectTimeout), uri: uriOf(proxy) });
      hideCredential(proxy, options.secrets);
      proxied.set(key, agent);
    }
    return agent;
  }

  return {
    route(url) {
      const proxy = proxyFor(url, options.env);
      return { proxy, dispatcher: proxy ? through(proxy, url.host === host) : direct };
    },
    destroy: async () => {
      await Promise.all([direct, ...proxied.values()].map((one) => one.destroy()));
    },
  };
}

function uriOf({ protocol, host, username, password }: ProxyServer): string {
  const credential = `${encodeURIComponent(username)}:${encodeURIComponent(password)}@`;
  return `${protocol}//${username ? credential : ''}${host}`;
}

function hideCredential({ username, password }: ProxyServer, secrets: Secrets): void {
  if (!password) return;
  secrets.hide(password);
  secrets.hide(encodeURIComponent(password));
  secrets.hide(Buffer.from(`${username}:${password}`).toString('base64'));
}
