import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestAlgorithm, digestHex, isDigest, parseDigest } from '../../src/oci/digest.ts';
import { thrown } from '../support/pull-error.ts';

const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length });
const anyDigest = fc.oneof(
  hex(64).map((digits) => ({ algorithm: 'sha256', digits })),
  hex(128).map((digits) => ({ algorithm: 'sha512', digits })),
);

describe('parseDigest', () => {
  it('keeps a canonical digest as it is and tells its parts', () => {
    fc.assert(
      fc.property(anyDigest, ({ algorithm, digits }) => {
        const digest = parseDigest(`${algorithm}:${digits}`, 'it');
        expect(digest).toBe(`${algorithm}:${digits}`);
        expect(digestAlgorithm(digest)).toBe(algorithm);
        expect(digestHex(digest)).toBe(digits);
      }),
    );
  });

  it.each([
    ['nothing', ''],
    ['no algorithm', 'f'.repeat(64)],
    ['an empty algorithm', `:${'f'.repeat(64)}`],
    ['no digits', 'sha256:'],
    ['a digit too few', `sha256:${'f'.repeat(63)}`],
    ['a digit too many', `sha256:${'f'.repeat(65)}`],
    ['sha512 with the length of sha256', `sha512:${'f'.repeat(64)}`],
    ['upper-case digits', `sha256:${'F'.repeat(64)}`],
    ['an upper-case algorithm', `SHA256:${'f'.repeat(64)}`],
    ['digits that are not hex', `sha256:${'g'.repeat(64)}`],
    ['a line break at the end', `sha256:${'f'.repeat(64)}\n`],
    ['a path in place of digits', `sha256:../../${'f'.repeat(58)}`],
    ['sha384', `sha384:${'f'.repeat(96)}`],
    ['blake3', `blake3:${'f'.repeat(64)}`],
    ['an algorithm with separators', `sha256+b64u.x:${'f'.repeat(64)}`],
  ])('refuses %s', (_, text) => {
    expect(isDigest(text)).toBe(false);
    expect(thrown('MANIFEST_INVALID', () => parseDigest(text, 'layer 3')).message).toContain('layer 3');
  });

  it('names an algorithm that is not supported', () => {
    const error = thrown('MANIFEST_INVALID', () => parseDigest(`blake3:${'0'.repeat(64)}`, 'x'));
    expect(error.message).toContain('"blake3"');
  });

  it('repeats no more than a part of an endless text', () => {
    const error = thrown('MANIFEST_INVALID', () => parseDigest('a'.repeat(1_000_000), 'x'));
    expect(error.message.length).toBeLessThan(500);
  });
});
