import { expect, it } from 'vitest';
import { printable } from '../../src/http/printable.ts';

it.each([
  ['plain words', 'plain words'],
  ['one\r\n::warning::two', 'one ::warning::two'],
  ['\u001b[31mred\u202e\u2028 ', '[31mred'],
  ['0123456789012345678901234567890', '01234567890123456789…'],
  ['', ''],
])('shows %j as %j', (text, shown) => {
  expect(printable(text, 20)).toBe(shown);
});
