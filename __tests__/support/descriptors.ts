// Samples of what manifests are made of.
import { type Digest, parseDigest } from '../../src/oci/digest.ts';

/** A well-formed sha256 digest that differs by `seed`. */
export function sampleDigest(seed = 0): Digest {
  return parseDigest(`sha256:${seed.toString(16).padStart(64, '0')}`, 'sample');
}

export function jsonBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
}

/** A descriptor as it stands in JSON. */
export function descriptorJson(mediaType: string, more: Readonly<Record<string, unknown>> = {}) {
  return { mediaType, digest: sampleDigest(), size: 7, ...more };
}
