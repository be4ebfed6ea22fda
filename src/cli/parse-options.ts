// Node's parser of arguments, with complaints as they are told here.
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { PullError } from '../errors.ts';
import { quote } from '../oci/json.ts';
import { count } from '../progress/figures.ts';
import { nearestName } from './nearest-name.ts';

type Options = NonNullable<ParseArgsConfig['options']>;

/** What takes one value may be given once: which of two is meant nobody knows. Throws INPUT_INVALID. */
export function parseOptions<const T extends Options>(argv: readonly string[], options: T) {
  const { values, positionals, tokens } = parseStrictly(argv, options);
  const names = tokens.flatMap((token) => (token.kind === 'option' ? [token.name] : []));
  const twice = names.find((name, index) => takesOne(options[name]) && names.indexOf(name) < index);
  if (twice !== undefined) throw wrongUsage(`--${twice} may be given only once`);
  return { values, positionals };
}

function parseStrictly<const T extends Options>(argv: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true, strict: true, tokens: true });
  } catch (error) {
    if (!(error instanceof TypeError) || !('code' in error)) throw error;
    const unknown = /^Unknown option '(-[^']*)'/.exec(error.message)?.[1];
    if (unknown !== undefined)
      throw wrongUsage(`unknown option ${quote(unknown)}`, adviseOption(unknown, options));
    // The sentences behind the first suggest what to write instead, for programs that take less.
    throw wrongUsage(error.message.split('. ')[0] ?? '');
  }
}

function adviseOption(text: string, options: Options): string | undefined {
  const name = nearestName(text.replace(/^-+/, ''), Object.keys(options));
  return name && `Did you mean --${name}?`;
}

function takesOne(option: Options[string] | undefined): boolean {
  return option?.type === 'string' && option.multiple !== true;
}

/** Throws INPUT_INVALID for the first of these options that is there without a text. */
export function checkNotEmpty<Name extends string>(
  values: { readonly [name in Name]?: unknown },
  names: readonly Name[],
): void {
  const empty = names.find((name) => values[name] === '');
  if (empty !== undefined) throw wrongUsage(`--${empty} must not be empty`);
}

/** `hint`: where more is known than where to read on. */
export function wrongUsage(message: string, hint?: string): PullError {
  return new PullError('INPUT_INVALID', message, { hint });
}

/** `1 argument` */
export function countArguments(positionals: readonly string[]): string {
  return positionals.length === 0 ? 'none' : count(positionals.length, 'argument');
}
