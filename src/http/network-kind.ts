// Which hosts are this machine or its neighbours, by their name or literal address. Nothing is resolved.
import { BlockList, isIP } from 'node:net';

export type NetworkKind = 'loopback' | 'link-local' | 'private' | 'public';

/** Special-purpose addresses: https://www.iana.org/assignments/iana-ipv4-special-registry and its IPv6 sister. */
const LOOPBACK = blockList([['127.0.0.0', 8]], [['::1', 128]]);
/** With the addresses at which clouds keep the credentials of their machines, wherever else those are (Azure, Alibaba, AWS, Google). */
const LINK_LOCAL = blockList(
  [
    ['169.254.0.0', 16],
    ['168.63.129.16', 32],
    ['100.100.100.200', 32],
  ],
  [
    ['fe80::', 10],
    ['fd00:ec2::254', 128],
    ['fd20:ce::254', 128],
  ],
);
const PRIVATE = blockList(
  [
    ['0.0.0.0', 8],
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['172.16.0.0', 12],
    ['192.0.0.0', 24],
    ['192.168.0.0', 16],
    ['198.18.0.0', 15],
    // Multicast, reserved, broadcast.
    ['224.0.0.0', 3],
  ],
  [
    ['::', 128],
    ['64:ff9b:1::', 48],
    // Teredo and 6to4 hold IPv4 addresses; nobody serves images there.
    ['2001::', 32],
    ['2002::', 16],
    ['fc00::', 7],
    ['fec0::', 10],
    ['ff00::', 8],
  ],
);
/**
 * IPv6 addresses that a gateway, or the system, translates to the IPv4 address in their end: NAT64 (RFC 6052), SIIT (RFC 2765), and
 * IPv4-compatible ones (RFC 4291, section 2.5.5.1).
 */
const TRANSLATED = blockList(
  [],
  [
    ['64:ff9b::', 96],
    ['::ffff:0:0:0', 96],
    ['::', 96],
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
  if (version === 6 && TRANSLATED.check(host, family)) return translatedKind(host);
  return PRIVATE.check(host, family) ? 'private' : 'public';
}

/** The loopback it may name is the gateway's, not ours. */
function translatedKind(host: string): NetworkKind {
  // Name servers' answers may have the IPv4 address written out: a URL makes groups of it.
  const { hostname } = new URL(`http://[${host}]/`);
  const [high, low] = /([0-9a-f]*):([0-9a-f]*)\]$/.exec(hostname)?.slice(1) ?? [];
  const bytes = [high, low].flatMap((group) => {
    const value = Number.parseInt(group || '0', 16);
    return [value >> 8, value & 0xff];
  });
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
