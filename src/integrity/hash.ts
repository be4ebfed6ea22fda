// Hashing bytes to digests, in one go or as they flow.
import { createHash, hash } from 'node:crypto';
import { type Digest, type DigestAlgorithm, parseDigest } from '../oci/digest.ts';

export function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return parseDigest(`${algorithm}:${hash(algorithm, bytes, 'hex')}`, 'hash');
}

/** Hashes bytes in order. `digest` may be called once, `update` not after it. */
export interface Hasher {
  update(bytes: Uint8Array): void;
  digest(): Digest;
}

export function createHasher(algorithm: DigestAlgorithm = 'sha256'): Hasher {
  const state = createHash(algorithm);
  return {
    update: (bytes) => {
      state.update(bytes);
    },
    digest: () => parseDigest(`${algorithm}:${state.digest('hex')}`, 'hash'),
  };
}
