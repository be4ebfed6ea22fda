import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createHasher, digestOf } from '../../src/integrity/hash.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

// FIPS 180-4 examples.
const VECTORS = [
  ['sha256', '', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  ['sha256', 'abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  [
    'sha512',
    'abc',
    'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
  ],
] as const;

describe('hashing', () => {
  it.each(VECTORS)('gives the known %s digest of "%s"', (algorithm, text, hex) => {
    expect(digestOf(bytes(text), algorithm)).toBe(`${algorithm}:${hex}`);
    const hasher = createHasher(algorithm);
    for (const char of text) hasher.update(bytes(char));
    expect(hasher.digest()).toBe(`${algorithm}:${hex}`);
  });

  it('takes sha256 where no algorithm is named', () => {
    expect(digestOf(bytes('abc'))).toBe(digestOf(bytes('abc'), 'sha256'));
    expect(createHasher().digest()).toBe(digestOf(bytes('')));
  });

  it('does not depend on how the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), fc.constantFrom('sha256', 'sha512'), (pieces, algorithm) => {
        const hasher = createHasher(algorithm);
        for (const piece of pieces) hasher.update(piece);
        expect(hasher.digest()).toBe(digestOf(Buffer.concat(pieces), algorithm));
      }),
    );
  });

  it('hashes a view and not the buffer behind it', () => {
    const view = bytes('xabcx').subarray(1, 4);
    expect(digestOf(view)).toBe(digestOf(bytes('abc')));
  });
});
