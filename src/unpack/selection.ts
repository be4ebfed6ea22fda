// Which paths of an image are wanted: globs, held against where things stand in the tree.
import { PullError } from '../errors.ts';
import { quote } from '../oci/json.ts';
import { type Glob, GlobFault, matchesGlob, parseGlobs } from './glob.ts';

/** Patterns of one pull, and characters of one. They are the caller's; nobody needs more. */
const MAX_PATTERNS = 1000;
const MAX_PATTERN_LENGTH = 4096;

/** Patterns of one pull once all braces are written out. */
const MAX_ALTERNATIVES = 4096;

interface Pattern {
  /** As it was given. */
  readonly text: string;
  /** It matches what one of them does. */
  readonly globs: readonly Glob[];
}

export class Selection {
  readonly #includes: readonly Pattern[];
  readonly #excludes: readonly Pattern[];
  readonly #all: readonly Pattern[];

  constructor(includes: readonly Pattern[], excludes: readonly Pattern[]) {
    this.#includes = includes;
    this.#excludes = excludes;
    this.#all = [...includes, ...excludes];
  }

  /** `path`: from the root, without a slash at either end, one UTF-16 unit a byte. */
  has(path: string): boolean {
    const names = toText(path).split('/');
    return this.#isIncluded(names) && !this.#excludes.some((one) => matches(one, names));
  }

  /** Removes from `left` patterns that are of use for this path: that match it, or leave it out where it would be wanted. */
  cross(left: Set<string>, path: string): void {
    const names = toText(path).split('/');
    if (!this.#isIncluded(names)) return;
    for (const one of this.#all) if (left.has(one.text) && matches(one, names)) left.delete(one.text);
  }

  /** As they were given. */
  get patterns(): readonly string[] {
    return this.#all.map(({ text }) => text);
  }

  #isIncluded(names: readonly string[]): boolean {
    return this.#includes.length === 0 || this.#includes.some((one) => matches(one, names));
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
  const [includes, excludes]: [Pattern[], Pattern[]] = [[], []];
  let left = MAX_ALTERNATIVES;
  for (const text of patterns) {
    const isExclude = text.startsWith('!');
    const globs = compile(isExclude ? text.slice(1) : text, left, (problem) => {
      throw new PullError('INPUT_INVALID', `${where}: ${quote(text)} ${problem}`);
    });
    left -= globs.length;
    (isExclude ? excludes : includes).push({ text, globs });
  }
  return new Selection(includes, excludes);
}

function matches({ globs }: Pattern, names: readonly string[]): boolean {
  return globs.some((glob) => matchesGlob(glob, names));
}

/** A pattern stands for what it matches and everything below it, as everywhere in workflows: https://github.com/actions/toolkit/tree/main/packages/glob */
function compile(pattern: string, limit: number, fail: (problem: string) => never): Glob[] {
  const path = pattern.replace(/^(?:\.?\/)+/, '').replace(/\/+$/, '/');
  if (path === '' || path === '.') fail('matches nothing: for everything write **');
  if (path.length > MAX_PATTERN_LENGTH || path.includes('\0')) fail('is no pattern');
  if (path.split('/').some((name) => name === '.' || name === '..'))
    fail('has . or .. between slashes, which no path in a tree has');
  try {
    return parseGlobs(path.replace(/\/$/, ''), limit);
  } catch (error) {
    if (error instanceof GlobFault) fail(error.message);
    throw error;
  }
}

/** Bytes that are no UTF-8 are U+FFFD to patterns. */
function toText(path: string): string {
  return Buffer.byteLength(path) === path.length ? path : Buffer.from(path, 'latin1').toString('utf8');
}
