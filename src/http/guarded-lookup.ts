// What names resolve to: a server must not lead its clients, by a name of its own, to the metadata services of clouds, nor to what
// listens on this machine.
import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { PullError } from '../errors.ts';
import { type NetworkKind, networkKind } from './network-kind.ts';

type Resolve = (...given: Parameters<LookupFunction>) => void;

/**
 * A lookup for net.connect that leaves link-local and loopback addresses out, except for `ownHostname`: a name the user wrote
 * means what it says. Where that is on this machine, so may others be. Private addresses stay: storage within a company, and
 * clouds' private endpoints, have public names. Fails with RESPONSE_INVALID where no address is left.
 */
export function guardedLookup(ownHostname: string, resolve: Resolve = systemLookup): LookupFunction {
  return (hostname, options, callback) => {
    if (hostname === ownHostname) return resolve(hostname, options, callback);
    resolve(hostname, options, (error, found, family) => {
      if (error) return callback(error, found, family);
      const isList = Array.isArray(found);
      const all: readonly LookupAddress[] = isList ? found : [{ address: found, family: family ?? 0 }];
      const give = (refused: ReadonlySet<NetworkKind>) => {
        const left = all.filter((one) => !refused.has(kindOf(one)));
        const failure = left.length > 0 || all.length === 0 ? null : refusal(hostname);
        callback(failure, isList ? left : found, family);
      };
      if (all.every((one) => kindOf(one) !== 'loopback')) return give(LINK_LOCAL);
      isHere(ownHostname, resolve, (isOwnHere) => give(isOwnHere ? LINK_LOCAL : LINK_LOCAL_AND_LOOPBACK));
    });
  };
}

const LINK_LOCAL: ReadonlySet<NetworkKind> = new Set(['link-local']);
const LINK_LOCAL_AND_LOOPBACK: ReadonlySet<NetworkKind> = new Set(['link-local', 'loopback']);

function isHere(hostname: string, resolve: Resolve, tell: (isHere: boolean) => void): void {
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  if (networkKind(host) === 'loopback') tell(true);
  else
    resolve(host, { all: true }, (error, found) => {
      tell(!error && Array.isArray(found) && found.some((one) => kindOf(one) === 'loopback'));
    });
}

function kindOf({ address }: LookupAddress): NetworkKind {
  return networkKind(address.replace(/%.*$/, ''));
}

function refusal(hostname: string): PullError {
  return new PullError(
    'RESPONSE_INVALID',
    `${hostname}, where the registry leads, has only addresses of this machine itself, or link-local ones, where clouds keep credentials`,
  );
}
