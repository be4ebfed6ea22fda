// The arguments of the commands that only look at images.
import { parseArgs } from 'node:util';
import { DEFAULT_CONCURRENCY } from '../pull/options.ts';
import type { PullArguments } from './arguments.ts';

const OPTIONS = {
  platform: { type: 'string' },
  from: { type: 'string' },
  username: { type: 'string' },
  'password-stdin': { type: 'boolean', default: false },
  authfile: { type: 'string' },
  mirror: { type: 'string', multiple: true },
  'hosts-dir': { type: 'string' },
  'ca-file': { type: 'string' },
  'tls-verify': { type: 'string', default: 'true' },
  json: { type: 'boolean', default: false },
  quiet: { type: 'boolean', short: 'q', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

export interface SurveyArguments {
  readonly images: readonly string[];
  readonly from: string | undefined;
  readonly help: boolean;
  /** What a pull of the first image would have; its destination means nothing. */
  readonly pull: PullArguments;
}

/** What cannot be used comes back as a message. `wanted`: how many images. */
export function parseSurvey(argv: readonly string[], wanted: number): SurveyArguments | string {
  const parsed = parse(argv);
  if (typeof parsed === 'string') return parsed;
  const { values, positionals } = parsed;
  if (!values.help && (positionals.length !== wanted || positionals.includes('')))
    return `expected ${wanted === 1 ? 'one image' : `${wanted} images`}, got ${positionals.length} arguments`;
  if (!['true', 'false'].includes(values['tls-verify'])) return '--tls-verify must be true or false';
  if ((values.username !== undefined) !== values['password-stdin'])
    return '--username and --password-stdin belong together';
  return {
    images: positionals,
    from: values.from,
    help: values.help,
    pull: { ...NOTHING_MADE, ...networkOf(values), image: positionals[0] ?? '' },
  };
}

type Values = Exclude<ReturnType<typeof parse>, string>['values'];

function networkOf(values: Values) {
  return {
    platform: values.platform,
    username: values.username,
    passwordStdin: values['password-stdin'],
    authFile: values.authfile,
    mirrors: values.mirror ?? [],
    hostsDirectory: values['hosts-dir'],
    authorityFile: values['ca-file'],
    tlsVerify: values['tls-verify'] === 'true',
    json: values.json,
    quiet: values.quiet,
  };
}

const NOTHING_MADE = {
  destination: '.',
  format: '',
  load: '',
  ownership: 'runner',
  paths: [],
  verify: 'diff-id',
  limits: [],
  cacheMode: 'none',
  cacheDirectoryMaxSize: 'unlimited',
  seeds: [],
  concurrency: DEFAULT_CONCURRENCY,
} as const;

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true, strict: true });
  } catch (error) {
    if (error instanceof TypeError && 'code' in error) return error.message.split('. ')[0] ?? error.message;
    throw error;
  }
}
