// The arguments of `oci-pull cache`.
import { parseArgs } from 'node:util';
import { DEFAULT_STORE_SIZE } from '../pull/store-size.ts';

export const CACHE_ACTIONS = ['ls', 'verify', 'prune'] as const;
export type CacheAction = (typeof CACHE_ACTIONS)[number];

export interface CacheArguments {
  readonly action: CacheAction;
  readonly cacheDirectory?: string | undefined;
  /** As written. */
  readonly maxSize: string;
  readonly removeDamaged: boolean;
  readonly json: boolean;
}

export type CacheCommand =
  | { readonly kind: 'cache-help' }
  | { readonly kind: 'usage'; readonly message: string }
  | { readonly kind: 'cache'; readonly arguments: CacheArguments };

const OPTIONS = {
  'cache-dir': { type: 'string' },
  'max-size': { type: 'string' },
  'remove-damaged': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** An image of that name is written with its registry, as for the other commands: docker.io/library/cache. */
export function isCacheCommand([first]: readonly string[]): boolean {
  return first === 'cache';
}

/** `argv`: what follows the word cache. */
export function parseCacheCommand(argv: readonly string[]): CacheCommand {
  const parsed = orComplaint(() =>
    parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true, strict: true }),
  );
  if (typeof parsed === 'string') return { kind: 'usage', message: parsed };
  const { values, positionals } = parsed;
  if (values.help) return { kind: 'cache-help' };
  const [action, ...rest] = positionals;
  const usage = (message: string) => ({ kind: 'usage', message }) as const;
  if (!isAction(action)) return usage(`cache: expected one of ${CACHE_ACTIONS.join(', ')}`);
  if (rest.length > 0) return usage(`cache ${action} takes options only`);
  if (values['cache-dir'] === '') return usage('--cache-dir must not be empty');
  if (values['max-size'] !== undefined && action !== 'prune') return usage('--max-size is for cache prune');
  if (values['remove-damaged'] && action !== 'verify') return usage('--remove-damaged is for cache verify');
  return {
    kind: 'cache',
    arguments: {
      action,
      cacheDirectory: values['cache-dir'],
      maxSize: values['max-size'] ?? DEFAULT_STORE_SIZE,
      removeDamaged: values['remove-damaged'],
      json: values.json,
    },
  };
}

/** What a strict parser made of the arguments, or its complaint. */
export function orComplaint<T>(parse: () => T): T | string {
  try {
    return parse();
  } catch (error) {
    if (error instanceof TypeError && 'code' in error) return error.message.split('. ')[0] ?? error.message;
    throw error;
  }
}

function isAction(word: string | undefined): word is CacheAction {
  return (CACHE_ACTIONS as readonly (string | undefined)[]).includes(word);
}
