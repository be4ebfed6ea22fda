// A pull of an image that is most likely none: a command was mistyped, or `pull` was written where no word is needed. Pure.
import { namesRegistry, parseReference } from '../oci/reference.ts';
import { nearestName } from './nearest-name.ts';

export const COMMAND_NAMES = ['inspect', 'diff', 'cache'] as const;
export type CommandName = (typeof COMMAND_NAMES)[number];
const CACHE_ACTIONS = ['ls', 'verify', 'prune'];

/** What to write instead of these arguments of a pull; undefined where they may be meant. */
export function adviseCommand([word = '', ...others]: readonly string[]): string | undefined {
  if (!/^[a-z]+$/.test(word)) return undefined;
  if (word === 'pull') {
    const isPull = others.length === 2 || (others.length === 1 && isImage(others[0] ?? ''));
    return isPull ? 'A pull needs no word of its own: oci-pull IMAGE DESTINATION.' : undefined;
  }
  const name = COMMAND_NAMES.find((known) => known === nearestName(word, COMMAND_NAMES));
  if (name === undefined || !fits(name, others)) return undefined;
  return name === word
    ? `A command stands before all options: oci-pull ${name} …`
    : `Did you mean oci-pull ${name}?`;
}

/** Do they make more sense behind that command than as the destination of a pull? */
function fits(name: CommandName, others: readonly string[]): boolean {
  if (name === 'cache') return CACHE_ACTIONS.includes(others[0] ?? '');
  return others.length !== 1 || isImage(others[0] ?? '');
}

/** A name with a tag, a digest or a registry: what is written without any of them may be a directory. */
function isImage(text: string): boolean {
  try {
    const { tag, digest } = parseReference(text);
    return namesRegistry(text) || digest !== undefined || (tag !== undefined && text.endsWith(`:${tag}`));
  } catch {
    return /^(?:oci|oci-archive|docker-archive|docker):/.test(text);
  }
}
