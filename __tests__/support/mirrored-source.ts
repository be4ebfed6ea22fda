// A registry with mirrors before it, all real servers, and a source over them.
import type { Credential } from '../../src/auth/credential.ts';
import type { RegistryHost, RegistryHosts } from '../../src/hosts/registry-host.ts';
import { parseReference } from '../../src/oci/reference.ts';
import { openRegistrySource } from '../../src/source/registry-source.ts';
import type { ImageSource } from '../../src/source/source.ts';
import { fixtureLayout } from './fixture-image.ts';
import { type RegistryOptions, startRegistry, type TestRegistry } from './registry.ts';
import { hostFor, REPOSITORY, SHORT_WAITS } from './registry-client.ts';

export interface MirrorOptions extends Partial<RegistryOptions> {
  /** What configuration says about it; by default it is asked for digests alone. */
  readonly host?: Partial<RegistryHost>;
  /** Stopped before anybody asks it. */
  readonly isDown?: boolean;
  readonly credential?: { readonly username: string; readonly password: string };
}

export interface Mirrored extends AsyncDisposable {
  /** In the order they are asked, the image's own registry last. */
  readonly registries: readonly TestRegistry[];
  readonly source: ImageSource;
  /** What the source told. */
  readonly warnings: string[];
  /** `registry repository` of every look-up of a credential. */
  readonly lookups: string[];
  readonly hosts: RegistryHosts;
}

/** The last of `options` is the image's own registry. */
export async function startMirrored(
  ...options: readonly [MirrorOptions, ...MirrorOptions[]]
): Promise<Mirrored> {
  const registries = await Promise.all(options.map(start));
  const hosts = registries.map((registry, index) => {
    const serves = { tags: index === options.length - 1, digests: true };
    return hostFor(registry.host, { serves, ...options[index]?.host });
  });
  const [lookups, warnings]: [string[], string[]] = [[], []];
  const source = openRegistrySource({
    reference: parseReference(`${registries.at(-1)?.host}/${REPOSITORY}:v1`),
    hosts: hosts as unknown as RegistryHosts,
    keychain: async (registry, repository) => {
      lookups.push(`${registry} ${repository}`);
      const given = options[registries.findIndex(({ host }) => host === registry)]?.credential;
      return given && ({ kind: 'password', source: 'a test', ...given } satisfies Credential);
    },
    connections: 4,
    signal: new AbortController().signal,
    emit: ({ kind, message }) => void (kind === 'warning' && warnings.push(message)),
    ...SHORT_WAITS,
  });
  await Promise.all(
    registries.map((registry, index) => (options[index]?.isDown ? registry.close() : undefined)),
  );
  return {
    registries,
    source,
    warnings,
    lookups,
    hosts: hosts as unknown as RegistryHosts,
    [Symbol.asyncDispose]: async () => {
      await source.close();
      await Promise.all(
        registries.map((registry, index) => (options[index]?.isDown ? undefined : registry.close())),
      );
    },
  };
}

function start({
  host: _host,
  isDown: _isDown,
  credential: _credential,
  ...options
}: MirrorOptions): Promise<TestRegistry> {
  const images = [{ repository: REPOSITORY, layout: fixtureLayout('zstd-chunked') }];
  return startRegistry({ images, ...options });
}
