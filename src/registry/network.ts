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
    ['192.168.0.0', 16],
  ],
  [
    ['::', 128],
    ['fc00::', 7],
    ['fec0::', 10],
  ],
);

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
  return PRIVATE.check(host, family) ? 'private' : 'public';
}

type Subnets = readonly (readonly [net: string, prefix: number])[];

function blockList(ipv4: Subnets, ipv6: Subnets): BlockList {
  const list = new BlockList();
  for (const [net, prefix] of ipv4) list.addSubnet(net, prefix, 'ipv4');
  for (const [net, prefix] of ipv6) list.addSubnet(net, prefix, 'ipv6');
  return list;
}
