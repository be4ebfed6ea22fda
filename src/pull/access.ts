// Opens the image: anonymously or with the credential given, and with the fallback credential only where the registry insists.

import type { Credential } from '../auth/credential.ts';
import { PullError } from '../errors.ts';
import { openRegistrySource } from '../source/registry-source.ts';
import type { ImageSource } from '../source/source.ts';
import type { Caching, PullOptions } from './options.ts';
import { type ResolvedImage, resolveImage } from './resolve.ts';

export interface Access {
  readonly source: ImageSource;
  readonly image: ResolvedImage;
  /** What this way in allows to be remembered. */
  readonly caching: Caching;
  readonly usedFallback: boolean;
}

/** The caller closes `source`. Throws as resolveImage. */
export async function openImage(options: PullOptions): Promise<Access> {
  const { fallback } = options;
  try {
    return { ...(await open(options, options.credential)), caching: options, usedFallback: false };
  } catch (error) {
    if (!fallback || !isRefusal(error)) throw error;
    options.emit({
      kind: 'info',
      message: 'the registry refuses an anonymous pull; trying again with the credential',
    });
    return { ...(await open(options, fallback.credential)), caching: fallback, usedFallback: true };
  }
}

async function open(options: PullOptions, credential: Credential | undefined) {
  const source = openRegistrySource({ ...options, credential, connections: options.concurrency });
  try {
    return { source, image: await resolveImage(source, options.reference, options.platform) };
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** Registries say "not found" of what they do not want to admit exists. */
function isRefusal(error: unknown): boolean {
  return error instanceof PullError && (error.code === 'UNAUTHORIZED' || error.code === 'NOT_FOUND');
}
