// Docker's daemon.json: mirrors of Docker Hub, and hosts that need no certificate. It is Docker's file, so what is wrong in it
// stops Docker and not a pull.
// https://docs.docker.com/reference/cli/dockerd/#daemon-configuration-file
import { BlockList, isIP } from 'node:net';
import { toPullError } from '../errors.ts';
import { DOCKER_HUB } from '../oci/docker-hub.ts';
import { field, type JsonRecord, parseJsonObject, quote } from '../oci/json.ts';
import type { Reference } from '../oci/reference.ts';
import { type Note, readConfigFile } from './config-file.ts';
import type { Endpoint } from './endpoint.ts';
import { isTexts } from './toml.ts';

/** Bytes. */
const MAX_DAEMON_JSON_BYTES = 1024 * 1024;

export interface DaemonConfig {
  readonly mirrors: readonly URL[];
  /** Is this `host[:port]` one that needs no certificate? */
  isInsecure(registry: string): boolean;
  readonly file: string | undefined;
}

/** Never throws: what cannot be used is noted. */
export async function loadDaemonConfig(places: readonly string[], note: Note): Promise<DaemonConfig> {
  for (const file of places) {
    const record = await readRecord(file, note);
    if (!record) continue;
    return {
      mirrors: texts(record, 'registry-mirrors', file, note).flatMap((text) => parseMirror(text, file, note)),
      isInsecure: insecureHosts(texts(record, 'insecure-registries', file, note)),
      file,
    };
  }
  return { mirrors: [], isInsecure: () => false, file: undefined };
}

/** Docker asks its mirrors for images of Docker Hub alone. */
export function daemonMirrors(daemon: DaemonConfig, reference: Reference): readonly Endpoint[] {
  if (reference.registry !== DOCKER_HUB) return [];
  return daemon.mirrors.map((url) => {
    const path = url.pathname.replace(/^\/+|\/+$/g, '');
    return {
      registry: url.host,
      repository: reference.repository,
      scheme: url.protocol === 'http:' ? 'http' : 'https',
      ...(path ? { apiPath: `${path}/v2` } : {}),
      headers: {},
      serves: { tags: false, digests: true },
      insecure: false,
      source: daemon.file,
    };
  });
}

async function readRecord(file: string, note: Note): Promise<JsonRecord | undefined> {
  try {
    const bytes = await readConfigFile(file, note);
    return bytes && parseJsonObject(bytes, file, MAX_DAEMON_JSON_BYTES);
  } catch (error) {
    // Without its cause, in which the parser quotes the text: a proxy's password may stand there.
    note(`${file} is left out: ${toPullError(error).message}`);
    return {};
  }
}

function texts(record: JsonRecord, key: string, file: string, note: Note): readonly string[] {
  const value = field(record, key) ?? [];
  if (isTexts(value)) return value;
  note(`${file}: "${key}" is left out, because it is not a list of strings`);
  return [];
}

function parseMirror(text: string, file: string, note: Note): readonly URL[] {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && isPlainUrl(url)) return [url];
  const shown = /[@?]/.test(text) ? 'a mirror' : quote(text);
  note(`${file}: ${shown} is left out, because it is not a plain http:// or https:// URL`);
  return [];
}

/** http or https, without credentials, query and fragment. */
export function isPlainUrl(url: URL): boolean {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return false;
  return !(url.username || url.password || url.search || url.hash);
}

/** Names are compared as they stand: unlike Docker, nothing is looked up to compare it with a network. */
function insecureHosts(entries: readonly string[]): (registry: string) => boolean {
  // One list for each family: in a list of both, ::/0 would stand for all IPv4 addresses as well.
  const networks = { ipv4: new BlockList(), ipv6: new BlockList() };
  const hosts = new Set<string>();
  for (const entry of entries) {
    const [address = '', bits = ''] = entry.split('/', 2);
    const family = familyOf(address);
    if (family && /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 'ipv6' ? 128 : 32))
      networks[family].addSubnet(address, Number(bits), family);
    else hosts.add(entry.toLowerCase());
  }
  return (registry) => {
    if (hosts.has(registry.toLowerCase())) return true;
    const address = registry.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
    const family = familyOf(address);
    return family !== undefined && networks[family].check(address, family);
  };
}

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  const version = isIP(address);
  if (version === 0) return undefined;
  return version === 6 ? 'ipv6' : 'ipv4';
}
