// The tags of a repository, for messages that name what there is instead.
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-tags
import { discard, type HttpAnswer, readBody } from '../http/exchange.ts';
import type { Follow, Location } from './redirect.ts';

/** Entries asked for: one page is enough for a hint. */
export const TAGS_PER_PAGE = 1000;
/** Nobody waits long for a hint. */
const MAX_WAIT_MS = 10_000;
const TAG = /^\w[\w.-]{0,127}$/;

export interface TagRequest {
  readonly location: Location;
  /** A longer list is not read. */
  readonly maxBytes: number;
  /** For messages. */
  readonly what: string;
  readonly signal: AbortSignal;
}

/** The first page, well-formed tags only; empty where the registry does not tell. Never throws. */
export async function listTags(request: TagRequest, follow: Follow): Promise<readonly string[]> {
  const { location, what } = request;
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(MAX_WAIT_MS)]);
  try {
    const { answer } = await follow({ headers: { accept: 'application/json' }, signal, what }, location);
    return await readTags(answer, request.maxBytes);
  } catch {
    return [];
  }
}

async function readTags(answer: HttpAnswer, maxBytes: number): Promise<readonly string[]> {
  if (answer.status !== 200) {
    discard(answer);
    return [];
  }
  const { bytes, complete } = await readBody(answer, maxBytes);
  if (!complete) return [];
  const { tags } = JSON.parse(Buffer.from(bytes).toString()) as { tags?: unknown };
  return Array.isArray(tags)
    ? tags.filter((tag): tag is string => typeof tag === 'string' && TAG.test(tag))
    : [];
}
