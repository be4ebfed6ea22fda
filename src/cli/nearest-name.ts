// What somebody may have meant who mistyped a name. Pure.
import { distance } from 'fastest-levenshtein';

/** One slip in three letters; two letters that changed places count as two. */
const LETTERS_A_SLIP = 3;

/** The nearest of `names`, itself if it is one of them; undefined where none is near. */
export function nearestName(text: string, names: readonly string[]): string | undefined {
  const ranked = names
    .map((name) => ({ name, edits: distance(text, name) }))
    .filter(({ name, edits }) => edits <= Math.ceil(name.length / LETTERS_A_SLIP) && edits < text.length)
    .sort((a, b) => a.edits - b.edits);
  return ranked[0]?.name;
}
