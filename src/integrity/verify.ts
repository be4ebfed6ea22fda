// Checks of bytes against the size and digest that name them: size first, then digest.
import { PullError } from '../errors.ts';
import { type Digest, digestAlgorithm } from '../oci/digest.ts';
import { createHasher, digestOf } from './hash.ts';

/** What bytes have to be; a Descriptor is one. `size` in bytes, of the same side of compression as the bytes. */
export interface Expected {
  readonly digest: Digest;
  readonly size: number;
}

/** Throws SIZE_MISMATCH or DIGEST_MISMATCH; `what` names the bytes in the message. */
export function verifyBytes(bytes: Uint8Array, expected: Expected, what: string): void {
  if (bytes.length !== expected.size) throw sizeMismatch(`${bytes.length} bytes`, expected, what);
  verifyDigest(digestOf(bytes, digestAlgorithm(expected.digest)), expected.digest, what);
}

/** For digests computed elsewhere, such as a layer's diffId. Throws DIGEST_MISMATCH. */
export function verifyDigest(actual: Digest, expected: Digest, what: string): void {
  if (actual === expected) return;
  throw new PullError('DIGEST_MISMATCH', `${what}: hashes to ${actual} instead of ${expected}`);
}

/** Verifies bytes as they flow. Nothing may be trusted before `end` has returned. */
export interface Verifier {
  /** Throws SIZE_MISMATCH as soon as more bytes have come than expected. */
  update(bytes: Uint8Array): void;
  /** Throws SIZE_MISMATCH when bytes are missing, DIGEST_MISMATCH when they are others. May be called once. */
  end(): void;
}

export function createVerifier(expected: Expected, what: string): Verifier {
  const hasher = createHasher(digestAlgorithm(expected.digest));
  let received = 0;
  return {
    update: (bytes) => {
      received += bytes.length;
      if (received > expected.size) throw sizeMismatch(`at least ${received} bytes`, expected, what);
      hasher.update(bytes);
    },
    end: () => {
      if (received !== expected.size) throw sizeMismatch(`${received} bytes`, expected, what);
      verifyDigest(hasher.digest(), expected.digest, what);
    },
  };
}

function sizeMismatch(found: string, expected: Expected, what: string): PullError {
  return new PullError(
    'SIZE_MISMATCH',
    `${what}: ${found} instead of ${expected.size} for ${expected.digest}`,
  );
}
