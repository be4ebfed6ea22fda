// Reads WWW-Authenticate headers: several lines, several challenges a line, quoted commas, any case, stray blanks.
// https://www.rfc-editor.org/rfc/rfc9110#name-www-authenticate

export interface Challenge {
  /** Lower case. */
  readonly scheme: string;
  /** Names in lower case; of a repeated one the first counts. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** A registry has no use for more. */
const MAX_HEADER_LENGTH = 16 * 1024;

const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const TOKEN_68 = /[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y;
const EQUALS = /[ \t]*=[ \t]*/y;
const SEPARATORS = /[ \t,]+/y;
const BLANKS = /[ \t]+/y;
const QUOTED = /"((?:[^"\\]|\\[\s\S])*)"?/y;
/** Wider than the grammar: realms without quotes are seen. */
const UNQUOTED = /[^\s,]*/y;

/** All challenges in order. Never throws: what cannot be read is left out. */
export function parseChallenges(header: string | readonly string[] | undefined): Challenge[] {
  const lines = typeof header === 'string' ? [header] : (header ?? []);
  return lines.flatMap((line) => parseLine(line.slice(0, MAX_HEADER_LENGTH)));
}

function parseLine(line: string): Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  const scanner = createScanner(line);
  while (!scanner.atEnd()) {
    scanner.take(SEPARATORS);
    const name = scanner.take(TOKEN)?.toLowerCase();
    const current = challenges.at(-1);
    if (name === undefined) scanner.skip();
    else if (scanner.take(EQUALS) !== undefined) {
      const value = scanner.takeQuoted() ?? scanner.take(UNQUOTED) ?? '';
      if (current && !current.parameters.has(name)) current.parameters.set(name, value);
    } else {
      challenges.push({ scheme: name, parameters: new Map() });
      if (scanner.take(BLANKS) !== undefined) scanner.take(TOKEN_68);
    }
  }
  return challenges;
}

interface Scanner {
  atEnd(): boolean;
  skip(): void;
  /** What the sticky pattern matches here, if anything. */
  take(pattern: RegExp): string | undefined;
  takeQuoted(): string | undefined;
}

function createScanner(text: string): Scanner {
  let position = 0;
  const match = (pattern: RegExp) => {
    pattern.lastIndex = position;
    const found = pattern.exec(text);
    if (found) position = pattern.lastIndex;
    return found ?? undefined;
  };
  return {
    atEnd: () => position >= text.length,
    skip: () => {
      position++;
    },
    take: (pattern) => match(pattern)?.[0],
    takeQuoted: () => match(QUOTED)?.[1]?.replace(/\\([\s\S])/g, '$1'),
  };
}
