// An authority, and a client's certificate that it signed, as texts and files.
import { readFileSync } from 'node:fs';
import { createAuthority } from '../support/certificates.ts';

export interface Certificates {
  readonly authority: string;
  readonly authorityFile: string;
  readonly certificate: string;
  readonly certificateFile: string;
  readonly key: string;
  readonly keyFile: string;
}

/** Keeps the files in `directory`. */
export function makeCertificates(directory: string): Certificates {
  const { path, issue } = createAuthority(directory);
  const { cert, certPath, key, keyPath } = issue('DNS:client.test');
  const authority = readFileSync(path, 'utf8');
  return {
    authority,
    authorityFile: path,
    certificate: cert,
    certificateFile: certPath,
    key,
    keyFile: keyPath,
  };
}
