// The bytes of a blob in order, across broken connections: resumes from the last good byte.
import { type ByteRange, rangeLength } from '../bytes/range.ts';
import type { ErrorCode } from '../errors.ts';
import type { Piece } from './blob-piece.ts';
import { networkError } from './network-error.ts';
import { RegistryError, type Retry } from './registry-error.ts';
import type { RetryBudget } from './retry.ts';

export interface BodyOptions {
  readonly first: Piece;
  /** Opens the remainder; may give the whole blob instead. */
  readonly reopen: (remainder: ByteRange) => Promise<Piece>;
  readonly budget: RetryBudget;
}

/** How often a body may be read from its beginning again because the server does not resume. */
const MAX_RESTARTS = 3;
/** Bodies that end early without any fault of the connection: the stored blob is too short. */
const MAX_SHORT_ENDS = 3;

/** Yields exactly `first.range`. Throws RegistryError when the budget is spent or the server sends more or less than it said. */
export async function* readBlob({ first, reopen, budget }: BodyOptions): AsyncGenerator<Uint8Array> {
  const { end } = first.range;
  let piece = first;
  let offset = first.range.start;
  let restarts = 0;
  let shortEnds = 0;
  try {
    for (;;) {
      const before = offset;
      const failure = yield* deliver(piece, { start: offset, end }, (bytes) => {
        offset += bytes;
        budget.progress(bytes);
      });
      if (!failure) return;
      shortEnds = failure.code === 'SIZE_MISMATCH' && offset === before ? shortEnds + 1 : 0;
      if (shortEnds >= MAX_SHORT_ENDS) throw failure;
      await budget.spend(failure);
      piece = await reopen({ start: offset, end });
      if (piece.range.start < offset && ++restarts > MAX_RESTARTS) throw notResumable(piece, failure);
    }
  } finally {
    piece.answer.body.destroy();
  }
}

/** Yields the part of the piece that lies in `wanted`; returns why it ended too early, if it did. */
async function* deliver(
  piece: Piece,
  wanted: ByteRange,
  onDelivered: (bytes: number) => void,
): AsyncGenerator<Uint8Array, RegistryError | undefined> {
  let position = piece.range.start;
  let offset = wanted.start;
  const body = piece.answer.body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  for (;;) {
    const next = await read(body, piece);
    if (next instanceof RegistryError) return offset === wanted.end ? undefined : next;
    if (next === undefined) return offset === wanted.end ? undefined : tooShort(piece, position);
    const chunk = next.subarray(Math.max(0, offset - position), Math.max(0, wanted.end - position));
    position += next.length;
    if (position > piece.range.end) throw tooLong(piece);
    if (chunk.length > 0) {
      offset += chunk.length;
      onDelivered(chunk.length);
      yield chunk;
    }
    if (offset === wanted.end && wanted.end < piece.range.end) return undefined;
  }
}

/** The next bytes, undefined at the end, or what broke the connection. Throws what is no matter for a retry. */
async function read(
  body: AsyncIterator<Uint8Array>,
  piece: Piece,
): Promise<Uint8Array | RegistryError | undefined> {
  try {
    const { value, done } = await body.next();
    return done ? undefined : value;
  } catch (error) {
    const failure = networkError(error, piece.answer.request);
    if (failure instanceof RegistryError) return failure;
    throw failure;
  }
}

function tooShort(piece: Piece, position: number): RegistryError {
  const { start } = piece.range;
  const fact = `ended after ${position - start} of ${rangeLength(piece.range)} bytes`;
  return bodyError(piece, 'SIZE_MISMATCH', { fact, retry: 'soon' });
}

function tooLong(piece: Piece): RegistryError {
  const code = piece.answer.status === 206 ? 'RESPONSE_INVALID' : 'SIZE_MISMATCH';
  return bodyError(piece, code, { fact: `sent more than the ${rangeLength(piece.range)} bytes due` });
}

function notResumable(piece: Piece, cause: RegistryError): RegistryError {
  const fact = `breaks off and does not resume (gave up after ${MAX_RESTARTS} restarts)`;
  return bodyError(piece, 'REGISTRY_UNAVAILABLE', { fact, cause });
}

function bodyError(
  { answer }: Piece,
  code: ErrorCode,
  { fact, retry = 'never', cause }: { fact: string; retry?: Retry; cause?: RegistryError },
): RegistryError {
  const { what, url } = answer.request;
  const details = { retry, origin: url.origin, status: answer.status, cause };
  return new RegistryError(code, `${what}: ${url.host} ${fact}`, details);
}
