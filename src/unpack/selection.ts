// Which paths of an image are wanted: globs, held against where things stand in the tree.
import { PullError } from '../errors.ts';
import { quote } from '../oci/json.ts';
import { type Glob, GlobFault, parseGlobs } from './glob.ts';
import { GlobSet, type Reached } from './glob-set.ts';
import { checkLimit, MAX_HELD_PROGRESS } from './limits.ts';

/** Patterns of one pull, and characters of one. They are the caller's; nobody needs more. */
const MAX_PATTERNS = 1000;
const MAX_PATTERN_LENGTH = 4096;

/** Patterns of one pull once all braces are written out. */
const MAX_ALTERNATIVES = 4096;

interface Pattern {
  /** As it was given. */
  readonly text: string;
  readonly isExclude: boolean;
  /** It matches what one of them does. */
  readonly globs: readonly Glob[];
}

/** What the patterns say of a path, and as much of it as it takes to go on from there. */
export interface Progress {
  readonly reached: Reached;
  /** Some pattern without `!` matches, or there is none. */
  readonly isIncluded: boolean;
  readonly isWanted: boolean;
}

export class Selection {
  /** Of the root. */
  readonly root: Progress;
  readonly #all: readonly Pattern[];
  /** But what the patterns leave out. */
  readonly #wantsAll: boolean;
  readonly #globs: GlobSet;
  /** By glob. */
  readonly #patterns: readonly Pattern[];
  /** By what they have reached; most directories of an image have one of few. */
  readonly #held = new Map<string, Progress>();
  #heldPositions = 0;

  constructor(patterns: readonly Pattern[]) {
    this.#all = patterns;
    this.#wantsAll = patterns.every(({ isExclude }) => isExclude);
    this.#globs = new GlobSet(patterns.flatMap(({ globs }) => globs));
    this.#patterns = patterns.flatMap((one) => one.globs.map(() => one));
    this.root = this.#progress(this.#globs.start);
  }

  /** One name further. `name`: one UTF-16 unit a byte. */
  below(progress: Progress, name: string): Progress {
    const reached = this.#globs.advance(progress.reached, toText(name));
    return isSame(reached, progress.reached) ? progress : this.#progress(reached);
  }

  /** The same, to be held for long. Throws LIMIT_EXCEEDED. */
  hold(progress: Progress): Progress {
    if (progress === this.root) return progress;
    const key = progress.reached.join();
    const held = this.#held.get(key);
    if (held) return held;
    this.#heldPositions += progress.reached.length + 1;
    checkLimit(this.#heldPositions, MAX_HELD_PROGRESS, 'ways in which directories match the patterns');
    this.#held.set(key, progress);
    return progress;
  }

  /** Removes from `left` patterns that are of use for this path: that match it, or leave it out where it would be wanted. */
  cross(left: Set<string>, { isIncluded, reached }: Progress): void {
    if (isIncluded) for (const { text } of this.#matching(reached)) left.delete(text);
  }

  /** As they were given. */
  get patterns(): readonly string[] {
    return this.#all.map(({ text }) => text);
  }

  #progress(reached: Reached): Progress {
    const matching = [...this.#matching(reached)];
    const isIncluded = this.#wantsAll || matching.some((one) => !one.isExclude);
    return { reached, isIncluded, isWanted: isIncluded && !matching.some((one) => one.isExclude) };
  }

  *#matching(reached: Reached): Generator<Pattern> {
    for (const glob of this.#globs.matching(reached)) {
      const pattern = this.#patterns[glob];
      if (pattern) yield pattern;
    }
  }
}

function isSame(one: Reached, other: Reached): boolean {
  return one.length === other.length && one.every((position, index) => position === other[index]);
}

/**
 * What at least one pattern matches, or everything where all begin with `!`; but not what one of those matches. undefined where there
 * are none. `where`: how the user knows the input. Throws INPUT_INVALID.
 */
export function createSelection(patterns: readonly string[], where = 'paths'): Selection | undefined {
  if (patterns.length === 0) return undefined;
  if (patterns.length > MAX_PATTERNS)
    throw new PullError('INPUT_INVALID', `${where}: more than ${MAX_PATTERNS} patterns`);
  let left = MAX_ALTERNATIVES;
  const compiled = patterns.map((text) => {
    const isExclude = text.startsWith('!');
    const globs = compile(isExclude ? text.slice(1) : text, left, (problem) => {
      throw new PullError('INPUT_INVALID', `${where}: ${quote(text)} ${problem}`);
    });
    left -= globs.length;
    return { text, isExclude, globs };
  });
  return new Selection(compiled);
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
function toText(name: string): string {
  return Buffer.byteLength(name) === name.length ? name : Buffer.from(name, 'latin1').toString('utf8');
}
