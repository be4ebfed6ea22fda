// Matching of names against globs, in time that no name can make long: names come from the image. A regular expression with as many
// stars as `*-*-*-*` takes seconds for a name of 245 dashes.

/** A glob without braces: what the names of a path are held against, one after the other. The last part is ANY_NAMES. */
export type Glob = readonly Part[];

/** A string stands for itself. */
export type Part = string | typeof ANY_NAMES | readonly Token[];
/** A string is one character: a code point, which may be two UTF-16 units. */
type Token = string | typeof ANY_CHARACTER | typeof ANY_CHARACTERS | CharacterClass;

interface CharacterClass {
  readonly isNegated: boolean;
  /** First and last code point of each. */
  readonly ranges: readonly (readonly [number, number])[];
}

/** Any number of names, also none. */
export const ANY_NAMES = Symbol('**');
const ANY_CHARACTERS = Symbol('*');
const ANY_CHARACTER = Symbol('?');

/** The message goes on from the pattern. */
export class GlobFault extends Error {}

/**
 * The globs that a pattern stands for, more than one where it has braces: `{a,b}`, also in one another, and `{a..c}` of two letters or
 * digits. Braces around anything else are characters like any other. All that is below what they match is meant as well.
 * Throws GlobFault, also for more than `limit` of them.
 */
export function parseGlobs(pattern: string, limit: number): Glob[] {
  return expandBraces(pattern, limit).map((alternative) => [...parseGlob(alternative), ANY_NAMES]);
}

/** One of a path. */
export interface Name {
  readonly text: string;
  readonly characters: ArrayLike<string>;
}

export function toName(text: string): Name {
  // Few names have characters that are two units, and only those need an array.
  return { text, characters: /[\ud800-\udbff]/.test(text) ? [...text] : text };
}

export function matchesName(part: Part, { text, characters }: Name): boolean {
  if (typeof part === 'symbol') return true;
  return typeof part === 'string' ? part === text : matchesTokens(part, characters);
}

function matchesCharacter(token: Token, character: string): boolean {
  if (typeof token === 'string') return token === character;
  if (typeof token === 'symbol') return true;
  const code = codeOf(character);
  return token.ranges.some(([first, last]) => first <= code && code <= last) !== token.isNegated;
}

/** What stands between two stars is best found where it comes first, so that only the last one ever has to take more. */
function matchesTokens(tokens: readonly Token[], characters: ArrayLike<string>): boolean {
  let [next, retry, taken] = [0, -1, 0];
  for (let at = 0; at < characters.length; ) {
    const token = tokens[next];
    if (token === ANY_CHARACTERS) {
      retry = ++next;
      taken = at;
    } else if (token !== undefined && matchesCharacter(token, characters[at] ?? '')) {
      next++;
      at++;
    } else if (retry >= 0) {
      next = retry;
      at = ++taken;
    } else return false;
  }
  while (tokens[next] === ANY_CHARACTERS) next++;
  return next === tokens.length;
}

function parseGlob(pattern: string): Glob {
  const parts: Part[] = [];
  let tokens: Token[] = [];
  let length = 0;
  const endName = () => {
    const isMany = length === 2 && tokens.length === 2 && tokens.every((token) => token === ANY_CHARACTERS);
    const isPlain = tokens.every((token) => typeof token === 'string');
    parts.push(isMany ? ANY_NAMES : isPlain ? tokens.join('') : tokens);
    [tokens, length] = [[], 0];
  };
  for (let at = 0; at < pattern.length; ) {
    const end = tokenEnd(pattern, at);
    const text = pattern.slice(at, end);
    at = end;
    if (text === '/' || text === '\\/') endName();
    else {
      tokens.push(parseToken(text));
      length += text.length;
    }
  }
  endName();
  return parts;
}

function parseToken(text: string): Token {
  if (text === '*') return ANY_CHARACTERS;
  if (text === '?') return ANY_CHARACTER;
  if (text.length > 1 && text.startsWith('[')) return parseClass(text.slice(1, -1));
  return text.length > 1 && text.startsWith('\\') ? text.slice(1) : text;
}

function parseClass(text: string): CharacterClass {
  const isNegated = /^[!^]/.test(text);
  const content = isNegated ? text.slice(1) : text;
  const ranges = [...content.matchAll(/\\?(.)(?:-\\?(.))?/gsu)];
  return { isNegated, ranges: ranges.map(([, first = '', last = first]) => [codeOf(first), codeOf(last)]) };
}

function codeOf(character: string): number {
  return character.codePointAt(0) ?? -1;
}

/** One past the code point that is there. */
function characterEnd(text: string, at: number): number {
  return Math.min(at + ((text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1), text.length);
}

/** An escaped character, a class in its brackets, or a character. Throws GlobFault. */
function tokenEnd(pattern: string, at: number): number {
  if (pattern[at] === '\\') return characterEnd(pattern, at + 1);
  if (pattern[at] === ']') throw new GlobFault('is no pattern: a bracket has no partner');
  if (pattern[at] !== '[') return characterEnd(pattern, at);
  // A bracket that comes first is a character of the class.
  const found = /^\[(?:[!^]|(?![!^]))(?:\\[^/]|[^\\/])(?:\\[^/]|[^\\/\]])*\]/.exec(pattern.slice(at));
  if (!found) throw new GlobFault('is no pattern: a bracket has no partner');
  return at + found[0].length;
}

/** Throws GlobFault. */
function expandBraces(pattern: string, limit: number): string[] {
  const whole: string[] = [];
  // The last is taken first. `from`: what stands before it has no braces any more.
  const waiting = [{ text: pattern, from: 0 }];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { text, from } = next;
    const brace = findBraces(text, from);
    if (!brace) whole.push(text);
    else {
      const [before, after] = [text.slice(0, brace.start), text.slice(brace.end)];
      const choices = brace.choices.map((choice) => before + choice + after);
      waiting.push(...choices.reverse().map((choice) => ({ text: choice, from: brace.resume })));
    }
    if (whole.length + waiting.length > limit)
      throw new GlobFault('makes too many patterns once all braces are written out');
  }
  return whole;
}

interface Braces {
  readonly start: number;
  readonly end: number;
  /** Only one where they are characters, which are escaped in it, or a range. */
  readonly choices: readonly string[];
  /** Where to go on in what a choice makes of the text. */
  readonly resume: number;
}

/** The first at or behind `from`. Throws GlobFault for one without its partner. */
function findBraces(text: string, from: number): Braces | undefined {
  let [start, depth] = [-1, 0];
  const cuts: number[] = [];
  for (let at = from; at < text.length; at = tokenEnd(text, at)) {
    if (text[at] === '{' && depth++ === 0) start = at;
    else if (text[at] === ',' && depth === 1) cuts.push(at);
    else if (text[at] === '}' && --depth <= 0) {
      if (depth < 0) break;
      return { start, end: at + 1, ...choicesOf(text, start, at, cuts) };
    }
  }
  if (depth !== 0) throw new GlobFault('is no pattern: a bracket has no partner');
  return undefined;
}

function choicesOf(text: string, start: number, end: number, cuts: readonly number[]) {
  const content = text.slice(start + 1, end);
  if (cuts.length === 0) {
    const isRange = /^(?:[a-z]\.\.[a-z]|[A-Z]\.\.[A-Z]|[0-9]\.\.[0-9])$/.test(content);
    return isRange
      ? { choices: [`[${content.replace('..', '-')}]`], resume: start }
      : { choices: [`\\{${content}\\}`], resume: start + 2 };
  }
  const bounds = [start, ...cuts, end];
  const choices = bounds.slice(1).map((cut, index) => text.slice((bounds[index] ?? 0) + 1, cut));
  return { choices, resume: start };
}
