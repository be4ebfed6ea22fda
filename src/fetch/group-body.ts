// The bytes of a group: those that have to be requested, and the end of the blob that has been fetched before.
import { createReadStream } from 'node:fs';
import type { ByteRange } from '../bytes/range.ts';
import { toPullError } from '../errors.ts';
import type { BlobTail, FetchGroup } from '../plan/fetch-plan.ts';
import type { BlobBody } from '../source/source.ts';

const READ_BYTES = 512 << 10;

/** Empty where the tail holds all of the group. */
export function requestedRange({ range: { start, end }, tail }: FetchGroup): ByteRange {
  return { start, end: Math.max(start, Math.min(end, tail?.start ?? end)) };
}

/** Adds the tail's part of the group to the answer for what was requested of it. */
export function withTail(group: FetchGroup, chunks: AsyncIterable<Uint8Array>): BlobBody {
  const { range, tail } = group;
  return { range, chunks: tail ? followedBy(chunks, readTail(tail, range)) : chunks };
}

export async function* nothing(): AsyncGenerator<Uint8Array> {}

async function* followedBy(
  first: AsyncIterable<Uint8Array>,
  second: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield* first;
  yield* second;
}

/** Throws STORE_FAILED. */
async function* readTail(tail: BlobTail, range: ByteRange): AsyncGenerator<Uint8Array> {
  const from = Math.max(range.start, tail.start);
  const start = tail.offset + from - tail.start;
  const end = start + range.end - from - 1;
  try {
    yield* createReadStream(tail.path, { start, end, highWaterMark: READ_BYTES });
  } catch (cause) {
    throw toPullError(cause, { code: 'STORE_FAILED', message: `${tail.path} cannot be read` });
  }
}
