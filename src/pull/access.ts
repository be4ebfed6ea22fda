// Opens the image: finds out where it is, who may ask for it, and what may be remembered of it.
import type { Credential, Keychain } from '../auth/credential.ts';
import { openLogins } from '../auth/keychain.ts';
import { canonicalRegistry } from '../auth/registry-key.ts';
import { openTocImage, type TocImage } from '../fetch/toc-image.ts';
import { type FoundHosts, findHosts } from '../hosts/find-hosts.ts';
import type { RegistryHost } from '../hosts/registry-host.ts';
import type { LocalImage, RegistryImage } from '../oci/image-name.ts';
import { referenceTarget } from '../oci/reference.ts';
import type { Emit } from '../progress/events.ts';
import { adviseLogin } from '../registry/login-advice.ts';
import { openLocalSource } from '../source/local-source.ts';
import { openRegistrySource } from '../source/registry-source.ts';
import { openSeeds, type Seeds, withSeeds } from '../source/seed.ts';
import type { ImageSource } from '../source/source.ts';
import { localContext } from './archive-work.ts';
import { nameTags } from './nearest-tags.ts';
import type { Caching, PullOptions } from './options.ts';
import { type ResolvedImage, resolveImage } from './resolve.ts';
import { createRestrictionJudge } from './restriction.ts';

export interface Access {
  readonly source: ImageSource;
  readonly image: ResolvedImage;
  /** Where tables of contents are that its layers do not hold themselves. */
  readonly tocImage: TocImage;
  /** What may be remembered of this image, as far as can be told now. */
  readonly caching: Caching;
  /** What the source has warned of so far; it grows, and the pull adds its own. */
  readonly warnings: string[];
  /** To be asked before anything is kept: a credential may have been needed since, for a layer. */
  judge(): Promise<Verdict>;
}

export interface Verdict {
  /** Was a credential of any use, and is the image not there for everybody? */
  readonly isRestricted: boolean;
  readonly caching: Caching;
  /** HTTP requests that it took to find out, besides those of the source. */
  readonly requests: number;
}

/** What is on this machine already is read where it lies; a copy of it would only take room. */
const NO_CACHING: Caching = { storeRead: false, storeWrite: false };

/** The caller closes `source`. Throws as resolveImage, openLocalSource, findHosts and createKeychain. */
export async function openImage(options: PullOptions): Promise<Access> {
  const { image } = options;
  const warnings: string[] = [];
  const emit: Emit = (event) => {
    if (event.kind === 'warning') warnings.push(event.message);
    options.emit(event);
  };
  const heard = { ...options, emit };
  const opened = image.kind === 'registry' ? openFromRegistry(heard, image) : openFromDisk(heard, image);
  return { ...(await opened), warnings };
}

type Opened = Omit<Access, 'warnings'>;

async function openFromDisk(options: PullOptions, local: LocalImage): Promise<Opened> {
  if (options.seeds.length > 0 || options.network.hosts.mirrors.length > 0)
    options.emit({ kind: 'info', message: 'mirrors and seeds are of no use to an image on this machine' });
  const source = await openLocalSource(local, localContext(options));
  const image = await resolveOrClose(source, { target: '', platform: options.platform });
  const verdict = { isRestricted: false, caching: NO_CACHING, requests: 0 };
  const tocImage = openTocImage(source, tagOf(local));
  return { source, image, tocImage, caching: NO_CACHING, judge: async () => verdict };
}

async function openFromRegistry(options: PullOptions, named: RegistryImage): Promise<Opened> {
  const found = await findHosts(named, options.network.hosts);
  for (const message of found.notes) options.emit({ kind: 'info', message });
  const lender = createLender(options, found);
  await lender.check();
  const seeds = await openSeeds(options.seeds, localContext(options));
  const source = openSource(options, found, { lender, seeds });
  const target = referenceTarget(found.reference);
  const image = await resolveOrClose(source, { target, platform: options.platform, advise: lender.advise });
  const restriction = createRestrictionJudge(found, { options, lent: lender.lent, digest: image.digest });
  const judge = async () => {
    const { isRestricted, requests } = await restriction();
    const restricted = isRestricted ? options.restricted : undefined;
    return { isRestricted: restricted !== undefined, caching: restricted ?? options, requests };
  };
  const tocImage = openTocImage(source, found.reference.tag);
  return { source, image, tocImage, caching: (await judge()).caching, judge };
}

/** Of a place in the list no other name follows. */
function tagOf({ name }: LocalImage): string | undefined {
  return name?.startsWith('@') ? undefined : name;
}

interface Lender {
  readonly keychain: Keychain;
  /** Throws CONFIG_INVALID for a file of logins that was named and cannot be used, before anything is asked. */
  check(): Promise<void>;
  /** For a host that refuses although the keychain has nothing for it. */
  fallback(host: RegistryHost): Credential | undefined;
  /** Hosts that a credential was handed out for, so far. */
  readonly lent: ReadonlySet<string>;
  /** The error, with what is known of the missing login in its hint where the registry refused. */
  advise(error: unknown): Promise<unknown>;
}

function createLender(options: PullOptions, { reference }: FoundHosts): Lender {
  const { login, authFile, platform, hosts, fallback } = options.network;
  const { env, home, uid } = hosts;
  const { onSecret, signal, emit } = options;
  const note = (message: string) => emit({ kind: 'info', message });
  const machine = { env, home, uid, platform };
  const { registry } = reference;
  const logins = openLogins({ registry, login, authFile, ...machine, onSecret, note, signal });
  const { keychain, advice, check } = logins;
  const lent = new Set<string>();
  return {
    lent,
    check,
    advise: (error) => adviseLogin(error, registry, advice),
    keychain: async (asked, repository) => {
      const credential = await keychain(asked, repository);
      if (credential) lent.add(asked);
      return credential;
    },
    fallback(host) {
      if (!fallback || !mayHave(host, fallback.registry)) return undefined;
      lent.add(host.registry);
      note(`the registry refuses an anonymous pull; trying again with ${fallback.credential.source}`);
      return fallback.credential;
    },
  };
}

/** The job's token is not risked on a connection that is not verified. */
function mayHave({ registry, scheme, tls }: RegistryHost, wanted: string): boolean {
  return canonicalRegistry(registry) === wanted && tls.verify && scheme !== 'http';
}

function openSource(
  options: PullOptions,
  { reference, hosts }: FoundHosts,
  { lender, seeds }: { lender: Lender; seeds: Seeds },
): ImageSource {
  const { concurrency: connections, emit, signal, onSecret } = options;
  const { env } = options.network.hosts;
  const { keychain, fallback } = lender;
  const common = { connections, signal, onSecret, emit, env };
  return withSeeds(openRegistrySource({ reference, hosts, keychain, fallback, ...common }), seeds, emit);
}

interface Question {
  readonly target: string;
  readonly platform: PullOptions['platform'];
  readonly advise?: Lender['advise'];
}

async function resolveOrClose(source: ImageSource, { target, platform, advise }: Question) {
  try {
    return await resolveImage(source, target, platform);
  } catch (error) {
    const named = await nameTags(error, source, target);
    await source.close();
    throw (await advise?.(named)) ?? named;
  }
}
