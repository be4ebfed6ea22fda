// Opens connections for undici, and keeps what a server showed as its certificate when it was not accepted: Node drops it.
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { buildConnector } from 'undici';
import { guardedLookup } from './guarded-lookup.ts';
import { printable } from './printable.ts';
import type { HostTls } from './tls.ts';

/** What of a certificate is told in messages. */
export interface ShownCertificate {
  readonly subject: string;
  readonly issuer: string;
  readonly validFrom: string;
  readonly validTo: string;
}

const shown = new WeakMap<Error, ShownCertificate>();

/** The certificate that made the connection fail; undefined where it is not known (through a proxy, say). */
export function certificateShown(error: Error): ShownCertificate | undefined {
  return shown.get(error);
}

/** `host`: `name[:port]` that `tls.own` is for. `timeout`: milliseconds. */
export function createConnector(
  host: string,
  { own, others }: HostTls,
  timeout: number,
): buildConnector.connector {
  const common = { timeout, allowH2: false };
  const toOwn = buildConnector({ ...common, ...own });
  const lookup = guardedLookup(new URL(`https://${host}`).hostname);
  const toOthers = buildConnector({ ...common, ...others, lookup });
  return (options, callback) => {
    const connect = options.host === host ? toOwn : toOthers;
    let certificate: ShownCertificate | undefined;
    // The types say nothing of it, but a connector returns the socket it opens.
    const socket = connect(options, (...[error, result]) => {
      if (error && certificate) shown.set(error, certificate);
      if (error) callback(error, null);
      else callback(null, result);
    }) as unknown as TLSSocket;
    if (options.protocol === 'https:')
      // Before Node's own listener, which destroys the socket.
      socket.prependOnceListener('secure', () => {
        certificate = describe(socket.getPeerCertificate());
      });
  };
}

function describe(certificate: PeerCertificate): ShownCertificate | undefined {
  if (!certificate.subject) return undefined;
  return {
    subject: nameOf(certificate.subject),
    issuer: nameOf(certificate.issuer),
    validFrom: certificate.valid_from,
    validTo: certificate.valid_to,
  };
}

const MAX_NAME_LENGTH = 100;

function nameOf({ CN, O }: PeerCertificate['subject']): string {
  return printable(String(CN ?? O ?? 'no name'), MAX_NAME_LENGTH);
}
