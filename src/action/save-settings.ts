// What the user says about saving to the Actions cache: from which size on, up to which, and for how long.
import { DEFAULT_SAVE_DEADLINE_MS } from '../cache/save.ts';
import { PullError } from '../errors.ts';
import { quote } from '../oci/json.ts';
import { parseSize } from '../pull/limits.ts';

export interface SaveSettings {
  /** Less new data than this, in bytes, is not worth an entry. */
  readonly minBytes: number;
  /** An image in packs of more bytes than this, new ones included, is not saved. */
  readonly maxBytes: number;
  /** What the post phase may take. */
  readonly deadlineMs: number;
}

/** GitHub gives a repository 10 GB; one image must not push out everything else. */
const DEFAULT_MAX_BYTES = '2GiB';
/** A new pack and a new head, of 200 entries a minute that the whole repository has, for what a registry sends in a tenth of a second. */
const DEFAULT_MIN_BYTES = '4MiB';
/** A cancelled or stuck job ends within six hours anyway: that is how long the token lives. */
const MAX_SECONDS = 6 * 60 * 60;

/** `get`: the trimmed value of an input, empty when it was not given. Throws INPUT_INVALID. */
export function readSaveSettings(get: (name: string) => string): SaveSettings {
  const size = (name: string, standard: string) => toSize(name, get(name) || standard);
  return {
    minBytes: size('cache-min-size', DEFAULT_MIN_BYTES),
    maxBytes: size('cache-save-limit', DEFAULT_MAX_BYTES),
    deadlineMs: toMilliseconds(get('cache-save-timeout') || String(DEFAULT_SAVE_DEADLINE_MS / 1000)),
  };
}

function toSize(name: string, value: string): number {
  const bytes = parseSize(value);
  if (bytes !== undefined) return bytes;
  throw invalid(name, value, 'a whole number of bytes, perhaps with KiB, MiB, GiB or TiB behind it');
}

function toMilliseconds(value: string): number {
  const seconds = /^[0-9]{1,5}$/.test(value) ? Number(value) : 0;
  if (seconds >= 1 && seconds <= MAX_SECONDS) return seconds * 1000;
  throw invalid('cache-save-timeout', value, `a whole number of seconds from 1 to ${MAX_SECONDS}`);
}

function invalid(name: string, value: string, wanted: string): PullError {
  return new PullError('INPUT_INVALID', `the input ${name} is ${quote(value)}; it must be ${wanted}`);
}
