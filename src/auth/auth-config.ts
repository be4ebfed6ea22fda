// What is in a file of logins: Docker's config.json, the auth.json of containers/image, and the older .dockercfg.
// https://github.com/docker/cli/blob/master/cli/config/configfile/file.go
import { PullError } from '../errors.ts';
import { field, isJsonRecord, type JsonRecord, quote } from '../oci/json.ts';
import type { Credential } from './credential.ts';
import { canonicalKey } from './registry-key.ts';

export interface AuthConfig {
  /** File or variable, for messages. */
  readonly source: string;
  /** By canonical key, see canonicalKey; of several spellings the most usual first. */
  readonly entries: ReadonlyMap<string, readonly AuthEntry[]>;
  /** By canonical registry. */
  readonly helpers: ReadonlyMap<string, HelperEntry>;
  /** Name of the helper for all other registries. */
  readonly store: string | undefined;
}

export interface AuthEntry {
  /** As written. */
  readonly key: string;
  readonly value: JsonRecord;
}

export interface HelperEntry {
  /** As written. */
  readonly key: string;
  /** Empty: no helper is to be asked for this registry. */
  readonly name: string;
}

/** `config`: everything. `logins-only`: helpers are not read. `dockercfg`: the entries are the document, without namespaces. */
export type AuthFormat = 'config' | 'logins-only' | 'dockercfg';

/** User name with which a secret is an identity token. */
const TOKEN_USER = '<token>';

/** Throws CONFIG_INVALID. No message repeats anything of the text but keys: it is full of secrets. */
export function parseAuthConfig(text: string, source: string, format: AuthFormat): AuthConfig {
  const document = parseText(text, source);
  const auths = format === 'dockercfg' ? document : section(document, 'auths', source);
  const withHelpers = format === 'config';
  return {
    source,
    entries: readEntries(auths, source, format === 'dockercfg'),
    helpers: withHelpers ? readHelpers(section(document, 'credHelpers', source), source) : new Map(),
    store: withHelpers ? readString(document, 'credsStore', source) || undefined : undefined,
  };
}

/**
 * The credential in an entry; undefined where it only says that there was a login, and a helper has the secret.
 * Throws CONFIG_INVALID.
 */
export function readEntry({ key, value }: AuthEntry, source: string): Credential | undefined {
  const what = `${source}: the login for ${quote(key)}`;
  const text = (name: string) => readString(value, name, what) ?? '';
  const registryToken = text('registrytoken').trim();
  if (/[^\x21-\x7e]/.test(registryToken))
    throw invalid(what, '"registrytoken" holds characters that no token has');
  if (registryToken !== '') return { kind: 'registry-token', token: registryToken, source };
  const identityToken = text('identitytoken').trim();
  if (identityToken !== '') return { kind: 'identity-token', token: identityToken, source };
  const auth = text('auth').replace(/\s+/g, '');
  return auth === ''
    ? toCredential(text('username'), text('password'), source)
    : toCredential(...decodeAuth(auth, what), source);
}

/** undefined: there is nothing to send. */
export function toCredential(username: string, secret: string, source: string): Credential | undefined {
  if (username === '' && secret === '') return undefined;
  if (username === TOKEN_USER)
    return secret === '' ? undefined : { kind: 'identity-token', token: secret, source };
  return { kind: 'password', username, password: secret, source };
}

function parseText(text: string, source: string): JsonRecord {
  // Windows' own tools begin files with a byte order mark; files that were only touched are empty.
  const json = text.replace(/^\ufeff/, '').trim();
  if (json === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    // The parser's own message quotes the text around the fault.
    throw invalid(source, 'it is not valid JSON');
  }
  if (isJsonRecord(value)) return value;
  throw invalid(source, 'it is not a JSON object');
}

function section(document: JsonRecord, name: string, source: string): JsonRecord {
  const value = field(document, name) ?? {};
  if (isJsonRecord(value)) return value;
  throw invalid(source, `"${name}" is not an object`);
}

function readString(record: JsonRecord, name: string, what: string): string | undefined {
  const value = field(record, name);
  if (value === undefined || typeof value === 'string') return value;
  throw invalid(what, `"${name}" is not a string`);
}

function readEntries(auths: JsonRecord, source: string, isLegacy: boolean): Map<string, AuthEntry[]> {
  const entries = new Map<string, AuthEntry[]>();
  for (const [key, value] of Object.entries(auths)) {
    if (value !== null && !isJsonRecord(value))
      throw invalid(source, `the login for ${quote(key)} is not an object`);
    const canonical = canonicalKey(key, isLegacy);
    if (canonical === undefined) continue;
    const known = entries.get(canonical) ?? [];
    const entry = { key, value: value ?? {} };
    entries.set(canonical, key === canonical ? [entry, ...known] : [...known, entry]);
  }
  return entries;
}

function readHelpers(section: JsonRecord, source: string): Map<string, HelperEntry> {
  const helpers = new Map<string, HelperEntry>();
  for (const key of Object.keys(section)) {
    const name = readString(section, key, `${source}: "credHelpers"`) ?? '';
    const canonical = canonicalKey(key);
    if (canonical !== undefined && (key === canonical || !helpers.has(canonical)))
      helpers.set(canonical, { key, name });
  }
  return helpers;
}

function decodeAuth(auth: string, what: string): [username: string, password: string] {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(auth)) throw invalid(what, '"auth" is not base64');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(auth, 'base64'));
  } catch {
    throw invalid(what, '"auth" is not UTF-8 in base64');
  }
  const colon = text.indexOf(':');
  if (colon < 0) throw invalid(what, '"auth" is not a user name and a password with a colon between them');
  return [text.slice(0, colon), text.slice(colon + 1).replace(/\0+$/, '')];
}

function invalid(what: string, fault: string): PullError {
  return new PullError('CONFIG_INVALID', `${what}: ${fault}`, {
    hint: 'Log in again, or take the file or variable away; nothing was downloaded.',
  });
}
