import { expect, it } from 'vitest';
import { oneLine } from '../../src/progress/plain-text.ts';

it.each([
  ['leaves ordinary text alone', 'größe 12 → ok', 'größe 12 → ok'],
  ['makes one line of several', 'a\r\n\nb', 'a b'],
  ['takes the escape out of a terminal sequence', 'a\u001b[2Jb', 'a [2Jb'],
  ['takes out marks that turn the direction of text', 'a\u202eb', 'a b'],
  ['mends half a surrogate pair', 'a\ud800b', 'a\ufffdb'],
])('%s', (_, text, expected) => {
  expect(oneLine(text)).toBe(expected);
});

it('cuts what is endless', () => {
  expect(oneLine('x'.repeat(100_000)).length).toBeLessThan(2100);
});
