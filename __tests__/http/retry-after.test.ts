import { describe, expect, it } from 'vitest';
import { MAX_DELAY_MS, parseRetryAfter } from '../../src/http/retry-after.ts';

describe('parseRetryAfter', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');

  it.each([
    ['0', 0],
    ['17', 17_000],
    [' 1.5 ', 1500],
    ['Thu, 01 Jan 2026 00:01:30 GMT', 90_000],
    ['Wed, 31 Dec 2025 23:00:00 GMT', 0],
    ['880.092µs', 0.880092],
    ['1m30s', 90_000],
  ])('reads %s', (value, milliseconds) => {
    expect(parseRetryAfter(value, now)).toBeCloseTo(milliseconds, 6);
  });

  it.each([undefined, '', 'soon', '-5', '1x', '2026'.repeat(10), 'Thu, nonsense'])(
    'finds no sense in %s',
    (value) => {
      expect(parseRetryAfter(value, now)).toBeUndefined();
    },
  );

  it.each([
    '999999999',
    '999999999h'.repeat(4),
    'Fri, 31 Dec 9999 23:59:59 GMT',
    'Sat, 13 Sep 275760 00:00:00 GMT',
  ])('takes %s for the longest delay', (value) => {
    expect(parseRetryAfter(value, now)).toBe(MAX_DELAY_MS);
  });
});
