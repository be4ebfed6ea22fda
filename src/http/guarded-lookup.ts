// What names resolve to: a server must not lead its clients to the metadata services of clouds by a name of its own.
import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { PullError } from '../errors.ts';
import { networkKind } from './network-kind.ts';

/**
 * A lookup for net.connect that leaves link-local addresses out, except for `ownHostname`: a name the user wrote means what it
 * says. Private addresses stay: storage within a company, and clouds' private endpoints, have public names.
 * Fails with RESPONSE_INVALID where no address is left.
 */
export function guardedLookup(
  ownHostname: string,
  resolve: (...given: Parameters<LookupFunction>) => void = systemLookup,
): LookupFunction {
  return (hostname, options, callback) => {
    if (hostname === ownHostname) return resolve(hostname, options, callback);
    resolve(hostname, options, (error, found, family) => {
      if (error) return callback(error, found, family);
      if (!Array.isArray(found))
        return isLinkLocal(found)
          ? callback(refusal(hostname), found, family)
          : callback(null, found, family);
      const left = found.filter(({ address }: LookupAddress) => !isLinkLocal(address));
      if (left.length > 0 || found.length === 0) callback(null, left);
      else callback(refusal(hostname), left);
    });
  };
}

function isLinkLocal(address: string): boolean {
  return networkKind(address.replace(/%.*$/, '')) === 'link-local';
}

function refusal(hostname: string): PullError {
  return new PullError(
    'RESPONSE_INVALID',
    `${hostname}, where the registry leads, has a link-local address, where clouds keep credentials`,
  );
}
