// Opens the image: finds out where it is, who may ask for it, and what may be remembered of it.
import type { Keychain } from '../auth/credential.ts';
import { createKeychain } from '../auth/keychain.ts';
import { canonicalRegistry } from '../auth/registry-key.ts';
import { PullError } from '../errors.ts';
import { type FoundHosts, findHosts } from '../hosts/find-hosts.ts';
import type { LocalImage, RegistryImage } from '../oci/image-name.ts';
import { referenceTarget } from '../oci/reference.ts';
import { probeAnonymous } from '../registry/probe.ts';
import { openLocalSource } from '../source/local-source.ts';
import { openRegistrySource } from '../source/registry-source.ts';
import { openSeeds, type Seeds, withSeeds } from '../source/seed.ts';
import type { ImageSource } from '../source/source.ts';
import { nameTags } from './nearest-tags.ts';
import type { Caching, PullOptions } from './options.ts';
import { type ResolvedImage, resolveImage } from './resolve.ts';

export interface Access {
  readonly source: ImageSource;
  readonly image: ResolvedImage;
  /** What may be remembered of this image. */
  readonly caching: Caching;
  /** Was a credential of any use, and is the image not there for everybody? */
  readonly isRestricted: boolean;
}

/** What is on this machine already is read where it lies; a copy of it would only take room. */
const NO_CACHING: Caching = { storeRead: false, storeWrite: false };

/** The caller closes `source`. Throws as resolveImage, openLocalSource, findHosts and createKeychain. */
export async function openImage(options: PullOptions): Promise<Access> {
  const { image } = options;
  return image.kind === 'registry' ? openFromRegistry(options, image) : openFromDisk(options, image);
}

async function openFromDisk(options: PullOptions, local: LocalImage): Promise<Access> {
  const source = await openLocalSource(local, options);
  const image = await resolveOrClose({ source, owned: source }, '', options);
  return { source, image, caching: NO_CACHING, isRestricted: false };
}

async function openFromRegistry(options: PullOptions, named: RegistryImage): Promise<Access> {
  const found = await findHosts(named, options.network.hosts);
  for (const message of found.notes) options.emit({ kind: 'info', message });
  const seeds = await openSeeds(options.seeds, options);
  try {
    return await openAsWhoeverMay(options, found, seeds);
  } catch (error) {
    await seeds.close();
    throw error;
  }
}

async function openAsWhoeverMay(options: PullOptions, found: FoundHosts, seeds: Seeds): Promise<Access> {
  const { keychain, lent } = watched(usualKeychain(options, found));
  const opened = await open(options, found, { keychain, seeds }).catch((error: unknown) => {
    // What a mirror was given says nothing about the registry itself.
    if (lent.has(found.reference.registry) || !isRefusal(error)) throw error;
    return openWithFallback(options, found, { seeds, error });
  });
  if ('isRestricted' in opened) return opened;
  const needsCredential = lent.size > 0 || (await mayNeedCredential(opened, found, keychain));
  return withCaching(options, found, { ...opened, needsCredential });
}

/** Throws `error` where there is no fallback for this registry. */
async function openWithFallback(
  options: PullOptions,
  found: FoundHosts,
  { seeds, error }: { seeds: Seeds; error: unknown },
): Promise<Access> {
  const fallback = fallbackFor(options, found);
  if (!fallback) throw error;
  options.emit({
    kind: 'info',
    message: `the registry refuses an anonymous pull; trying again with ${fallback.credential.source}`,
  });
  const keychain: Keychain = async (registry) =>
    canonicalRegistry(registry) === fallback.registry ? fallback.credential : undefined;
  const opened = await open(options, found, { keychain, seeds });
  return { ...opened, caching: options.restricted ?? options, isRestricted: true };
}

function usualKeychain(options: PullOptions, { reference }: FoundHosts): Keychain {
  const { login, authFile, platform, hosts } = options.network;
  const { env, home, uid } = hosts;
  const note = (message: string) => options.emit({ kind: 'info', message });
  const { onSecret, signal } = options;
  const machine = { env, home, uid, platform };
  return createKeychain({
    registry: reference.registry,
    login,
    authFile,
    ...machine,
    onSecret,
    note,
    signal,
  });
}

/** `lent`: the registries that a credential was handed out for, so far. */
function watched(keychain: Keychain): { keychain: Keychain; lent: ReadonlySet<string> } {
  const lent = new Set<string>();
  return {
    lent,
    keychain: async (registry, repository) => {
      const credential = await keychain(registry, repository);
      if (credential) lent.add(registry);
      return credential;
    },
  };
}

/** The job's token is not risked on a connection that is not verified. */
function fallbackFor({ network: { fallback } }: PullOptions, { reference, hosts }: FoundHosts) {
  const isVerified = hosts.every(({ registry, tls }) => registry !== reference.registry || tls.verify);
  return isVerified && fallback?.registry === canonicalRegistry(reference.registry) ? fallback : undefined;
}

/** A seed may have spared the registry every question so far; layers that are missing in it are asked for later. */
async function mayNeedCredential({ source, image }: Opened, { reference }: FoundHosts, keychain: Keychain) {
  const isMissing = image.manifest.layers.some((layer) => source.locate?.(layer) === undefined);
  if (!isMissing || source.requests > 0) return false;
  return (await keychain(reference.registry, reference.repository)) !== undefined;
}

interface Opened {
  readonly source: ImageSource;
  readonly image: ResolvedImage;
}

/** Many log in for a higher rate limit only: what anybody may pull may be remembered as if nobody had logged in. */
async function withCaching(
  options: PullOptions,
  { hosts }: FoundHosts,
  { needsCredential, source, image }: Opened & { needsCredential: boolean },
): Promise<Access> {
  const { restricted, signal, onSecret } = options;
  const host = hosts[hosts.length - 1] ?? hosts[0];
  const isRestricted =
    needsCredential &&
    restricted !== undefined &&
    !(await probeAnonymous({ host, target: image.digest, signal, onSecret }));
  return { source, image, caching: isRestricted ? restricted : options, isRestricted };
}

/** On failure the seeds stay open. */
async function open(
  options: PullOptions,
  found: FoundHosts,
  { keychain, seeds }: { keychain: Keychain; seeds: Seeds },
): Promise<Opened> {
  const { concurrency: connections, emit, signal, onSecret } = options;
  const { env } = options.network.hosts;
  const { reference, hosts } = found;
  const registry = openRegistrySource({
    reference,
    hosts,
    keychain,
    connections,
    signal,
    onSecret,
    emit,
    env,
  });
  const source = withSeeds(registry, seeds, emit);
  return {
    source,
    image: await resolveOrClose({ source, owned: registry }, referenceTarget(reference), options),
  };
}

/** `owned`: what is closed on failure. */
async function resolveOrClose(
  { source, owned }: { source: ImageSource; owned: ImageSource },
  target: string,
  { platform }: PullOptions,
): Promise<ResolvedImage> {
  try {
    return await resolveImage(source, target, platform);
  } catch (error) {
    const named = await nameTags(error, source, target);
    await owned.close();
    throw named;
  }
}

/** Registries say "not found" of what they do not want to admit exists. */
function isRefusal(error: unknown): boolean {
  return error instanceof PullError && (error.code === 'UNAUTHORIZED' || error.code === 'NOT_FOUND');
}
