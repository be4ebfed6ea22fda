// Fetches a manifest or index whole and checks it against whatever names it.
import { digestOf } from '../integrity/hash.ts';
import { verifyBytes, verifyDigest } from '../integrity/verify.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { type Digest, digestAlgorithm, isDigest } from '../oci/digest.ts';
import { MAX_MANIFEST_BYTES } from '../oci/manifest.ts';
import { MANIFEST_ACCEPT, normalizeMediaType } from '../oci/media-type.ts';
import { contentLengthOf, discard, type HttpAnswer, headerOf, readBody } from './http.ts';
import { networkError } from './network-error.ts';
import type { Follow, Location } from './redirect.ts';
import { errorOfAnswer, RegistryError } from './registry-error.ts';
import type { Secrets } from './secrets.ts';

/** A verified manifest. */
export interface FetchedManifest {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  readonly digest: Digest;
}

export interface ManifestRequest {
  /** Tag or digest. */
  readonly target: string;
  /** Makes size and digest part of the check. */
  readonly expected: Pick<Descriptor, 'digest' | 'size'> | undefined;
  readonly location: Location;
  readonly signal: AbortSignal;
}

export interface ManifestOptions {
  /** For messages: `registry/repository`. */
  readonly name: string;
  readonly follow: Follow;
  readonly secrets: Secrets;
}

/**
 * One attempt. Throws DIGEST_MISMATCH, SIZE_MISMATCH, LIMIT_EXCEEDED (more than MAX_MANIFEST_BYTES), RESPONSE_INVALID,
 * or the RegistryError of a refusal.
 */
export async function fetchManifest(
  request: ManifestRequest,
  options: ManifestOptions,
): Promise<FetchedManifest> {
  const { target, expected, location, signal } = request;
  const what = `manifest ${target} of ${options.name}`;
  const { answer } = await options.follow({ headers: { accept: MANIFEST_ACCEPT }, signal, what }, location);
  if (answer.status !== 200) throw await errorOfAnswer(answer, options.secrets);
  const coding = headerOf(answer, 'content-encoding') ?? 'identity';
  if (coding.trim().toLowerCase() !== 'identity') {
    discard(answer);
    throw invalid(answer, 'RESPONSE_INVALID', 'sent the manifest compressed, though nobody asked for that');
  }
  const bytes = await readManifest(answer);
  if (expected) verifyBytes(bytes, expected, what);
  const digest = isDigest(target) ? verifyNamed(bytes, target, what) : verifyStated(bytes, answer);
  return { bytes, mediaType: normalizeMediaType(headerOf(answer, 'content-type') ?? ''), digest };
}

async function readManifest(answer: HttpAnswer): Promise<Uint8Array> {
  const stated = contentLengthOf(answer) ?? 0;
  if (stated > MAX_MANIFEST_BYTES) {
    answer.body.destroy();
    throw tooLarge(answer);
  }
  const { bytes, complete } = await readBody(answer, MAX_MANIFEST_BYTES).catch((error: unknown) => {
    throw networkError(error, answer.request);
  });
  if (!complete) throw tooLarge(answer);
  return bytes;
}

function verifyNamed(bytes: Uint8Array, digest: Digest, what: string): Digest {
  verifyDigest(digestOf(bytes, digestAlgorithm(digest)), digest, what);
  return digest;
}

/**
 * A tag names no digest, but the registry states one. Only the same algorithm can be compared: some registries state
 * sha256 whatever they were asked for.
 */
function verifyStated(bytes: Uint8Array, answer: HttpAnswer): Digest {
  const digest = digestOf(bytes, 'sha256');
  const stated = headerOf(answer, 'docker-content-digest')?.trim() ?? '';
  if (isDigest(stated) && digestAlgorithm(stated) === 'sha256')
    verifyDigest(digest, stated, `${answer.request.what}, as its docker-content-digest header names it`);
  return digest;
}

function tooLarge(answer: HttpAnswer): RegistryError {
  return invalid(answer, 'LIMIT_EXCEEDED', `sent more than ${MAX_MANIFEST_BYTES} bytes`);
}

function invalid(
  { request, status }: HttpAnswer,
  code: 'LIMIT_EXCEEDED' | 'RESPONSE_INVALID',
  fact: string,
): RegistryError {
  const { origin, host } = request.url;
  return new RegistryError(code, `${request.what}: ${host} ${fact}`, { retry: 'never', origin, status });
}
