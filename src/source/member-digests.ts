// The digests of an archive's members that are not named by them: each is read once, however many images list it.
import { PullError } from '../errors.ts';
import type { Digest } from '../oci/digest.ts';
import { announce, type LocalContext, workOf } from './local-context.ts';
import type { FileAt } from './local-file.ts';

/** Bytes of an archive that are hashed to name its layers: as many as an image may have, compressed. */
const MAX_HASHED_BYTES = 256 * 2 ** 30;

/** Throws LIMIT_EXCEEDED, LAYOUT_INVALID, ABORTED. */
export type MemberDigests = (files: readonly FileAt[]) => Promise<readonly Digest[]>;

/** `path`: of the archive, for messages. */
export function memberDigests(
  path: string,
  context: LocalContext,
  maxBytes = MAX_HASHED_BYTES,
): MemberDigests {
  const known = new Map<string, Promise<Digest>>();
  let total = 0;
  return async (files) => {
    const fresh = [...new Map(files.map((file) => [placeOf(file), file]))].filter(([at]) => !known.has(at));
    const bytes = fresh.reduce((sum, [, { size }]) => sum + size, 0);
    total += bytes;
    if (total > maxBytes) throw tooMany(path, maxBytes);
    if (fresh.length > 0) {
      announce(
        context,
        `hashing the compressed layers of ${path}, which are not named by their digests`,
        bytes,
      );
      const hashed = workOf(context).hashFiles({ files: fresh.map(([, file]) => file) }, context.signal);
      for (const [index, [at]] of fresh.entries())
        known.set(
          at,
          hashed.then((digests) => digests[index] as Digest),
        );
    }
    return Promise.all(files.map((file) => known.get(placeOf(file)) as Promise<Digest>));
  };
}

/** The same for the same bytes, under whatever name they are listed. */
export function placeOf({ path, offset, size }: FileAt): string {
  return `${offset}:${size}:${path}`;
}

function tooMany(path: string, limit: number): PullError {
  return new PullError(
    'LIMIT_EXCEEDED',
    `${path}: layers of more than ${limit} bytes would have to be hashed, because they are not named by their digests`,
    {
      hint: 'Name the one image that is meant, or write the archive again with skopeo copy or a current Docker.',
    },
  );
}
