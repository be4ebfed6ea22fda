// containerd's directories of hosts.toml files: who serves a registry, and how each of them is talked to.
// https://github.com/containerd/containerd/blob/main/docs/hosts.md
import { isAbsolute, join } from 'node:path';
import { DOCKER_HUB, DOCKER_HUB_API } from '../oci/docker-hub.ts';
import { isJsonRecord, quote } from '../oci/json.ts';
import type { Reference } from '../oci/reference.ts';
import { noteFurtherClients, readAuthorities, readCertificateDirectory, readClient } from './certificates.ts';
import { invalidConfig, listDirectory, type Note, readConfigFile } from './config-file.ts';
import { isPlainUrl } from './docker-daemon.ts';
import { type Endpoint, joinTrust, NO_TRUST, ownEndpoint, type Trust } from './endpoint.ts';
import { isText, isTexts, parseToml, type TomlTable, tomlTable } from './toml.ts';

/**
 * The hosts that the directory of the image's registry names, the registry's own last; undefined where there is no such directory.
 * Throws CONFIG_INVALID.
 */
export async function containerdHosts(
  root: string,
  reference: Reference,
  windows: boolean,
  note: Note,
): Promise<readonly Endpoint[] | undefined> {
  if ((await listDirectory(root)) === undefined) throw invalidConfig(root, 'there is no such directory');
  for (const name of directoryNames(reference.registry, windows)) {
    const directory = join(root, name);
    if ((await listDirectory(directory)) === undefined) continue;
    const file = join(directory, 'hosts.toml');
    const bytes = await readConfigFile(file);
    if (bytes && bytes.length > 0) return readHosts(parseToml(bytes, file), directory, reference, note);
    const trust = await readCertificateDirectory(directory, note);
    return [{ ...ownEndpoint(reference), source: directory, trust }];
  }
  return undefined;
}

function directoryNames(registry: string, windows: boolean): readonly string[] {
  const [, host, port] = /^(.*):(\d+)$/.exec(registry) ?? [];
  const named = port === undefined ? [registry] : [`${host}_${port}_`, ...(windows ? [] : [registry])];
  return [...named, '_default'];
}

async function readHosts(root: TomlTable, directory: string, reference: Reference, note: Note) {
  const hosts: Endpoint[] = [];
  for (const [address, value] of root.table('host')?.entries() ?? []) {
    if (!isJsonRecord(value)) throw invalidConfig(root.file, `host ${quote(address)} is not a table`);
    const table = tomlTable(value, root.file);
    // Without a list of capabilities containerd asks a mirror for tags as well. That would let it choose the image.
    const serves = capabilities(table) ?? { tags: false, digests: true };
    hosts.push(await readHost(table, { address, serves, directory, reference, note }));
  }
  const address = root.text('server') ?? '';
  const serves = (address && capabilities(root)) || { tags: true, digests: true };
  hosts.push(await readHost(root, { address, serves, directory, reference, note }));
  return hosts.filter((host) => host.serves.tags || host.serves.digests);
}

interface HostContext {
  /** Empty: the registry itself. */
  readonly address: string;
  readonly serves: Endpoint['serves'];
  readonly directory: string;
  readonly reference: Reference;
  readonly note: Note;
}

async function readHost(table: TomlTable, context: HostContext): Promise<Endpoint> {
  const { address, serves, directory, reference, note } = context;
  const place = address ? parseAddress(table, address, reference) : {};
  return {
    ...ownEndpoint(reference),
    ...place,
    headers: headers(table),
    serves,
    insecure: table.flag('skip_verify') ?? false,
    source: table.file,
    trust: await readTrust(table, directory, note),
  };
}

function parseAddress(table: TomlTable, address: string, reference: Reference): Partial<Endpoint> {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(address) ? address : `https://${address}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !isPlainUrl(url)) {
    const shown = /[@?]/.test(address) ? 'a host' : quote(address);
    throw invalidConfig(table.file, `${shown} is not a plain http:// or https:// URL`);
  }
  const isHub = reference.registry === DOCKER_HUB && url.host === DOCKER_HUB_API;
  const registry = isHub ? DOCKER_HUB : url.host;
  const apiPath = apiPathOf(url, table.flag('override_path') ?? false);
  return {
    registry,
    scheme: url.protocol === 'http:' ? 'http' : 'https',
    ...(apiPath === 'v2' ? {} : { apiPath }),
    ...(registry === reference.registry ? {} : { namespace: reference.registry }),
  };
}

function apiPathOf(url: URL, override: boolean): string {
  const path = url.pathname.split('/').filter(Boolean);
  return [...path, ...(override || path.at(-1) === 'v2' ? [] : ['v2'])].join('/');
}

/** What a host may be asked; undefined where that is not written. Names of capabilities that came later do not count. */
function capabilities(table: TomlTable): Endpoint['serves'] | undefined {
  const names = table.texts('capabilities')?.map((name) => name.toLowerCase());
  if (!names || names.length === 0) return undefined;
  return { tags: names.includes('resolve'), digests: names.includes('pull') };
}

/** Values may be secrets, so they stay out of messages. */
function headers(table: TomlTable): Readonly<Record<string, string>> {
  const entries = (table.table('header')?.entries() ?? []).map(([name, value]) => {
    const text = isTexts(value) ? value.join(', ') : value;
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name) || !isText(text) || !/^[\t\x20-\x7e\x80-\xff]*$/.test(text))
      throw invalidConfig(table.file, `the header ${quote(name)} cannot be sent`);
    return [name.toLowerCase(), text] as const;
  });
  return Object.fromEntries(entries);
}

/** `ca` and `client` name files, relative to the directory of hosts.toml. */
async function readTrust(table: TomlTable, directory: string, note: Note): Promise<Trust> {
  const resolve = (file: string) => (isAbsolute(file) ? file : join(directory, file));
  const parts: Trust[] = [];
  for (const file of fileList(table, 'ca')) parts.push(await readAuthorities(resolve(file)));
  for (const [certificate, key] of clientPairs(table))
    parts.push(await readClient(resolve(certificate), resolve(key)));
  noteFurtherClients(parts, note);
  return parts.reduce(joinTrust, NO_TRUST);
}

function fileList(table: TomlTable, key: string): readonly string[] {
  const value = table.value(key) ?? [];
  if (isText(value)) return [value];
  if (isTexts(value)) return value;
  throw invalidConfig(table.file, `"${key}" is not a file name or a list of them`);
}

function clientPairs(table: TomlTable): readonly (readonly [string, string])[] {
  const value = table.value('client') ?? [];
  if (isText(value)) return [[value, value]];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.map((each) => {
    if (isText(each)) return [each, each];
    const [certificate, key, ...more] = isTexts(each) ? each : [];
    if (certificate !== undefined && key !== undefined && more.length === 0) return [certificate, key];
    throw invalidConfig(table.file, '"client" is not a file name, or a list of them or of pairs of them');
  });
}
