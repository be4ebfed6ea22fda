// Certificates made by openssl for the occasion: self-signed ones, authorities, and what they sign.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface KeyPair {
  readonly key: string;
  readonly cert: string;
}

export interface CertificateRequest {
  /** Common name. */
  readonly name: string;
  /** As in openssl's subjectAltName: `DNS:a.example,IP:127.0.0.1`. */
  readonly names?: string;
  /** Absent: signs itself. */
  readonly by?: KeyPair;
  /** When it ends, days from now; negative: it has expired. */
  readonly days?: number;
  /** As in openssl's -newkey, with its -pkeyopt; absent: P-256. */
  readonly key?: readonly string[];
}

const P_256 = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];

/** A PEM key and a certificate; may sign others. */
export function makeCertificate(request: CertificateRequest): KeyPair {
  const { name, names = '', by, days = 2, key: algorithm = P_256 } = request;
  const directory = mkdtempSync(join(tmpdir(), 'certificate-'));
  const path = (file: string) => join(directory, file);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore' });
  try {
    const key = ['-newkey', ...algorithm, '-nodes', '-keyout', path('key')];
    openssl('req', '-new', ...key, '-subj', `/CN=${name}`, '-out', path('request'));
    const alternative = names ? `subjectAltName=${names}` : 'basicConstraints=critical,CA:TRUE';
    writeFileSync(path('extensions'), alternative);
    writeFileSync(path('signer-key'), by?.key ?? readFileSync(path('key')));
    if (by) writeFileSync(path('signer'), by.cert);
    const signer = by
      ? ['-CA', path('signer'), '-CAkey', path('signer-key'), '-CAcreateserial']
      : ['-signkey', path('signer-key')];
    const common = ['-req', '-in', path('request'), '-extfile', path('extensions'), '-days', String(days)];
    openssl('x509', ...common, ...signer, '-out', path('cert'));
    return { key: readFileSync(path('key'), 'utf8'), cert: readFileSync(path('cert'), 'utf8') };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export interface Authority {
  /** Path of its own certificate, PEM. */
  readonly path: string;
  /** A certificate for these names (`DNS:registry.test`, `IP:127.0.0.1`). */
  issue(...names: string[]): Issued;
}

/** Also in files. */
export interface Issued extends KeyPair {
  readonly keyPath: string;
  readonly certPath: string;
}

/** For programs that take certificates as files: keeps everything in `directory`. */
export function createAuthority(directory: string): Authority {
  const save = (name: string, text: string) => {
    const path = join(directory, name);
    writeFileSync(path, text);
    return path;
  };
  const authority = makeCertificate({ name: 'authority of the tests' });
  let issued = 0;
  return {
    path: save('ca.pem', authority.cert),
    issue(...names) {
      const pair = makeCertificate({ name: 'leaf', names: names.join(','), by: authority });
      const leaf = `leaf${issued++}`;
      return { ...pair, keyPath: save(`${leaf}.key`, pair.key), certPath: save(`${leaf}.pem`, pair.cert) };
    },
  };
}
