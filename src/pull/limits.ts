// The limits of an image by name, as a user may set them.
import { PullError } from '../errors.ts';
import { quote } from '../oci/json.ts';
import { DEFAULT_LIMITS, type UnpackLimits } from '../unpack/limits.ts';

export interface NamedLimit {
  readonly name: string;
  readonly key: keyof UnpackLimits;
  /** A size in bytes may be given with a unit. */
  readonly kind: 'count' | 'size';
  readonly meaning: string;
}

/** In the order of the documentation, which is generated from it. */
export const NAMED_LIMITS: readonly NamedLimit[] = [
  { name: 'entries', key: 'entries', kind: 'count', meaning: 'entries of all layers together' },
  { name: 'file-size', key: 'fileSize', kind: 'size', meaning: 'size of one file, holes included' },
  {
    name: 'total-size',
    key: 'totalSize',
    kind: 'size',
    meaning:
      'size of all files of all layers, holes included, of all uncompressed layers, and of the archive of `format: tar`',
  },
  {
    name: 'path-length',
    key: 'pathLength',
    kind: 'count',
    meaning: 'bytes of a name in an archive, or of where links lead from it',
  },
  { name: 'name-length', key: 'componentLength', kind: 'count', meaning: 'bytes between two slashes' },
  {
    name: 'depth',
    key: 'depth',
    kind: 'count',
    meaning: 'directories above an entry, also where links lead',
  },
  {
    name: 'symlink-steps',
    key: 'symlinkSteps',
    kind: 'count',
    meaning: 'symbolic links followed on the way to an entry; more are `PATH_UNSAFE`',
  },
];

const UNITS = new Map([
  ['', 1],
  ['KiB', 2 ** 10],
  ['MiB', 2 ** 20],
  ['GiB', 2 ** 30],
  ['TiB', 2 ** 40],
]);

/** `settings`: `name=value` each. `where`: how the user knows the input. Throws INPUT_INVALID. */
export function parseLimits(settings: readonly string[], where: string): Partial<UnpackLimits> {
  const limits = new Map<keyof UnpackLimits, number>();
  for (const setting of settings) {
    const [, name = '', value = ''] = /^([^=]*)=(.*)$/s.exec(setting) ?? [];
    const limit = NAMED_LIMITS.find((known) => known.name === name);
    if (!limit) throw invalid(where, setting, `must be name=value, where name is one of ${NAMES}`);
    if (limits.has(limit.key)) throw invalid(where, setting, `sets ${name} a second time`);
    const number = parseValue(value, limit.kind);
    if (number === undefined) throw invalid(where, setting, WANTED[limit.kind]);
    limits.set(limit.key, number);
  }
  return Object.fromEntries(limits);
}

/** `64GiB`, `1024`: as it may be given. */
export function formatLimit({ key, kind }: NamedLimit, limits: UnpackLimits = DEFAULT_LIMITS): string {
  const value = limits[key];
  const [unit, factor] = [...UNITS].findLast(([, size]) => value % size === 0) ?? ['', 1];
  return kind === 'size' ? `${value / factor}${unit}` : String(value);
}

const NAMES = NAMED_LIMITS.map(({ name }) => name).join(', ');
const WANTED: Readonly<Record<NamedLimit['kind'], string>> = {
  count: 'must have a whole number above zero as its value',
  size: 'must have a whole number of bytes above zero as its value, perhaps with KiB, MiB, GiB or TiB behind it',
};

/** undefined where it is no positive number of that kind, or too large to be exact. */
function parseValue(text: string, kind: NamedLimit['kind']): number | undefined {
  return (kind === 'size' || /^[0-9]+$/.test(text) ? parseSize(text) : undefined) || undefined;
}

/** Bytes of `64GiB` or `1024`, zero included; undefined for anything else, or what is too large to be exact. */
export function parseSize(text: string): number | undefined {
  const [, digits, unit = ''] = /^([0-9]{1,16})([KMGT]iB)?$/.exec(text) ?? [];
  const value = Number(digits ?? Number.NaN) * (UNITS.get(unit) ?? 1);
  return Number.isSafeInteger(value) ? value : undefined;
}

function invalid(where: string, setting: string, wanted: string): PullError {
  return new PullError('INPUT_INVALID', `${where}: ${quote(setting)} ${wanted}`, {
    hint: 'Write for example file-size=8GiB or entries=200000.',
  });
}
