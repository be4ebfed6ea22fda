// The arguments of the commands that only look at images.
import { DEFAULT_CONCURRENCY } from '../pull/options.ts';
import type { PullArguments } from './arguments.ts';
import { NETWORK_OPTIONS, networkArguments } from './network-arguments.ts';
import { checkNotEmpty, countArguments, parseOptions, wrongUsage } from './parse-options.ts';

const OPTIONS = { ...NETWORK_OPTIONS, from: { type: 'string' } } as const;

export interface SurveyArguments {
  readonly images: readonly string[];
  readonly from: string | undefined;
  /** What a pull of the first image would have; its destination means nothing. */
  readonly pull: PullArguments;
}

/** `wanted`: how many images; with one, `--from` may name another. Throws INPUT_INVALID. */
export function parseSurvey(argv: readonly string[], wanted: number): SurveyArguments | 'help' {
  const { values, positionals } = parseOptions(argv, OPTIONS);
  if (values.help) return 'help';
  if (positionals.includes('')) throw wrongUsage('the name of an image is empty');
  if (positionals.length !== wanted)
    throw wrongUsage(
      `expected ${wanted === 1 ? 'one image' : 'two images'}, got ${countArguments(positionals)}`,
    );
  checkNotEmpty(values, ['from']);
  if (values.from !== undefined && wanted !== 1) throw wrongUsage('--from is for inspect');
  return {
    images: positionals,
    from: values.from,
    pull: { ...NOTHING_MADE, ...networkArguments(values), image: positionals[0] ?? '' },
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
