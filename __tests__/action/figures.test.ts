import { describe, expect, it } from 'vitest';
import { count, formatBytes, formatDuration, percent } from '../../src/action/figures.ts';

describe('figures', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [9994, '9.99 kB'],
    [9996, '10.0 kB'],
    [99_960, '100 kB'],
    [999_499, '999 kB'],
    [999_500, '1.00 MB'],
    [318_000_000, '318 MB'],
    [1_234_567_890, '1.23 GB'],
    [5e15, '5000 TB'],
  ])('%d bytes read %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it.each([
    [0, '0 ms'],
    [999.4, '999 ms'],
    [1000, '1.0 s'],
    [59_940, '59.9 s'],
    [59_960, '1 min 0 s'],
    [185_000, '3 min 5 s'],
  ])('%d milliseconds read %s', (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });

  it.each([
    [0, 0, '0%'],
    [999, 1000, '99%'],
    [1000, 1000, '100%'],
    [2000, 1000, '100%'],
  ])('%d of %d are %s', (part, whole, text) => {
    expect(percent(part, whole)).toBe(text);
  });

  it('counts one and many', () => {
    expect([count(1, 'layer'), count(0, 'layer')]).toEqual(['1 layer', '0 layers']);
  });
});
