// Node's parser of arguments, with complaints as they are told here.
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { PullError } from '../errors.ts';

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
    // The sentences behind the first suggest what to write instead, for programs that take less.
    if (error instanceof TypeError && 'code' in error) throw wrongUsage(error.message.split('. ')[0] ?? '');
    throw error;
  }
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

export function wrongUsage(message: string): PullError {
  return new PullError('INPUT_INVALID', message);
}
