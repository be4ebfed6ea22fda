import { describe, expect, it } from 'vitest';
import { PullError } from '../../src/errors.ts';
import { DEFAULT_STORE_SIZE, parseStoreSize } from '../../src/pull/store-size.ts';

describe('the size of a store', () => {
  it.each([
    ['0', 0],
    ['4096', 4096],
    ['3MiB', 3 * 2 ** 20],
    [DEFAULT_STORE_SIZE, 20 * 2 ** 30],
    ['unlimited', undefined],
  ])('may be %s', (text, bytes) => {
    expect(parseStoreSize(text, 'x')).toBe(bytes);
  });

  it.each(['', '-1', '1.5GiB', '20GB', ' 1', 'none', '99999999TiB'])('cannot be %j', (text) => {
    expect(() => parseStoreSize(text, '--max-size')).toThrow(PullError);
    expect(() => parseStoreSize(text, '--max-size')).toThrow(/--max-size is .*; it must be/);
  });
});
