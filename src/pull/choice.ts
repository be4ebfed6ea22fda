// Settings with few values, as both doors read them. `name`: how the user knows the setting.
import { PullError } from '../errors.ts';
import { quote } from '../oci/json.ts';

/** More connections to one registry than this get a client throttled, not faster. */
const MAX_CONCURRENCY = 64;

/** Throws INPUT_INVALID. */
export function choose<Choice extends string>(
  value: string,
  choices: readonly Choice[],
  name: string,
): Choice {
  const choice = choices.find((known) => known === value);
  if (choice !== undefined) return choice;
  throw wrongValue(name, value, `one of ${choices.join(', ')}`);
}

/** A number of connections. Throws INPUT_INVALID. */
export function parseConcurrency(value: string, name: string): number {
  const number = /^[0-9]{1,3}$/.test(value) ? Number(value) : 0;
  if (number >= 1 && number <= MAX_CONCURRENCY) return number;
  throw wrongValue(name, value, `a whole number from 1 to ${MAX_CONCURRENCY}`);
}

/** `hint`: default: `Write ${wanted}.` */
export function wrongValue(
  name: string,
  value: string,
  wanted: string,
  hint = `Write ${wanted}.`,
): PullError {
  return new PullError('INPUT_INVALID', `${name} is ${quote(value)}; it must be ${wanted}`, { hint });
}
