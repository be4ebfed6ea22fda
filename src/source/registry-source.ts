// An image in a registry, as an ImageSource.
import { PullError } from '../errors.ts';
import { verifyBytes } from '../integrity/verify.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { repositoryName } from '../oci/reference.ts';
import { openRegistryClient, type RegistryClient, type RegistryClientOptions } from '../registry/client.ts';
import type { ImageSource } from './source.ts';

export type RegistrySourceOptions = RegistryClientOptions;

/** Connects to nothing yet. Throws RegistryError from its methods: see the codes of `registry/registry-error.ts`. */
export function openRegistrySource(options: RegistrySourceOptions): ImageSource {
  const client = openRegistryClient(options);
  const name = repositoryName(options.reference);
  return {
    name,
    get requests() {
      return client.requests;
    },
    manifest: (target, expected) => onceMoreIfDamaged(() => client.manifest({ target, expected })),
    smallBlob: async (descriptor, maxBytes) => {
      const what = `blob ${descriptor.digest} of ${name}`;
      if (descriptor.size > maxBytes)
        throw new PullError('LIMIT_EXCEEDED', `${what}: ${descriptor.size} bytes, more than ${maxBytes}`);
      return onceMoreIfDamaged(() => readSmallBlob(client, descriptor, { what, signal: options.signal }));
    },
    openBlob: (descriptor, range, signal) => client.blob(descriptor, range, signal),
    close: () => client.close(),
  };
}

async function readSmallBlob(
  client: RegistryClient,
  descriptor: Descriptor,
  { what, signal }: { what: string; signal: AbortSignal },
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  // Servers refuse every range of an empty blob.
  if (descriptor.size > 0) {
    const body = await client.blob(descriptor, { start: 0, end: descriptor.size }, signal);
    for await (const chunk of body.chunks) chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  verifyBytes(bytes, descriptor, what);
  return bytes;
}

/** Damage on the way (a bad cache, a bad proxy) may be gone the next time; damage in the registry is not. */
async function onceMoreIfDamaged<T>(fetch: () => Promise<T>): Promise<T> {
  try {
    return await fetch();
  } catch (error) {
    if (error instanceof PullError && error.code === 'DIGEST_MISMATCH') return fetch();
    throw error;
  }
}
