// Checks of bytes against the size and digest that name them: size first, then digest.
import { PullError } from '../errors.ts';
import { type Digest, digestAlgorithm } from '../oci/digest.ts';
import { digestOf } from './hash.ts';

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

function sizeMismatch(found: string, expected: Expected, what: string): PullError {
  return new PullError(
    'SIZE_MISMATCH',
    `${what}: ${found} instead of ${expected.size} for ${expected.digest}`,
  );
}
