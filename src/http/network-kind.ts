// Which hosts are this machine or its neighbours, by their name or literal address. Nothing is resolved.
import { BlockList, isIP } from 'node:net';

export type NetworkKind = 'loopback' | 'link-local' | 'private' | 'public';

/** Special-purpose addresses: https://www.iana.org/assignments/iana-ipv4-special-registry and its IPv6 sister. */
const LOOPBACK = blockList([['127.0.0.0', 8]], [['::1', 128]]);
const LINK_LOCAL = blockList([['169.254.0.0', 16]], [['fe80::', 10]]);
const PRIVATE = blockList(
  [
    ['0.0.0.0', 8],
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['172.16.0.0', 12],
    ['192.0.0.0', 24],
    ['192.168.0.0', 16],
    ['198.18.0.0', 15],
  ],
  [
    ['::', 128],
    ['64:ff9b:1::', 48],
    // 6to4 holds an IPv4 address; nobody serves images there.
    ['2002::', 16],
    ['fc00::', 7],
    ['fec0::', 10],
  ],
);
/** An IPv6 address that a gateway translates to the IPv4 address in its end: https://www.rfc-editor.org/rfc/rfc6052#section-2.1 */
const NAT64 = blockList([], [['64:ff9b::', 96]]);

/**
 * `hostname` as URL.hostname gives it: canonical, IPv6 in brackets. Names other than localhost count as public,
 * wherever they resolve to.
 */
export function networkKind(hostname: string): NetworkKind {
  const host = hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
  const version = isIP(host);
  if (version === 0) return host === 'localhost' || host.endsWith('.localhost') ? 'loopback' : 'public';
  const family = version === 4 ? 'ipv4' : 'ipv6';
  if (LOOPBACK.check(host, family)) return 'loopback';
  if (LINK_LOCAL.check(host, family)) return 'link-local';
  if (version === 6 && NAT64.check(host, family)) return translatedKind(host);
  return PRIVATE.check(host, family) ? 'private' : 'public';
}

/** `host`: a canonical address of NAT64. The loopback it may name is the gateway's, not ours. */
function translatedKind(host: string): NetworkKind {
  const groups = /^64:ff9b::(?:([0-9a-f]{1,4}):)?([0-9a-f]{0,4})$/.exec(host);
  if (!groups) return 'private';
  const [high, low] = [groups[1] ?? '', groups[2] ?? ''].map((group) => Number.parseInt(group || '0', 16));
  const bytes = [high, low].flatMap((group = 0) => [group >> 8, group & 0xff]);
  const kind = networkKind(bytes.join('.'));
  return kind === 'loopback' ? 'private' : kind;
}

type Subnets = readonly (readonly [net: string, prefix: number])[];

function blockList(ipv4: Subnets, ipv6: Subnets): BlockList {
  const list = new BlockList();
  for (const [net, prefix] of ipv4) list.addSubnet(net, prefix, 'ipv4');
  for (const [net, prefix] of ipv6) list.addSubnet(net, prefix, 'ipv6');
  return list;
}
