// Globs held against paths all at once, one name after the other: how far the path of a directory has come serves everything in it.
import { ANY_NAMES, type Glob, matchesName, type Part, toName } from './glob.ts';

/** Positions in the parts of all globs, ascending: what may be held against the next name. */
export type Reached = readonly number[];

export class GlobSet {
  readonly #parts: readonly Part[];
  /** By part: the last one of its glob. It matches any names, so a path that gets there stays, and so does all that is below. */
  readonly #ends: readonly number[];
  /** By last part. */
  readonly #globs: ReadonlyMap<number, number>;
  /** Of the root itself. */
  readonly start: Reached;

  constructor(globs: readonly Glob[]) {
    this.#parts = globs.flat();
    let end = -1;
    const ends = globs.map((glob) => {
      end += glob.length;
      return end;
    });
    this.#ends = globs.flatMap((glob, index) => glob.map(() => ends[index] ?? -1));
    this.#globs = new Map(ends.map((last, index) => [last, index]));
    const start: number[] = [];
    globs.forEach((glob, index) => {
      this.#reach(start, (ends[index] ?? 0) - glob.length + 1, start.length);
    });
    this.start = start;
  }

  /** How far a path is with one more name. */
  advance(reached: Reached, name: string): Reached {
    const next: number[] = [];
    const against = toName(name);
    let [end, first] = [-1, 0];
    for (const position of reached) {
      if (position > end) [end, first] = [this.#ends[position] ?? -1, next.length];
      const part = this.#parts[position];
      if (part === ANY_NAMES) this.#reach(next, position, first);
      else if (part !== undefined && matchesName(part, against)) this.#reach(next, position + 1, first);
    }
    return next;
  }

  /** The globs that match a path, by their index. */
  *matching(reached: Reached): Generator<number> {
    for (const position of reached) {
      const glob = this.#globs.get(position);
      if (glob !== undefined) yield glob;
    }
  }

  /** What may be any names may be none. Whatever got there never needs to go back before it. `first`: where the glob begins in `into`. */
  #reach(into: number[], from: number, first: number): void {
    for (let position = from; ; position++) {
      if (this.#parts[position] === ANY_NAMES) into.length = first;
      if (into.length === first || position > (into.at(-1) ?? -1)) into.push(position);
      if (this.#parts[position] !== ANY_NAMES || position === this.#ends[position]) return;
    }
  }
}
