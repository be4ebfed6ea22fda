// For a tag that the registry cannot say the meaning of, while mirrors may hold the image all the same.
import { type ErrorCode, PullError } from '../errors.ts';
import { HttpError, rehinted } from '../http/http-error.ts';

/** By these a registry is out of reach; anything else is an answer. */
const OUT_OF_REACH: ReadonlySet<ErrorCode> = new Set(['REGISTRY_UNAVAILABLE', 'TLS_FAILED', 'RATE_LIMITED']);

/** `mirrors`: hosts that serve what digests name, and may not say what a tag means. */
export function hintAtDigests(error: PullError, mirrors: readonly string[]): PullError {
  if (mirrors.length === 0 || !OUT_OF_REACH.has(error.code)) return error;
  const which = mirrors.length === 1 ? 'the mirror' : 'the mirrors';
  const hint = `What a tag means is asked of the registry alone, not of ${which} ${mirrors.join(', ')}. Name the image by its digest (@sha256:…), or allow a mirror to say what tags mean, by pull-from-mirror = "all" in registries.conf or "resolve" in hosts.toml. ${error.hint}`;
  if (error instanceof HttpError) return rehinted(error, hint);
  return new PullError(error.code, error.message, { hint, cause: error.cause });
}
