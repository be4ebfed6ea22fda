// From an image's name and the configuration of this machine to the hosts that serve it.
import { PullError } from '../errors.ts';
import { type Reference, repositoryName } from '../oci/reference.ts';
import { findCertificates, readAuthorities } from './certificates.ts';
import type { Note } from './config-file.ts';
import { containerdHosts } from './containerd-hosts.ts';
import { type DaemonConfig, daemonMirrors, loadDaemonConfig } from './docker-daemon.ts';
import { type Endpoint, joinTrust, NO_TRUST, ownEndpoint } from './endpoint.ts';
import type { HostSettings } from './host-settings.ts';
import { mirrorsFromInput } from './mirror-input.ts';
import { certificatePlaces, daemonPlaces } from './places.ts';
import { findRegistryTable, rewriteName } from './prefix.ts';
import type { RegistriesConf, RegistryTable } from './registries-conf.ts';
import { loadRegistriesConf } from './registries-files.ts';
import { blockingTable, registryEndpoints } from './registry-endpoints.ts';
import type { RegistryHost, RegistryHosts } from './registry-host.ts';
import { resolveShortName } from './short-name.ts';

export type { HostSettings } from './host-settings.ts';

export interface FoundHosts {
  /** What is pulled: a short name is resolved by now. */
  readonly reference: Reference;
  readonly hosts: RegistryHosts;
  /** What the user should know, one line each: a short name that was resolved by a file, an option that is not supported. */
  readonly notes: readonly string[];
}

/**
 * `shortName`: what the user wrote, where it named no registry (`ubuntu:24.04`, `library/ubuntu`).
 * Of containerd's directory, registries.conf and Docker's daemon.json the first that names hosts for the image decides; they
 * are not mixed. The input `mirrors` comes before all of them, and what registries.conf blocks stays blocked.
 * Throws INPUT_INVALID for a mirror that is none, CONFIG_INVALID for a file that cannot be used, and IMAGE_BLOCKED where
 * registries.conf leaves no host to ask.
 */
export async function findHosts(
  image: { readonly reference: Reference; readonly shortName?: string | undefined },
  settings: HostSettings,
): Promise<FoundHosts> {
  const notes = new Set<string>();
  const note: Note = (text) => notes.add(text);
  const conf = await loadRegistriesConf(settings, note);
  const reference =
    image.shortName === undefined
      ? image.reference
      : resolveShortName(image.reference, image.shortName, conf, note);
  const daemon = await loadDaemonConfig(daemonPlaces(settings), note);
  const context = { reference, conf, daemon, settings, note };
  const named = [
    ...declaredInsecure(mirrorsFromInput(settings.mirrors, reference), conf),
    ...(await configuredEndpoints(context)),
  ];
  const endpoints = named.filter((endpoint) => !isBlocked(endpoint, conf, note));
  const [first, ...others] = await Promise.all(distinct(endpoints).map((each) => toHost(each, context)));
  if (!first) throw blocked(context);
  const hosts: RegistryHosts = [first, ...others];
  refuseUnanswerable(hosts, context);
  return { reference, hosts, notes: [...notes] };
}

interface Context {
  readonly reference: Reference;
  readonly conf: RegistriesConf;
  readonly daemon: DaemonConfig;
  readonly settings: HostSettings;
  readonly note: Note;
}

async function configuredEndpoints(context: Context): Promise<readonly Endpoint[]> {
  const { reference, conf, daemon, settings, note } = context;
  const name = repositoryName(reference);
  const table = findRegistryTable(conf, name);
  if (table && blockingTable(name, conf)) {
    const mirrors = registryEndpoints(reference, table, conf);
    if (mirrors.length === 0) throw blocked(context);
    return mirrors;
  }
  if (settings.hostsDirectory) {
    const windows = settings.uid === undefined;
    const found = await containerdHosts(settings.hostsDirectory, reference, windows, note);
    if (found) return declaredInsecure(found, conf);
  }
  if (table && namesHosts(table, name)) return registryEndpoints(reference, table, conf);
  const own = table ? registryEndpoints(reference, table, conf) : [ownEndpoint(reference)];
  return [...declaredInsecure(daemonMirrors(daemon, reference), conf), ...own];
}

/** Does it say more than how safe the registry is? */
function namesHosts(table: RegistryTable, name: string): boolean {
  if (table.mirrors.length > 0) return true;
  return repositoryName(rewriteName(name, table, table.location)) !== name;
}

/** A host that others name may have a [[registry]] table of its own that says insecure. */
function declaredInsecure(endpoints: readonly Endpoint[], conf: RegistriesConf): readonly Endpoint[] {
  return endpoints.map((endpoint) => {
    const table = findRegistryTable(conf, repositoryName(endpoint));
    return table?.insecure ? { ...endpoint, insecure: true } : endpoint;
  });
}

function isBlocked(endpoint: Endpoint, conf: RegistriesConf, note: Note): boolean {
  const table = findRegistryTable(conf, repositoryName(endpoint));
  if (!table?.blocked) return false;
  note(`${repositoryName(endpoint)} is not asked: ${table.file} blocks ${table.prefix}`);
  return true;
}

/** Without those that equal an earlier one. */
function distinct(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const keys = endpoints.map(({ scheme, registry, apiPath, repository, serves }) =>
    JSON.stringify([scheme, registry, apiPath, repository, serves]),
  );
  return endpoints.filter((_, index) => keys.indexOf(keys[index] ?? '') === index);
}

async function toHost(endpoint: Endpoint, { daemon, settings, note }: Context): Promise<RegistryHost> {
  const { insecure, trust = NO_TRUST, ...host } = endpoint;
  const windows = settings.uid === undefined;
  const found = await findCertificates(certificatePlaces(settings), host.registry, windows, note);
  const { authorityFile } = settings;
  const given = authorityFile ? await readAuthorities(authorityFile) : NO_TRUST;
  const verify = settings.tlsVerify && !insecure && !daemon.isInsecure(host.registry);
  return { ...host, tls: { verify, ...joinTrust(joinTrust(trust, found), given) } };
}

function blocked({ reference, conf }: Context): PullError {
  const name = repositoryName(reference);
  const table = blockingTable(name, conf);
  const by = table ? `${table.file} blocks ${table.prefix}` : 'registries.conf blocks all its hosts';
  return new PullError('IMAGE_BLOCKED', `${name} must not be pulled here: ${by}`);
}

/** The trust rules may leave nobody to ask what the tag means. */
function refuseUnanswerable(hosts: RegistryHosts, context: Context): void {
  const { reference, conf } = context;
  const digests = hosts.some((host) => host.serves.digests);
  if (digests && (reference.digest || hosts.some((host) => host.serves.tags))) return;
  if (blockingTable(repositoryName(reference), conf)) throw blocked(context);
  const files = [...new Set(hosts.map((host) => host.source))].filter((source) => source !== undefined);
  const missing = digests ? `what the tag ${reference.tag} means` : 'for its blobs';
  throw new PullError(
    'CONFIG_INVALID',
    `${files.join(', ')}: no host of ${repositoryName(reference)} may be asked ${missing}`,
    { hint: 'Give one of the hosts the capabilities "pull" and "resolve", or name the image by its digest.' },
  );
}
