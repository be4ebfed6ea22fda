// Content digests. https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests
import { PullError } from '../errors.ts';
import { quote } from './json.ts';

declare const digestBrand: unique symbol;

/** `algorithm:hex` in canonical lower-case form. Made only by parseDigest and isDigest. */
export type Digest = string & { readonly [digestBrand]: true };

export type DigestAlgorithm = 'sha256' | 'sha512';

const CANONICAL = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** `what` names the holder of the digest in the MANIFEST_INVALID error, for example "layer 3". */
export function parseDigest(text: string, what: string): Digest {
  if (isDigest(text)) return text;
  throw new PullError('MANIFEST_INVALID', `${what}: ${digestFault(text)}`);
}

export function isDigest(text: string): text is Digest {
  return CANONICAL.test(text);
}

/** In words, why `text` is no Digest. */
export function digestFault(text: string): string {
  const [, algorithm, encoded] = /^([A-Za-z0-9]+(?:[+._-][A-Za-z0-9]+)*):(.*)$/s.exec(text) ?? [];
  if (algorithm === undefined || encoded === undefined) return `${quote(text)} is not a digest`;
  if (algorithm !== 'sha256' && algorithm !== 'sha512')
    return `digest algorithm ${quote(algorithm)} is not supported (only sha256 and sha512 are)`;
  const length = algorithm === 'sha256' ? 64 : 128;
  return `${quote(text)} is not a digest: ${algorithm} takes ${length} lower-case hex digits`;
}

export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.startsWith('sha256:') ? 'sha256' : 'sha512';
}

/** The part after the colon: 64 or 128 lower-case hex digits. */
export function digestHex(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}
