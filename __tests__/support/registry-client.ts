// A registry and a client for it in one go, with short waits.
import { parseReference } from '../../src/oci/reference.ts';
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

export async function startPair(
  registryOptions: Partial<RegistryOptions> = {},
  clientOptions: Partial<RegistryClientOptions> = {},
): Promise<Pair> {
  const images = [{ repository: REPOSITORY, layout: fixtureLayout('zstd-chunked') }];
  const registry = await startRegistry({ images, ...registryOptions });
  const secrets: string[] = [];
  const client = openRegistryClient({
    ...clientOptionsFor(registry.host),
    onSecret: (secret) => secrets.push(secret),
    ...clientOptions,
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

export function clientOptionsFor(host: string): RegistryClientOptions {
  return {
    reference: parseReference(`${host}/${REPOSITORY}:v1`),
    tlsVerify: true,
    connections: 4,
    signal: new AbortController().signal,
    timeouts: { connect: 2000, headers: 2000, body: 1000 },
    backoff: 0.01,
  };
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
