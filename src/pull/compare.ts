// Which files two images have in common, and which not.
import type { ListedEntry } from '../unpack/listing.ts';
import { nameOf } from './inspect.ts';
import { checkLoginForBoth } from './one-login.ts';
import { type SurveyOptions, surveyImage } from './survey.ts';
import { updateCosts } from './update-cost.ts';

export type Aspect = 'kind' | 'content' | 'mode' | 'owner' | 'xattrs';

export type Difference =
  | { readonly kind: 'added' | 'removed'; readonly entry: ListedEntry }
  /** Times do not count: builds change them all. */
  | {
      readonly kind: 'changed';
      readonly before: ListedEntry;
      readonly after: ListedEntry;
      readonly aspects: readonly Aspect[];
    };

export interface ComparedImages {
  /** `registry/repository@digest` */
  readonly before: string;
  readonly after: string;
  /** In the order of their paths. */
  readonly differences: readonly Difference[];
  /** What a pull of `after` would download if the cache held `before`, and all layers of `after`, bytes. */
  readonly update: { readonly bytes: number; readonly of: number };
}

/** Throws as surveyImage and its list do, and INPUT_INVALID for a login that would be good for only one of the two. */
export async function compareImages(
  options: SurveyOptions,
  after: SurveyOptions['image'],
): Promise<ComparedImages> {
  checkLoginForBoth(options, after);
  return await surveyImage(options, async (first) =>
    surveyImage({ ...options, image: after }, async (second) => {
      const costs = updateCosts(first.layers, second.layers);
      return {
        before: nameOf(first),
        after: nameOf(second),
        differences: compareEntries(await first.list(), await second.list()),
        update: {
          bytes: costs.reduce((sum, { bytes }) => sum + bytes, 0),
          of: second.layers.reduce((sum, { descriptor }) => sum + descriptor.size, 0),
        },
      };
    }),
  );
}

/** Both in the order of their paths, as the list job gives them. Pure. */
export function compareEntries(before: readonly ListedEntry[], after: readonly ListedEntry[]): Difference[] {
  const differences: Difference[] = [];
  let [left, right] = [0, 0];
  while (left < before.length || right < after.length) {
    const [a, b] = [before[left], after[right]];
    if (a && (!b || a.path < b.path)) differences.push({ kind: 'removed', entry: a });
    else if (b && (!a || b.path < a.path)) differences.push({ kind: 'added', entry: b });
    else if (a && b) {
      const aspects = aspectsOf(a, b);
      if (aspects.length > 0) differences.push({ kind: 'changed', before: a, after: b, aspects });
    }
    if (a && (!b || a.path <= b.path)) left++;
    if (b && (!a || b.path <= a.path)) right++;
  }
  return differences;
}

function aspectsOf(a: ListedEntry, b: ListedEntry): Aspect[] {
  const differs: Readonly<Record<Aspect, boolean>> = {
    kind: a.kind !== b.kind,
    content: a.kind === b.kind && (a.content !== b.content || a.size !== b.size),
    // That of a symbolic link means nothing.
    mode: a.mode !== b.mode && a.kind !== 'symlink' && b.kind !== 'symlink',
    owner: a.uid !== b.uid || a.gid !== b.gid,
    xattrs: a.xattrs !== b.xattrs,
  };
  return (Object.keys(differs) as Aspect[]).filter((aspect) => differs[aspect]);
}
