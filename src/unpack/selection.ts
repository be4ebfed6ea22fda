// Which paths of an image are wanted: globs, held against where things stand in the tree.
import picomatch from 'picomatch';
import { PullError } from '../errors.ts';
import { quote } from '../oci/json.ts';

/** Patterns of one pull, and characters of one. They are the caller's; nobody needs more. */
const MAX_PATTERNS = 1000;
const MAX_PATTERN_LENGTH = 4096;

/**
 * `*` and `?` stay between two slashes, `**` between two slashes is any number of names, also none, `[a-z]` and `{a,b}` as in a shell; names
 * that begin with a dot are names like any other; case counts. `s`: a line break in a name is a character like any other.
 */
const OPTIONS = {
  dot: true,
  windows: false,
  nocase: false,
  nonegate: true,
  noextglob: true,
  strictBrackets: true,
  flags: 's',
};
const WILDCARD = /(?<!\\)[*?[\]{}]/;

interface Glob {
  /** As it was given. */
  readonly text: string;
  readonly matches: (path: string) => boolean;
}

export class Selection {
  readonly #includes: readonly Glob[];
  readonly #excludes: readonly Glob[];

  constructor(includes: readonly Glob[], excludes: readonly Glob[]) {
    this.#includes = includes;
    this.#excludes = excludes;
  }

  /** `path`: from the root, without a slash at either end, one UTF-16 unit a byte. */
  has(path: string): boolean {
    const text = toText(path);
    const isIncluded = this.#includes.length === 0 || this.#includes.some(({ matches }) => matches(text));
    return isIncluded && !this.#excludes.some(({ matches }) => matches(text));
  }

  /** Removes from `left` those of `includes` that match. */
  cross(left: Set<string>, path: string): void {
    const text = toText(path);
    for (const { text: pattern, matches } of this.#includes)
      if (left.has(pattern) && matches(text)) left.delete(pattern);
  }

  /** As they were given. */
  get includes(): readonly string[] {
    return this.#includes.map(({ text }) => text);
  }
}

/**
 * What at least one pattern matches, or everything where all begin with `!`; but not what one of those matches. undefined where there
 * are none. `where`: how the user knows the input. Throws INPUT_INVALID.
 */
export function createSelection(patterns: readonly string[], where = 'paths'): Selection | undefined {
  if (patterns.length === 0) return undefined;
  if (patterns.length > MAX_PATTERNS)
    throw new PullError('INPUT_INVALID', `${where}: more than ${MAX_PATTERNS} patterns`);
  const [includes, excludes]: [Glob[], Glob[]] = [[], []];
  for (const text of patterns) {
    const isExclude = text.startsWith('!');
    const matches = compile(isExclude ? text.slice(1) : text, (problem) => {
      throw new PullError('INPUT_INVALID', `${where}: ${quote(text)} ${problem}`);
    });
    (isExclude ? excludes : includes).push({ text, matches });
  }
  return new Selection(includes, excludes);
}

/** Without wildcards, or with a slash at its end, a pattern stands for a directory with everything below it. */
function compile(pattern: string, fail: (problem: string) => never): Glob['matches'] {
  const path = pattern.replace(/^(?:\.?\/)+/, '').replace(/\/+$/, '/');
  if (path === '' || path === '.') fail('matches nothing: for everything write **');
  if (path.length > MAX_PATTERN_LENGTH || path.includes('\0')) fail('is no pattern');
  if (path.split('/').some((name) => name === '.' || name === '..'))
    fail('has . or .. between slashes, which no path in a tree has');
  const isTree = path.endsWith('/') || !WILDCARD.test(path);
  // Parentheses and bars are characters of names here, and no regular expressions.
  const plain = path.replace(/\/$/, '').replace(/(?<!\\)[()|]/g, '\\$&');
  const glob = plain.replace(/(^|\/)\*\*(?:\/\*\*)+(?=\/|$)/g, '$1**');
  try {
    // The library has a/** match a, but not */**.
    const above = !isTree && glob.endsWith('/**') ? [glob.slice(0, -'/**'.length)] : [];
    return picomatch(isTree ? [glob, `${glob}/**`] : [glob, ...above], OPTIONS);
  } catch {
    return fail('is no pattern: a bracket has no partner');
  }
}

/** Bytes that are no UTF-8 are U+FFFD to patterns. */
function toText(path: string): string {
  return Buffer.byteLength(path) === path.length ? path : Buffer.from(path, 'latin1').toString('utf8');
}
