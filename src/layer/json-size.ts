// What JSON.parse will make of a document, found out from its bytes: V8 ends the whole process when a thread runs out of memory, and
// also when one object gets more members than its tables hold.
import { MAX_TOC_ENTRIES } from './toc-document.ts';

/** A TOC's entry has some fifteen fields. */
const VALUES_PER_ENTRY = 24;
/** Members of one object: fifteen in an entry, and as many extended attributes as a file has. */
export const MAX_OBJECT_MEMBERS = 4096;
/**
 * Beginnings of objects that differ in their names or the order of these, of which V8 keeps a description each: 20,000,000 of them took
 * 4.5 GB and 100 s. Writers have one order of names.
 */
export const MAX_SHAPES = 16_384;
/** A TOC's extended attributes are on the fourth level. */
const MAX_DEPTH = 64;
/** In place of the members of a list; below zero by more than there can be commas. */
const LIST = -(2 ** 31);

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * false where V8 might not bear it. Up to the first fault in the syntax, where parsing ends as well, what counts as a string or an
 * object here is one.
 */
export function isParseable(json: Uint8Array): boolean {
  const members = new Int32Array(MAX_DEPTH + 1).fill(LIST);
  const shapes = new Int32Array(MAX_DEPTH + 1);
  const seen = new ShapeCounter();
  let [depth, containers, values, isName] = [0, 0, 0, false];
  // By index: with an iterator the three TOCs of the reference image (1.33 s instead of 0.73 s) took nearly twice as long to read.
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (byte === QUOTE) {
      const start = at + 1;
      at = stringEnd(json, start);
      if (!isName) continue;
      const shape = seen.extend(shapes[depth] as number, json, start, at);
      if (seen.count > MAX_SHAPES) return false;
      shapes[depth] = shape;
      isName = false;
    } else if (byte === COMMA) {
      const count = (members[depth] as number) + 1;
      if (++values > VALUES_PER_ENTRY * MAX_TOC_ENTRIES || count >= MAX_OBJECT_MEMBERS) return false;
      members[depth] = count;
      isName = count > 0;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (++containers > 2 * MAX_TOC_ENTRIES || ++depth > MAX_DEPTH) return false;
      isName = byte === OPEN_BRACE;
      members[depth] = isName ? 0 : LIST;
      shapes[depth] = 0;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if (--depth < 0) return false;
    }
  }
  return true;
}

/** Where the quote is that ends the string. */
function stringEnd(json: Uint8Array, start: number): number {
  let at = start;
  while (at < json.length && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1;
  return at;
}

/** Counts shapes by their hashes, with multipliers of this run, so that nobody can make many that count as one. */
class ShapeCounter {
  readonly #seen = new Uint8Array(1 << 22);
  readonly #bytes = randomOdd();
  readonly #names = randomOdd();
  count = 0;

  /** The shape that another becomes with one more name, json[start, end). */
  extend(shape: number, json: Uint8Array, start: number, end: number): number {
    let hash = Math.imul(shape ^ this.#names, this.#names);
    for (let at = start; at < end; at++) {
      hash = Math.imul(hash ^ (json[at] ?? 0), this.#bytes);
      hash ^= hash >>> 15;
    }
    const place = Math.imul(hash, this.#names) >>> 10;
    if (this.#seen[place] === 0) {
      this.#seen[place] = 1;
      this.count++;
    }
    return hash;
  }
}

function randomOdd(): number {
  return Math.trunc(Math.random() * 2 ** 32) | 1;
}
