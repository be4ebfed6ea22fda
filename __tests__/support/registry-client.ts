// A registry and a client for it in one go, with short waits.
import type { Credential } from '../../src/auth/credential.ts';
import type { RegistryHost, TlsSettings } from '../../src/hosts/registry-host.ts';
import {
  openRegistryClient,
  type RegistryClient,
  type RegistryClientOptions,
} from '../../src/registry/client.ts';
import { fixtureLayout } from './fixture-image.ts';
import { type RegistryOptions, startRegistry, type TestRegistry } from './registry.ts';

export const REPOSITORY = 'owner/image';

export interface Pair extends AsyncDisposable {
  readonly registry: TestRegistry;
  readonly client: RegistryClient;
  readonly secrets: string[];
}

export type ClientChanges = Omit<Partial<RegistryClientOptions>, 'credential' | 'host'> & {
  readonly credential?: GivenCredential | undefined;
  readonly host?: Partial<RegistryHost>;
};

/** A user name and a password are enough. */
export type GivenCredential = Credential | { readonly username: string; readonly password: string };

export async function startPair(
  registryOptions: Partial<RegistryOptions> = {},
  { credential, host, ...changes }: ClientChanges = {},
): Promise<Pair> {
  const images = [{ repository: REPOSITORY, layout: fixtureLayout('zstd-chunked') }];
  const registry = await startRegistry({ images, ...registryOptions });
  const secrets: string[] = [];
  const client = openRegistryClient({
    ...clientOptionsFor(registry.host, host),
    onSecret: (secret) => secrets.push(secret),
    ...(credential ? { credential: lookup(credential) } : {}),
    ...changes,
  });
  return {
    registry,
    client,
    secrets,
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await registry.close();
    },
  };
}

/** `host`: `127.0.0.1:port` */
export function clientOptionsFor(host: string, changes: Partial<RegistryHost> = {}): RegistryClientOptions {
  return {
    host: hostFor(host, changes),
    connections: 4,
    signal: new AbortController().signal,
    ...SHORT_WAITS,
  };
}

export const SHORT_WAITS = {
  timeouts: { connect: 2000, headers: 2000, body: 1000 },
  backoff: 0.01,
};

export const VERIFIED: TlsSettings = { verify: true, authorities: [], sources: [] };
export const UNVERIFIED: TlsSettings = { ...VERIFIED, verify: false };

export function hostFor(registry: string, changes: Partial<RegistryHost> = {}): RegistryHost {
  const serves = { tags: true, digests: true };
  return { registry, repository: REPOSITORY, tls: VERIFIED, headers: {}, serves, ...changes };
}

/** What a client is given to look up its credential. */
export function lookup(credential: GivenCredential): () => Promise<Credential> {
  return async () =>
    'kind' in credential ? credential : { kind: 'password', source: 'a test', ...credential };
}

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(chunks));
}

/** What the promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => new Error('nothing was thrown'),
    (error: Error) => error,
  );
}
