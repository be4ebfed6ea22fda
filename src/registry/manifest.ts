// Fetches a manifest or index whole and checks it against whatever names it.

import { contentLengthOf, discard, type HttpAnswer, headerOf, readBody } from '../http/exchange.ts';
import { answerError, type HttpError } from '../http/http-error.ts';
import { networkError } from '../http/network-error.ts';
import type { Secrets } from '../http/secrets.ts';
import { digestOf } from '../integrity/hash.ts';
import { verifyBytes, verifyDigest } from '../integrity/verify.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { type Digest, digestAlgorithm, isDigest } from '../oci/digest.ts';
import { MAX_MANIFEST_BYTES } from '../oci/manifest.ts';
import { MANIFEST_ACCEPT, normalizeMediaType } from '../oci/media-type.ts';
import type { Follow, Location } from './redirect.ts';
import { readRefusal } from './refusal.ts';

/** By these a server may mean the method. */
const HEAD_REFUSALS: ReadonlySet<number> = new Set([400, 405, 501]);

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
  /** Told of every answer, refusals too, before its body is read. */
  readonly onAnswer?: ((answer: HttpAnswer) => void) | undefined;
}

/**
 * One attempt. Throws DIGEST_MISMATCH, SIZE_MISMATCH, LIMIT_EXCEEDED (more than MAX_MANIFEST_BYTES), RESPONSE_INVALID,
 * or the HttpError of a refusal.
 */
export async function fetchManifest(
  request: ManifestRequest,
  options: ManifestOptions,
): Promise<FetchedManifest> {
  const { target, expected, location, signal } = request;
  const what = `manifest ${target} of ${options.name}`;
  const { answer } = await options.follow({ headers: { accept: MANIFEST_ACCEPT }, signal, what }, location);
  options.onAnswer?.(answer);
  if (answer.status !== 200) throw await readRefusal(answer, options.secrets);
  const coding = headerOf(answer, 'content-encoding') ?? 'identity';
  if (coding.trim().toLowerCase() !== 'identity') {
    discard(answer);
    const fact = 'sent the manifest compressed, though nobody asked for that';
    throw answerError(answer, 'RESPONSE_INVALID', fact);
  }
  const bytes = await readManifest(answer);
  if (expected) verifyBytes(bytes, expected, what);
  const digest = isDigest(target) ? verifyNamed(bytes, target, what) : verifyStated(bytes, answer);
  return { bytes, mediaType: normalizeMediaType(headerOf(answer, 'content-type') ?? ''), digest };
}

/**
 * Does the registry show the manifest to whoever asks here? HEAD first: Docker Hub counts only GETs. Throws what the
 * exchange throws.
 */
export async function hasManifest(
  { target, location, signal }: Omit<ManifestRequest, 'expected'>,
  { name, follow }: Pick<ManifestOptions, 'name' | 'follow'>,
): Promise<boolean> {
  const request = { headers: { accept: MANIFEST_ACCEPT }, signal, what: `manifest ${target} of ${name}` };
  const { answer: head } = await follow({ ...request, method: 'HEAD' }, location);
  head.body.destroy();
  if (!HEAD_REFUSALS.has(head.status)) return head.status === 200;
  const { answer } = await follow(request, location);
  discard(answer);
  return answer.status === 200;
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

function tooLarge(answer: HttpAnswer): HttpError {
  return answerError(answer, 'LIMIT_EXCEEDED', `sent more than ${MAX_MANIFEST_BYTES} bytes`);
}
