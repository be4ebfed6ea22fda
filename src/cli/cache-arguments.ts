// The arguments of `oci-pull cache`.
import { DEFAULT_STORE_SIZE } from '../pull/store-size.ts';
import { checkNotEmpty, parseOptions, wrongUsage } from './parse-options.ts';

const CACHE_ACTIONS = ['ls', 'verify', 'prune'] as const;
type CacheAction = (typeof CACHE_ACTIONS)[number];

export interface CacheArguments {
  readonly action: CacheAction;
  readonly cacheDirectory?: string | undefined;
  /** As written. */
  readonly maxSize: string;
  readonly removeDamaged: boolean;
  readonly json: boolean;
}

const OPTIONS = {
  'cache-dir': { type: 'string' },
  'max-size': { type: 'string' },
  'remove-damaged': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  // There is nothing to leave out.
  quiet: { type: 'boolean', short: 'q', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** `argv`: what follows the word cache. Throws INPUT_INVALID. */
export function parseCache(argv: readonly string[]): CacheArguments | 'help' {
  const { values, positionals } = parseOptions(argv, OPTIONS);
  if (values.help) return 'help';
  const [word, ...rest] = positionals;
  const action = CACHE_ACTIONS.find((known) => known === word);
  if (!action) throw wrongUsage(`cache: expected one of ${CACHE_ACTIONS.join(', ')}`);
  if (rest.length > 0) throw wrongUsage(`cache ${action} takes options only`);
  checkNotEmpty(values, ['cache-dir']);
  if (values['max-size'] !== undefined && action !== 'prune')
    throw wrongUsage('--max-size is for cache prune');
  if (values['remove-damaged'] && action !== 'verify')
    throw wrongUsage('--remove-damaged is for cache verify');
  return {
    action,
    cacheDirectory: values['cache-dir'],
    maxSize: values['max-size'] ?? DEFAULT_STORE_SIZE,
    removeDamaged: values['remove-damaged'],
    json: values.json,
  };
}
