// An image in a registry and its mirrors, as an ImageSource.
import type { Credential, Keychain } from '../auth/credential.ts';
import { PullError } from '../errors.ts';
import type { RegistryHost, RegistryHosts } from '../hosts/registry-host.ts';
import type { Tell } from '../http/tell.ts';
import { verifyBytes } from '../integrity/verify.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { isDigest } from '../oci/digest.ts';
import { type Reference, repositoryName } from '../oci/reference.ts';
import { openRegistryClient, type RegistryClientOptions } from '../registry/client.ts';
import { withFallback } from '../registry/fallback-client.ts';
import type { Patience } from '../registry/patience.ts';
import { explainForeign } from './foreign-layer.ts';
import { createHostRoster, type HostRoster, type SourceHost } from './host-roster.ts';
import { askInTurn, openBlobInTurn } from './mirrors.ts';
import type { ImageSource } from './source.ts';

type Shared = 'connections' | 'signal' | 'onSecret' | 'env' | 'timeouts' | 'backoff';

export interface RegistrySourceOptions extends Pick<RegistryClientOptions, Shared> {
  /** Names the source, whichever host serves it. */
  readonly reference: Reference;
  readonly hosts: RegistryHosts;
  /** Asked for each host by itself: what one is given no other sees. */
  readonly keychain: Keychain;
  /** A credential that is tried only where this host refuses although the keychain has none for it; undefined: none. */
  readonly fallback?: ((host: RegistryHost) => Credential | undefined) | undefined;
  /** Told of mirrors that are passed over, of what is tried again, and of what registries warn of. */
  readonly emit?: Tell | undefined;
}

/** A hint needs no more. */
const MAX_TAGS_BYTES = 512 * 1024;

/** Connects to nothing yet. Its methods throw HttpError where a host fails. */
export function openRegistrySource(options: RegistrySourceOptions): ImageSource {
  const name = repositoryName(options.reference);
  const hosts = openHosts(options);
  const clients = hosts.map(({ client }) => client);
  const roster = createHostRoster(hosts, options.emit ?? (() => undefined));
  return {
    name,
    get requests() {
      return clients.reduce((sum, client) => sum + client.requests, 0);
    },
    get hosts() {
      return roster.figures;
    },
    link: () => roster.likely?.client.link,
    get quota() {
      return clients.at(-1)?.quota;
    },
    manifest: (target, expected, patience) => fetchManifest(roster, { target, expected, patience, name }),
    smallBlob: async (descriptor, maxBytes) => {
      const what = `blob ${descriptor.digest} of ${name}`;
      if (descriptor.size > maxBytes)
        throw new PullError('LIMIT_EXCEEDED', `${what}: ${descriptor.size} bytes, more than ${maxBytes}`);
      return fetchSmallBlob(roster, descriptor, { what, signal: options.signal });
    },
    openBlob: (descriptor, range, signal) => {
      const what = `blob ${descriptor.digest} of ${name}`;
      const opened = openBlobInTurn(roster, { descriptor, range, signal, what });
      return opened.catch((error: unknown) => {
        throw explainForeign(error, descriptor, name);
      });
    },
    distrust: roster.distrust,
    remarks: roster.remarks,
    tags: async () => {
      const authority = hosts.findLast(({ host }) => host.serves.tags);
      return (await authority?.client.tags(MAX_TAGS_BYTES)) ?? [];
    },
    close: async () => {
      await Promise.all(clients.map((client) => client.close()));
    },
  };
}

function openHosts({ hosts, keychain, fallback, ...options }: RegistrySourceOptions): SourceHost[] {
  const { connections, signal, onSecret, env, timeouts, backoff, emit: tell } = options;
  const shared = { connections, signal, onSecret, env, timeouts, backoff, tell };
  return hosts.map((host, index) => {
    const isLast = index === hosts.length - 1;
    const open = (credential: () => Promise<Credential | undefined>) =>
      openRegistryClient({ ...shared, host, credential, patience: isLast ? 'full' : 'brief' });
    let isKnown = false;
    const first = open(async () => {
      const credential = await keychain(host.registry, host.repository);
      isKnown = credential !== undefined;
      return credential;
    });
    const openSecond = () => {
      const credential = isKnown ? undefined : fallback?.(host);
      return credential && open(async () => credential);
    };
    return { host, isLast, client: withFallback(first, openSecond) };
  });
}

interface ManifestQuestion {
  readonly target: string;
  readonly expected: Descriptor | undefined;
  readonly patience: Patience | undefined;
}

async function fetchManifest(roster: HostRoster, { name, ...request }: ManifestQuestion & { name: string }) {
  const { target } = request;
  const question = isDigest(target)
    ? { kind: 'digests' as const, digest: target }
    : { kind: 'tags' as const };
  const search = { roster, question, what: `manifest ${target} of ${name}` };
  return askInTurn(search, async (host) => {
    const manifest = await onceMoreIfDamaged(host, () => host.client.manifest(request));
    roster.received(host, manifest.bytes.length);
    return manifest;
  });
}

function fetchSmallBlob(
  roster: HostRoster,
  descriptor: Descriptor,
  { what, signal }: { what: string; signal: AbortSignal },
): Promise<Uint8Array> {
  const question = { kind: 'digests' as const, digest: descriptor.digest };
  return askInTurn({ roster, question, what }, (host) =>
    onceMoreIfDamaged(host, async () => {
      const bytes = await readSmallBlob(host, descriptor, signal);
      roster.received(host, bytes.length);
      verifyBytes(bytes, descriptor, `${what}, from ${host.host.registry}`);
      return bytes;
    }),
  );
}

async function readSmallBlob(
  { client }: SourceHost,
  descriptor: Descriptor,
  signal: AbortSignal,
): Promise<Uint8Array> {
  // Servers refuse every range of an empty blob.
  if (descriptor.size === 0) return new Uint8Array();
  const body = await client.blob(descriptor, { start: 0, end: descriptor.size }, signal);
  return Buffer.concat(await Array.fromAsync(body.chunks));
}

/**
 * Damage on the way (a bad cache, a bad proxy) may be gone the next time; damage in the registry is not. Where another host
 * can be asked, that is better.
 */
async function onceMoreIfDamaged<T>({ isLast }: SourceHost, fetch: () => Promise<T>): Promise<T> {
  try {
    return await fetch();
  } catch (error) {
    if (isLast && error instanceof PullError && error.code === 'DIGEST_MISMATCH') return fetch();
    throw error;
  }
}
