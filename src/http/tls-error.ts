// Why a certificate was not accepted, in words that name it.
import { certificateShown, type ShownCertificate } from './connect.ts';
import { printable } from './printable.ts';

export interface CertificateFault {
  readonly fact: string;
  readonly hint: string;
}

/** Codes of Node's certificate checks; the others begin with CERT_ or UNABLE_TO_. https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const CERTIFICATE =
  /^(?:CERT_|UNABLE_TO_|ERR_TLS_CERT_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT|HOSTNAME_MISMATCH|INVALID_CA|CRL_)/;
const UNKNOWN_AUTHORITY: ReadonlySet<string> = new Set([
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'CERT_UNTRUSTED',
]);
/** What a server's alert says that wants to know who its client is. */
const CLIENT_CERTIFICATE =
  /^ERR_SSL_(?:TLSV13_ALERT_CERTIFICATE_REQUIRED|(?:SSL\/TLS|SSLV3|TLSV1)_ALERT_(?:BAD_CERTIFICATE|HANDSHAKE_FAILURE|CERTIFICATE_\w+|UNKNOWN_CA))$/;

const MAX_TOLD_LENGTH = 200;

/** undefined: it is not about certificates. */
export function certificateFault(error: unknown, host: string, depth = 0): CertificateFault | undefined {
  if (!(error instanceof Error) || depth > 4) return undefined;
  const { code = '' } = error as NodeJS.ErrnoException;
  if (CERTIFICATE.test(code)) return serverFault(error, code, host);
  if (CLIENT_CERTIFICATE.test(code)) return clientFault(code, host);
  return certificateFault(error.cause, host, depth + 1);
}

function serverFault(error: Error, code: string, host: string): CertificateFault {
  const shown = certificateShown(error);
  return { fact: `${reasonOf(error, code, shown)} (${code})`, hint: hintFor(code, host) };
}

function reasonOf(error: Error, code: string, shown: ShownCertificate | undefined): string {
  const which = shown ? `the certificate of "${shown.subject}"` : 'the certificate';
  const issuer = shown ? `, "${shown.issuer}",` : '';
  if (code === 'CERT_HAS_EXPIRED') return `${which} has expired${shown ? ` on ${shown.validTo}` : ''}`;
  if (code === 'CERT_NOT_YET_VALID')
    return `${which} is not valid${shown ? ` before ${shown.validFrom}` : ' yet'}`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `${which} is for other names than this: ${namesOf(error)}`;
  if (code === 'DEPTH_ZERO_SELF_SIGNED_CERT') return `${which} is signed by nobody but itself`;
  if (UNKNOWN_AUTHORITY.has(code))
    return `${which} is signed by an authority${issuer} that is not trusted here`;
  return `${which} was not accepted: ${printable(error.message, MAX_TOLD_LENGTH)}`;
}

function hintFor(code: string, host: string): string {
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return `Renew the certificate of ${host}, and check the clock of this machine.`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return 'Name the registry as its certificate does; something on the way may also answer in its place.';
  return `If ${host} is to be trusted, give the certificate of its authority by \`ca-file\` or in a certs.d directory; set \`tls-verify\` to false only on a network you trust.`;
}

function clientFault(code: string, host: string): CertificateFault {
  return {
    fact: `the server did not accept the certificate of this client, or misses one (${code})`,
    hint: `Put the certificate and key for ${host} into its certs.d directory (NAME.cert and NAME.key).`,
  };
}

/** As the certificate has them. */
function namesOf(error: Error): string {
  const { subjectaltname, subject } = (
    error as { cert?: { subjectaltname?: string; subject?: { CN?: string } } }
  ).cert ?? { subject: {} };
  return printable(subjectaltname ?? subject?.CN ?? 'none', MAX_TOLD_LENGTH);
}
