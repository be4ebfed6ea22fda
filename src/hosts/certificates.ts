// Certificate files, checked here so that a bad one is named before any connection fails for it.
// https://docs.docker.com/engine/security/certificates/
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeConfig, invalidConfig, listDirectory, type Note, readConfigFile } from './config-file.ts';
import { joinTrust, NO_TRUST, type Trust } from './endpoint.ts';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/**
 * What the first of the directories that has one for `registry` holds: `*.crt` are authorities, `NAME.cert` and `NAME.key`
 * what this client shows. Throws CONFIG_INVALID; what this user may not read is left out with a note.
 */
export async function findCertificates(
  places: readonly string[],
  registry: string,
  windows: boolean,
  note: Note,
): Promise<Trust> {
  // Windows has no colons in names, so Docker leaves them out there.
  const name = windows ? registry.replaceAll(':', '') : registry;
  for (const place of places) {
    const directory = join(place, name);
    if (await isDirectory(directory)) return readCertificateDirectory(directory, note);
  }
  return NO_TRUST;
}

/** All certificates of one directory. */
export async function readCertificateDirectory(directory: string, note: Note): Promise<Trust> {
  const names = (await listDirectory(directory, note)) ?? [];
  refuseHalfPairs(directory, names);
  const parts: Trust[] = [];
  for (const name of names.filter((each) => each.endsWith('.crt')))
    parts.push(await readAuthorities(join(directory, name), note));
  for (const name of names.filter((each) => each.endsWith('.cert'))) {
    const certificate = join(directory, name);
    parts.push(await readClient(certificate, certificate.replace(/cert$/, 'key'), note));
  }
  noteFurtherClients(parts, note);
  return parts.reduce(joinTrust, NO_TRUST);
}

/** A PEM file of at least one authority. Throws CONFIG_INVALID if it is absent or holds none. */
export async function readAuthorities(file: string, skip?: Note): Promise<Trust> {
  const text = await readText(file, skip);
  return text === undefined ? NO_TRUST : { authorities: certificatesOf(text, file), sources: [file] };
}

/** A certificate and its key, which may lie in one file. Throws CONFIG_INVALID; keys stay out of its message. */
export async function readClient(certificateFile: string, keyFile: string, skip?: Note): Promise<Trust> {
  const certificate = await readText(certificateFile, skip);
  const key = keyFile === certificateFile ? certificate : await readText(keyFile, skip);
  if (certificate === undefined || key === undefined) return NO_TRUST;
  const [own = ''] = certificatesOf(certificate, certificateFile);
  if (!new X509Certificate(own).checkPrivateKey(parseKey(key, keyFile)))
    throw invalidConfig(keyFile, `it is not the key of the certificate in ${certificateFile}`);
  const sources = [...new Set([certificateFile, keyFile])];
  return { authorities: [], client: { certificate, key }, sources };
}

/** Of several only the first can be shown. */
export function noteFurtherClients(parts: readonly Trust[], note: Note): void {
  const [first, ...further] = parts.filter((part) => part.client);
  if (further.length === 0) return;
  note(`of several client certificates only ${first?.sources[0]} is used`);
}

function refuseHalfPairs(directory: string, names: readonly string[]): void {
  for (const [half, other] of [['.cert', '.key'] as const, ['.key', '.cert'] as const]) {
    for (const name of names.filter((each) => each.endsWith(half))) {
      const missing = `${name.slice(0, -half.length)}${other}`;
      if (names.includes(missing)) continue;
      throw invalidConfig(join(directory, name), `${missing} is not beside it`, {
        hint: 'A client certificate needs both files; the certificate of an authority ends in .crt.',
      });
    }
  }
}

async function readText(file: string, skip: Note | undefined): Promise<string | undefined> {
  const bytes = await readConfigFile(file, skip);
  if (bytes) return decodeConfig(bytes, file);
  // With a `skip` it has been noted, or it is a link that leads nowhere.
  if (!skip) throw invalidConfig(file, 'there is no such file');
  return undefined;
}

/** Throws CONFIG_INVALID where there is none, or one that cannot be read. */
function certificatesOf(text: string, file: string): readonly string[] {
  const found = text.match(CERTIFICATE) ?? [];
  if (found.length === 0)
    throw invalidConfig(file, 'it holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)');
  for (const [index, pem] of found.entries()) {
    try {
      new X509Certificate(pem);
    } catch (cause) {
      throw invalidConfig(file, `certificate ${index + 1} of ${found.length} cannot be read`, { cause });
    }
  }
  return found;
}

/** Without the cause, which might repeat what it could not read. */
function parseKey(text: string, file: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch {
    throw invalidConfig(file, 'it holds no private key that can be read without a password');
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (status) => status.isDirectory(),
    () => false,
  );
}
