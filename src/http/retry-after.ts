// How long a server asks to be left alone.

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Nobody waits so long; what is longer counts as this, so that the end of the wait is a date that can be written. */
export const MAX_DELAY_MS = 365 * 24 * 3_600_000;

/**
 * Milliseconds from a Retry-After value, at most MAX_DELAY_MS: seconds, an HTTP date, or a Go duration, which some
 * registries send. https://www.rfc-editor.org/rfc/rfc9110#name-retry-after
 */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  const delay = parseDelay(value, now);
  return delay === undefined ? undefined : Math.min(delay, MAX_DELAY_MS);
}

function parseDelay(value: string | undefined, now: number): number | undefined {
  const text = value?.trim() ?? '';
  if (/^\d{1,9}(?:\.\d{1,9})?$/.test(text)) return Number(text) * 1000;
  if (/^(?:\d{1,9}(?:\.\d{1,9})?(?:ns|us|µs|μs|ms|s|m|h)){1,4}$/.test(text)) return parseDuration(text);
  if (!/^[A-Za-z]{3,9},? /.test(text)) return undefined;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

function parseDuration(text: string): number {
  let milliseconds = 0;
  for (const [, amount, unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)([a-zµμ]+)/g))
    milliseconds += Number(amount) * (DURATION_UNITS[unit] ?? 0);
  return milliseconds;
}
