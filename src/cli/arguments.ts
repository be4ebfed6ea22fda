// The arguments of a pull, checked before anything is done.
import { quote } from '../oci/json.ts';
import { choose, parseConcurrency } from '../pull/choice.ts';
import {
  DEFAULT_CONCURRENCY,
  OWNERSHIPS,
  type OwnershipChoice,
  VERIFICATIONS,
  type Verification,
} from '../pull/options.ts';
import { DEFAULT_STORE_SIZE } from '../pull/store-size.ts';
import { adviseCommand } from './mistaken-command.ts';
import { NETWORK_OPTIONS, type NetworkArguments, networkArguments } from './network-arguments.ts';
import { checkNotEmpty, countArguments, parseOptions, wrongUsage } from './parse-options.ts';

export interface PullArguments extends NetworkArguments {
  readonly image: string;
  readonly destination: string;
  /** As written; empty: not at all. */
  readonly format: string;
  readonly load: string;
  readonly ownership: OwnershipChoice;
  /** Globs. */
  readonly paths: readonly string[];
  readonly verify: Verification;
  /** `name=value` each. */
  readonly limits: readonly string[];
  readonly cacheDirectory?: string | undefined;
  readonly cacheDirectoryMaxSize: string;
  readonly cacheMode: CacheMode;
  /** Layouts and archives to look in before the registry is asked. */
  readonly seeds: readonly string[];
  readonly concurrency: number;
}

const CACHE_MODES = ['none', 'read', 'write'] as const;
type CacheMode = (typeof CACHE_MODES)[number];

const OPTIONS = {
  ...NETWORK_OPTIONS,
  format: { type: 'string' },
  load: { type: 'string' },
  ownership: { type: 'string', default: 'auto' },
  path: { type: 'string', multiple: true },
  verify: { type: 'string', default: 'diff-id' },
  limit: { type: 'string', multiple: true },
  'cache-dir': { type: 'string' },
  'cache-dir-max-size': { type: 'string', default: DEFAULT_STORE_SIZE },
  'cache-mode': { type: 'string', default: 'write' },
  seed: { type: 'string', multiple: true },
  concurrency: { type: 'string', default: String(DEFAULT_CONCURRENCY) },
  version: { type: 'boolean', default: false },
} as const;

/** Of all of them, `--name`. */
export const PULL_OPTIONS: readonly string[] = Object.keys(OPTIONS).map((name) => `--${name}`);

/** Does not judge references, platforms, limits and paths: their own parsers do. Throws INPUT_INVALID. */
export function parsePull(argv: readonly string[]): PullArguments | 'help' | 'version' {
  const { values, positionals } = parseOptions(argv, OPTIONS);
  if (values.help) return 'help';
  if (values.version) return 'version';
  // Where there is one argument it cannot be an image that is called so.
  const [word] = positionals;
  if (positionals.length === 1 && (word === 'help' || word === 'version')) return word;
  const [image = '', destination = ''] = checkPositionals(positionals);
  checkNotEmpty(values, ['format', 'load', 'cache-dir']);
  return {
    image,
    destination,
    ...networkArguments(values),
    format: values.format ?? '',
    load: values.load ?? '',
    ownership: choose(values.ownership, OWNERSHIPS, '--ownership'),
    paths: values.path ?? [],
    verify: choose(values.verify, VERIFICATIONS, '--verify'),
    limits: values.limit ?? [],
    cacheDirectory: values['cache-dir'],
    cacheDirectoryMaxSize: values['cache-dir-max-size'],
    cacheMode: choose(values['cache-mode'], CACHE_MODES, '--cache-mode'),
    seeds: values.seed ?? [],
    concurrency: parseConcurrency(values.concurrency, '--concurrency'),
  };
}

function checkPositionals(positionals: readonly string[]): readonly string[] {
  const empty = ['IMAGE', 'DESTINATION'].find((_, index) => positionals[index] === '');
  if (empty) throw wrongUsage(`${empty} is empty`);
  const advice = adviseCommand(positionals);
  if (positionals.length === 2 && advice === undefined) return positionals;
  const got = positionals.length === 2 ? positionals.map(quote).join(' ') : countArguments(positionals);
  throw wrongUsage(`expected IMAGE and DESTINATION, got ${got}`, advice);
}
