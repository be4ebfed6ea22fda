// Fetches a manifest or index whole and checks it against whatever names it.

import { contentLengthOf, discard, type HttpAnswer, headerOf } from '../http/exchange.ts';
import { answerError, type HttpError } from '../http/http-error.ts';
import { receiveBody } from '../http/receive.ts';
import type { Secrets } from '../http/secrets.ts';
import { digestOf } from '../integrity/hash.ts';
import { verifyBytes, verifyDigest } from '../integrity/verify.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { type Digest, digestAlgorithm, isDigest } from '../oci/digest.ts';
import { MAX_MANIFEST_BYTES, parseManifest } from '../oci/manifest.ts';
import { MANIFEST_ACCEPT, normalizeMediaType } from '../oci/media-type.ts';
import type { Follow, Location } from './redirect.ts';
import { readRefusal } from './refusal.ts';

/** Of a HEAD: refusals that may be meant for the method, and a success that may be of another page (a login, after a redirect). */
const WORTH_A_GET: ReadonlySet<number> = new Set([200, 400, 405, 501]);

/** A verified manifest. */
export interface FetchedManifest {
  readonly bytes: Uint8Array;
  /** Of a tag: what the registry calls the document. Of a digest: what `expected` says, or empty; the registry's word is not needed. */
  readonly mediaType: string;
  readonly digest: Digest;
}

export interface ManifestRequest {
  /** Tag or digest. */
  readonly target: string;
  /** Makes size and digest part of the check. */
  readonly expected: (Pick<Descriptor, 'digest' | 'size'> & Partial<Descriptor>) | undefined;
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
 * the HttpError of a refusal, or what parseManifest does where a tag leads to no manifest: another host may have one.
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
  if (isDigest(target))
    return { bytes, mediaType: expected?.mediaType ?? '', digest: verifyNamed(bytes, target, what) };
  const digest = verifyStated(bytes, answer);
  const mediaType = normalizeMediaType(headerOf(answer, 'content-type') ?? '');
  parseManifest(bytes, mediaType, what);
  return { bytes, mediaType, digest };
}

/**
 * Does the registry show the manifest, named by its digest, to whoever asks here? HEAD first: Docker Hub counts only GETs. Throws
 * what fetchManifest throws.
 */
export async function hasManifest(
  { target, location, signal }: Omit<ManifestRequest, 'expected'>,
  options: Omit<ManifestOptions, 'onAnswer'>,
): Promise<boolean> {
  const { name, follow } = options;
  const request = { headers: { accept: MANIFEST_ACCEPT }, signal, what: `manifest ${target} of ${name}` };
  const { answer: head } = await follow({ ...request, method: 'HEAD' }, location);
  head.body.destroy();
  if (!WORTH_A_GET.has(head.status)) return false;
  const stated = headerOf(head, 'docker-content-digest')?.trim();
  if (head.status === 200 && stated === target) return true;
  await fetchManifest({ target, expected: undefined, location, signal }, options);
  return true;
}

async function readManifest(answer: HttpAnswer): Promise<Uint8Array> {
  const stated = contentLengthOf(answer) ?? 0;
  if (stated > MAX_MANIFEST_BYTES) {
    answer.body.destroy();
    throw tooLarge(answer);
  }
  const { bytes, complete } = await receiveBody(answer, MAX_MANIFEST_BYTES);
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
