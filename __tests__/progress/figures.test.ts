import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { count, formatBytes, formatDuration, formatShare, percent } from '../../src/progress/figures.ts';

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [812, '812 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [9_994, '9.99 kB'],
    [9_995, '10.0 kB'],
    [99_949, '99.9 kB'],
    [99_950, '100 kB'],
    [352_000_000, '352 MB'],
    [999_499_999, '999 MB'],
    [999_500_000, '1.00 GB'],
    [2_000_000_000_000_000, '2000 TB'],
  ])('writes %d as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it('never needs more than three digits below a petabyte', () => {
    const size = fc.integer({ min: 0, max: 999_000_000_000_000 });
    fc.assert(
      fc.property(size, (bytes) => /^(\d{1,3}|\d\d\.\d|\d\.\d\d) [kMGT]?B$/.test(formatBytes(bytes))),
    );
  });
});

it.each([
  [0, '0 ms'],
  [340, '340 ms'],
  [999, '999 ms'],
  [1_000, '1.0 s'],
  [59_949, '59.9 s'],
  [59_950, '1 min 0 s'],
  [185_000, '3 min 5 s'],
])('formatDuration writes %d ms as %s', (milliseconds, text) => {
  expect(formatDuration(milliseconds)).toBe(text);
});

it.each([
  [0, 0, '0%'],
  [0, 10, '0%'],
  [999, 1000, '>99%'],
  [990, 1000, '99%'],
  [1000, 1000, '100%'],
  [1001, 1000, '100%'],
])('%d of %d is %s', (part, whole, text) => {
  expect(percent(part, whole)).toBe(text);
});

it.each([
  [0, '0 requests'],
  [1, '1 request'],
  [12, '12 requests'],
])('counts %d as %s', (number, text) => {
  expect(count(number, 'request')).toBe(text);
});

it.each([
  [41_000_000, 352_000_000, '41.0 of 352 MB'],
  [812_000, 1_200_000_000, '812 kB of 1.20 GB'],
  [0, 5, '0 of 5 B'],
  [0, 5000, '0 B of 5.00 kB'],
])('writes %d of %d as %s', (part, whole, text) => {
  expect(formatShare(part, whole)).toBe(text);
});
