// Times as Node's calls take them.

/** Node replaces negative numbers by the present time, but not negative numbers in strings. */
export function toTime(seconds: number): number | string {
  return seconds < 0 ? String(seconds) : seconds;
}
