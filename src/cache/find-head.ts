// Looks for the head that a restore starts from: that of the image, else the newest of its repository.
import { randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BlobCache, EntryForm } from './blob-cache.ts';
import { fileSize } from './file-size.ts';
import { type Head, MAX_HEAD_BYTES, parseHead } from './head.ts';
import * as keys from './keys.ts';
import type { HeadMatch, ImageIdentity } from './session.ts';

export interface FoundHead {
  readonly key: string;
  readonly form: EntryForm;
  readonly match: HeadMatch;
  readonly head: Head;
}

export interface FindHeadOptions {
  readonly cache: BlobCache;
  /** Cache key prefix; see isCacheKeyPrefix. */
  readonly prefix: string;
  /** Default: image. */
  readonly scope?: keys.CacheScope;
  readonly log: (message: string) => void;
  readonly signal: AbortSignal;
}

/** `directory`: for the file that it comes in. Throws what the file system throws. */
export async function findHead(
  options: FindHeadOptions,
  image: ImageIdentity,
  directory: string,
): Promise<FoundHead | 'damaged' | undefined> {
  const { cache, prefix, log, signal } = options;
  const file = join(directory, `head.${randomUUID()}.partial`);
  try {
    const prefixes = keys.headPrefixes(prefix, image, options.scope ?? 'image');
    const key = await cache.restore(keys.HEAD_NAME, prefixes, file, { signal, maxBytes: MAX_HEAD_BYTES });
    const matched = key === undefined ? undefined : keys.matchHeadKey(key, prefix, image);
    if (key === undefined || !matched || !prefixes.some((prefix) => key.startsWith(prefix))) return undefined;
    const size = (await fileSize(file)) ?? 0;
    const head = size <= MAX_HEAD_BYTES ? parseHead(await readFile(file)) : undefined;
    if (head && keys.manifestPart(head) === matched.manifestPart)
      return { key, form: cache.form, match: matched.match, head };
    log(`the cache entry ${key} is damaged and is ignored`);
    return 'damaged';
  } finally {
    await rm(file, { force: true });
  }
}
