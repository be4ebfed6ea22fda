import { describe, expect, it } from 'vitest';
import { parseContentRange, rangeHeader } from '../../src/registry/content-range.ts';
import { MAX_DELAY_MS, parseRetryAfter } from '../../src/registry/retry-after.ts';

describe('parseContentRange', () => {
  it.each([
    ['bytes 0-0/1', { range: { start: 0, end: 1 }, total: 1 }],
    ['bytes 5-9/100', { range: { start: 5, end: 10 }, total: 100 }],
    ['Bytes 5-9/*', { range: { start: 5, end: 10 }, total: undefined }],
    ['bytes */100', { range: undefined, total: 100 }],
  ])('reads %s', (value, expected) => {
    expect(parseContentRange(value)).toEqual(expected);
  });

  it.each([
    undefined,
    '',
    'bytes',
    'bytes 5-9',
    'bytes 9-5/100',
    'bytes 5-100/100',
    'items 0-1/2',
    'bytes 0--1/0',
    'bytes=0-1/2',
  ])('finds no sense in %s', (value) => {
    expect(parseContentRange(value)).toBeUndefined();
  });

  it('writes closed ranges', () => {
    expect(rangeHeader({ start: 5, end: 10 })).toBe('bytes=5-9');
  });
});

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
