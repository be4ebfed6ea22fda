// For a tag that is not there: what the repository has that looks like it.
import { distance } from 'fastest-levenshtein';
import { PullError } from '../errors.ts';
import { isDigest } from '../oci/digest.ts';
import type { ImageSource } from '../source/source.ts';

const MAX_NAMED = 5;
/** More edits than this share of the wanted tag's length make another tag, not a slip of the pen. */
const MAX_EDITS = 0.5;

/** At most MAX_NAMED of `tags`, nearest first; where none is near, those that sort last, which are often the newest. Pure. */
export function nearestTags(wanted: string, tags: readonly string[]): string[] {
  const ranked = tags
    .map((tag) => ({ tag, edits: edits(wanted, tag) }))
    .filter((one) => one.edits <= MAX_EDITS * wanted.length)
    .sort((a, b) => a.edits - b.edits || compare(a.tag, b.tag));
  const found = ranked.length > 0 ? ranked.map(({ tag }) => tag) : [...tags].sort(compare).reverse();
  return found.slice(0, MAX_NAMED);
}

/** What was left out at the end (`22` for `22-slim`) or the case is a smaller slip than another version. */
function edits(wanted: string, tag: string): number {
  const [a, b] = [wanted.toLowerCase(), tag.toLowerCase()];
  return a.startsWith(b) || b.startsWith(a) ? Math.min(0.5, distance(wanted, tag)) : distance(a, b);
}

function compare(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

/** The error, with tags that do exist in its hint where it says that a tag does not and the source can tell. */
export async function nameTags(error: unknown, source: ImageSource, target: string): Promise<unknown> {
  if (!(error instanceof PullError) || error.code !== 'NOT_FOUND' || isDigest(target)) return error;
  const nearest = nearestTags(target, (await source.tags?.()) ?? []);
  if (nearest.length === 0) return error;
  const hint = `The repository has other tags, for example ${nearest.join(', ')}.`;
  return new PullError(error.code, error.message, { hint, cause: error.cause });
}
