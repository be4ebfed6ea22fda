import { describe, expect, it } from 'vitest';
import { digestKeyOfHex } from '../../src/oci/digest-key.ts';
import { holdsMember, isMixed } from '../../src/pull/mixed-packs.ts';
import type { PackEntry } from '../../src/store/pack-format.ts';

const hexOf = (number: number) => number.toString(16).padStart(64, '0');
const entry = (number: number, offset: number, change: Partial<PackEntry> = {}): PackEntry => {
  const { compressedSize = 100 } = change;
  return { form: 'frame', hex: hexOf(number), offset, compressedSize, size: compressedSize, ...change };
};
const blob = (number: number, offset: number, compressedSize: number) =>
  entry(number, offset, { form: 'blob', compressedSize });
const member = (number: number, offset: number) => entry(number, offset, { innerOffset: 0 });
/** Chunks with odd numbers are of the image, under whichever form. */
const odd = new Set([1, 3, 5].map((number) => digestKeyOfHex(hexOf(number))));
const check = (entries: readonly PackEntry[], end: number) =>
  isMixed({ all: () => entries, end }, (_, key) => odd.has(key));

describe('a pack that holds something besides the image', () => {
  it.each<[string, PackEntry[], number]>([
    ['a chunk of another one', [entry(1, 0), entry(2, 100)], 200],
    ['a layer of another one', [blob(2, 0, 50), entry(1, 50)], 150],
    ['bytes without a name before the first chunk', [entry(1, 10)], 110],
    ['bytes without a name between two chunks', [entry(1, 0), entry(3, 101)], 201],
    ['bytes without a name at the end', [entry(1, 0)], 101],
    ['a member, in which there may be anything', [member(1, 0)], 100],
    ['a chunk of the image in a layer of another one', [blob(2, 0, 300), entry(1, 0), entry(3, 100)], 300],
    ['a chunk that reaches out of a layer of the image', [blob(1, 0, 100), entry(2, 50)], 150],
  ])('has %s', (_, entries, end) => {
    expect(check(entries, end)).toBe(true);
  });

  it.each<[string, PackEntry[], number]>([
    ['nothing', [], 0],
    ['chunks of the image', [entry(1, 0), entry(3, 100)], 200],
    [
      'a layer of the image, whatever is said to be in it',
      [blob(1, 0, 300), entry(2, 0), member(4, 200)],
      300,
    ],
    ['the same bytes under two names', [blob(1, 0, 300), blob(3, 0, 300)], 300],
  ])('is not one with %s', (_, entries, end) => {
    expect(check(entries, end)).toBe(false);
  });

  it('goes by form and digest', () => {
    const isOfImage = (form: PackEntry['form']) => form === 'blob';
    expect(isMixed({ all: () => [entry(1, 0)], end: 100 }, isOfImage)).toBe(true);
  });

  it('is one into which a member of others was copied', () => {
    const frames = () => [entry(1, 0), member(3, 100)];
    expect(holdsMember({ frames }, new Set([hexOf(3)]))).toBe(true);
    expect(holdsMember({ frames }, new Set([hexOf(1), hexOf(5)]))).toBe(false);
    expect(holdsMember({ frames }, new Set())).toBe(false);
  });
});
