// Asks a registry anonymously first, and from its first refusal on with a credential that was held back until then.
import { PullError } from '../errors.ts';
import type { RegistryClient } from './client.ts';

/**
 * `openSecond`: a client with the credential, or undefined where there is none to try (any more); asked at each refusal until
 * it has given one. What the first client was refused is asked again of the second, and everything else from then on.
 */
export function withFallback(
  first: RegistryClient,
  openSecond: () => RegistryClient | undefined,
): RegistryClient {
  let second: RegistryClient | undefined;
  const current = () => second ?? first;

  async function ask<Answer>(question: (client: RegistryClient) => Promise<Answer>): Promise<Answer> {
    const asked = current();
    try {
      return await question(asked);
    } catch (error) {
      if (asked !== first || !isRefusal(error)) throw error;
      second ??= openSecond();
      if (!second) throw error;
      return question(second);
    }
  }

  return {
    get requests() {
      return first.requests + (second?.requests ?? 0);
    },
    get link() {
      return current().link ?? first.link;
    },
    get quota() {
      return current().quota;
    },
    manifest: (request) => ask((client) => client.manifest(request)),
    hasManifest: (target) => ask((client) => client.hasManifest(target)),
    blob: (blob, range, signal) => ask((client) => client.blob(blob, range, signal)),
    forget: (digest) => {
      first.forget(digest);
      second?.forget(digest);
    },
    tags: (maxBytes) => current().tags(maxBytes),
    close: async () => {
      await Promise.all([first.close(), second?.close()]);
    },
  };
}

/** Registries say "not found" of what they do not want to admit exists. */
function isRefusal(error: unknown): boolean {
  return error instanceof PullError && (error.code === 'UNAUTHORIZED' || error.code === 'NOT_FOUND');
}
