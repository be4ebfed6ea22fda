import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/integrity/hash.ts';
import { verifyBytes, verifyDigest } from '../../src/integrity/verify.ts';
import { sampleDigest } from '../support/descriptors.ts';
import { thrown } from '../support/pull-error.ts';

const DATA = new TextEncoder().encode('some bytes of a layer');
const EXPECTED = { digest: digestOf(DATA), size: DATA.length };

describe('verifyBytes', () => {
  it.each(['sha256', 'sha512'] as const)('accepts what fits its %s digest', (algorithm) => {
    expect(() => verifyBytes(DATA, { ...EXPECTED, digest: digestOf(DATA, algorithm) }, 'it')).not.toThrow();
  });

  it('names the bytes and both digests where they differ', () => {
    const wrong = sampleDigest(1);
    const error = thrown('DIGEST_MISMATCH', () =>
      verifyBytes(DATA, { ...EXPECTED, digest: wrong }, 'layer 2'),
    );
    for (const part of ['layer 2', wrong, EXPECTED.digest]) expect(error.message).toContain(part);
  });

  it.each([-1, 1])('refuses a size that is off by %i, whatever the digest', (off) => {
    const expected = { ...EXPECTED, size: DATA.length + off };
    const error = thrown('SIZE_MISMATCH', () => verifyBytes(DATA, expected, 'layer 2'));
    for (const part of ['layer 2', String(DATA.length), String(expected.size)])
      expect(error.message).toContain(part);
  });
});

describe('verifyDigest', () => {
  it('accepts equal digests and refuses others', () => {
    expect(() => verifyDigest(sampleDigest(1), sampleDigest(1), 'it')).not.toThrow();
    thrown('DIGEST_MISMATCH', () => verifyDigest(sampleDigest(1), sampleDigest(2), 'it'));
  });
});
