// The command line: what may be written there, checked before anything is done.
import { parseArgs } from 'node:util';
import {
  DEFAULT_CONCURRENCY,
  OWNERSHIPS,
  type OwnershipChoice,
  VERIFICATIONS,
  type Verification,
} from '../pull/options.ts';
import { DEFAULT_STORE_SIZE } from '../pull/store-size.ts';
import { type CacheArguments, isCacheCommand, orComplaint, parseCacheCommand } from './cache-arguments.ts';

export interface PullArguments {
  readonly image: string;
  readonly destination: string;
  readonly platform?: string | undefined;
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
  readonly username?: string | undefined;
  readonly passwordStdin: boolean;
  readonly authFile?: string | undefined;
  readonly mirrors: readonly string[];
  readonly hostsDirectory?: string | undefined;
  readonly authorityFile?: string | undefined;
  readonly tlsVerify: boolean;
  /** Layouts and archives to look in before the registry is asked. */
  readonly seeds: readonly string[];
  readonly concurrency: number;
  readonly json: boolean;
  readonly quiet: boolean;
}

export type Command =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  /** The arguments cannot be used. */
  | { readonly kind: 'usage'; readonly message: string }
  | { readonly kind: 'pull'; readonly arguments: PullArguments }
  | { readonly kind: 'cache-help' }
  | { readonly kind: 'cache'; readonly arguments: CacheArguments };

const CACHE_MODES = ['none', 'read', 'write'] as const;
export type CacheMode = (typeof CACHE_MODES)[number];

/** More connections to one registry than this get a client throttled, not faster. */
export const MAX_CONCURRENCY = 64;

const OPTIONS = {
  platform: { type: 'string' },
  format: { type: 'string' },
  load: { type: 'string' },
  ownership: { type: 'string', default: 'auto' },
  path: { type: 'string', multiple: true },
  verify: { type: 'string', default: 'diff-id' },
  limit: { type: 'string', multiple: true },
  'cache-dir': { type: 'string' },
  'cache-dir-max-size': { type: 'string', default: DEFAULT_STORE_SIZE },
  'cache-mode': { type: 'string', default: 'write' },
  username: { type: 'string' },
  'password-stdin': { type: 'boolean', default: false },
  authfile: { type: 'string' },
  mirror: { type: 'string', multiple: true },
  'hosts-dir': { type: 'string' },
  'ca-file': { type: 'string' },
  'tls-verify': { type: 'string', default: 'true' },
  seed: { type: 'string', multiple: true },
  concurrency: { type: 'string', default: String(DEFAULT_CONCURRENCY) },
  json: { type: 'boolean', default: false },
  quiet: { type: 'boolean', short: 'q', default: false },
  help: { type: 'boolean', short: 'h', default: false },
  version: { type: 'boolean', default: false },
} as const;

/** Reads the arguments behind the program's name. Does not judge references, platforms, limits and paths: their own parsers do. */
export function parseCommand(argv: readonly string[]): Command {
  if (isCacheCommand(argv)) return parseCacheCommand(argv.slice(1));
  const parsed = parse(argv);
  if (typeof parsed === 'string') return { kind: 'usage', message: parsed };
  const { values, positionals } = parsed;
  if (values.help) return { kind: 'help' };
  if (values.version) return { kind: 'version' };
  const message = faultIn(values, positionals);
  if (message !== undefined) return { kind: 'usage', message };
  const [image = '', destination = ''] = positionals;
  return {
    kind: 'pull',
    arguments: {
      image,
      destination,
      platform: values.platform,
      format: values.format ?? '',
      load: values.load ?? '',
      ownership: OWNERSHIPS.find((ownership) => ownership === values.ownership) ?? 'auto',
      paths: values.path ?? [],
      verify: VERIFICATIONS.find((verify) => verify === values.verify) ?? 'diff-id',
      limits: values.limit ?? [],
      cacheDirectory: values['cache-dir'],
      cacheDirectoryMaxSize: values['cache-dir-max-size'],
      cacheMode: CACHE_MODES.find((mode) => mode === values['cache-mode']) ?? 'write',
      username: values.username,
      passwordStdin: values['password-stdin'],
      authFile: values.authfile,
      mirrors: values.mirror ?? [],
      hostsDirectory: values['hosts-dir'],
      authorityFile: values['ca-file'],
      tlsVerify: values['tls-verify'] === 'true',
      seeds: values.seed ?? [],
      concurrency: Number(values.concurrency),
      json: values.json,
      quiet: values.quiet,
    },
  };
}

const NAMED_PLACES = ['format', 'load', 'cache-dir', 'username', 'authfile', 'hosts-dir', 'ca-file'] as const;

type Parsed = ReturnType<typeof parseStrictly>;

function parseStrictly(argv: readonly string[]) {
  return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true, strict: true });
}

/** What the parser understood, or its complaint. */
function parse(argv: readonly string[]): Parsed | string {
  return orComplaint(() => parseStrictly(argv));
}

/** The first fault in the values; undefined when they can be used. */
function faultIn(values: Parsed['values'], positionals: readonly string[]): string | undefined {
  const empty = ['IMAGE', 'DESTINATION'].find((_, index) => positionals[index] === '');
  if (empty) return `${empty} is empty`;
  if (positionals.length !== 2)
    return `expected IMAGE and DESTINATION, got ${positionals.length === 1 ? 'one argument' : `${positionals.length} arguments`}`;
  if (!(CACHE_MODES as readonly string[]).includes(values['cache-mode']))
    return `--cache-mode must be one of ${CACHE_MODES.join(', ')}`;
  if (!(OWNERSHIPS as readonly string[]).includes(values.ownership))
    return `--ownership must be one of ${OWNERSHIPS.join(', ')}`;
  if (!(VERIFICATIONS as readonly string[]).includes(values.verify))
    return `--verify must be one of ${VERIFICATIONS.join(', ')}`;
  if (!['true', 'false'].includes(values['tls-verify'])) return '--tls-verify must be true or false';
  if (!/^\d{1,3}$/.test(values.concurrency) || !inRange(Number(values.concurrency)))
    return `--concurrency must be a number from 1 to ${MAX_CONCURRENCY}`;
  const blank = NAMED_PLACES.find((name) => values[name] === '');
  if (blank) return `--${blank} must not be empty`;
  if ((values.username !== undefined) !== values['password-stdin'])
    return '--username and --password-stdin belong together';
  return undefined;
}

function inRange(concurrency: number): boolean {
  return concurrency >= 1 && concurrency <= MAX_CONCURRENCY;
}
