import { describe, expect, it } from 'vitest';
import { parseContentRange, rangeHeader } from '../../src/http/content-range.ts';

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
