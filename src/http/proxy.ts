// Which proxy a request goes through, as curl reads the environment; pure.
// https://curl.se/docs/manpage.html#ENVIRONMENT and https://curl.se/libcurl/c/CURLOPT_NOPROXY.html
import { BlockList, isIP } from 'node:net';
import { PullError } from '../errors.ts';
import { networkKind } from './network-kind.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ProxyServer {
  readonly protocol: 'http:' | 'https:' | 'socks5:';
  /** `host:port`; IPv6 in brackets. */
  readonly host: string;
  readonly username: string;
  readonly password: string;
  /** For messages, without the credential: `http://proxy.example:3128 (https_proxy)`. */
  readonly label: string;
}

const PROTOCOLS: ReadonlyMap<string, ProxyServer['protocol']> = new Map([
  ['http:', 'http:'],
  ['https:', 'https:'],
  ['socks5:', 'socks5:'],
  // The proxy resolves names either way.
  ['socks5h:', 'socks5:'],
]);
/** What curl takes where none is written. */
const DEFAULT_PORTS: Readonly<Record<ProxyServer['protocol'], string>> = {
  'http:': '1080',
  'https:': '443',
  'socks5:': '1080',
};
/** HTTP_PROXY is not read, as curl does not: a web server sets it to whatever a `Proxy:` header says (https://httpoxy.org). */
const VARIABLES: Readonly<Record<string, readonly string[]>> = {
  'http:': ['http_proxy', 'all_proxy', 'ALL_PROXY'],
  'https:': ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'],
};

/** undefined: none. Throws CONFIG_INVALID for a value that names no proxy this client can use. */
export function proxyFor(url: URL, env: Environment): ProxyServer | undefined {
  // Unlike curl: nobody's proxy leads to this machine itself.
  if (networkKind(url.hostname) === 'loopback') return undefined;
  const found = firstSet(env, VARIABLES[url.protocol] ?? []);
  if (!found || isExempt(url, firstSet(env, ['no_proxy', 'NO_PROXY'])?.value ?? '')) return undefined;
  return parseProxy(found.value, found.variable);
}

/** Empty is as good as unset. */
function firstSet(env: Environment, variables: readonly string[]) {
  for (const variable of variables) {
    const value = env[variable]?.trim();
    if (value) return { variable, value };
  }
  return undefined;
}

/** The message does not repeat the value: it may hold a password. */
function parseProxy(value: string, variable: string): ProxyServer {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url?.hostname) throw unusable(variable, 'is not the address of a proxy');
  const protocol = PROTOCOLS.get(url.protocol);
  if (!protocol) throw unusable(variable, `names a proxy of the kind ${url.protocol.slice(0, -1)}`);
  const host = `${url.hostname}:${url.port || (statedPort(text) ?? DEFAULT_PORTS[protocol])}`;
  const [username, password] = [decode(url.username), decode(url.password)];
  return { protocol, host, username, password, label: `${protocol}//${host} (${variable})` };
}

/** URL drops a port that is the default of its scheme, even where it is written. */
function statedPort(text: string): string | undefined {
  return /^[^/]*\/\/(?:[^/?#]*@)?(?:\[[^\]]*\]|[^/?#:]*):(\d+)/.exec(text)?.[1];
}

function unusable(variable: string, fact: string): PullError {
  return new PullError('CONFIG_INVALID', `the environment variable ${variable} ${fact}`, {
    hint: `Set ${variable} to http://, https:// or socks5://[user:password@]host:port, or unset it.`,
  });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Is the host on the list? Names match themselves and what is below them, addresses themselves or their network. */
export function isExempt(url: URL, noProxy: string): boolean {
  if (noProxy.trim() === '*') return true;
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
  const port = url.port || (url.protocol === 'http:' ? '80' : '443');
  const matches = isIP(host) === 0 ? matchesName : matchesAddress;
  // Blanks part entries too: curl before 7.86 took them, and so do others that read this variable.
  return noProxy.split(/[\s,]+/).some((entry) => {
    const name = withoutPort(entry, port);
    return name !== undefined && name !== '' && matches(host, name);
  });
}

/** undefined: the entry names another port. curl knows no ports here; who writes one means it. */
function withoutPort(entry: string, port: string): string | undefined {
  const [, name = entry, stated] = /^(\[[^\]]*\]|[^:[\]]*):(\d+)$/.exec(entry) ?? [];
  return stated === undefined || stated === port ? name.replace(/^\[(.*)\]$/, '$1') : undefined;
}

function matchesName(host: string, entry: string): boolean {
  const name = entry.toLowerCase().replace(/^\./, '').replace(/\.$/, '');
  return name !== '' && (host === name || host.endsWith(`.${name}`));
}

function matchesAddress(address: string, entry: string): boolean {
  const [, network = entry, prefix] = /^([^/]*)\/(\d{1,3})$/.exec(entry) ?? [];
  const version = isIP(network);
  if (version === 0 || version !== isIP(address)) return false;
  const bits = version === 4 ? 32 : 128;
  const length = Number(prefix ?? bits);
  if (length > bits) return false;
  const family = version === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(network, length, family);
  return list.check(address, family);
}
