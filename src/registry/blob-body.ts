// The bytes of a blob in order, across broken connections: resumes from the last good byte.
import { type ByteRange, rangeLength } from '../bytes/range.ts';
import { answerError, HttpError } from '../http/http-error.ts';
import { networkError } from '../http/network-error.ts';
import type { RetryBudget } from '../http/retry.ts';
import { createStallWatch, type StallWatch } from '../http/stall.ts';
import type { Piece } from './blob-piece.ts';

export interface BodyOptions {
  readonly first: Piece;
  /** Opens the remainder; may give the whole blob instead. */
  readonly reopen: (remainder: ByteRange) => Promise<Piece>;
  readonly budget: RetryBudget;
  /** What follows from a connection that drips. `fail`: others can stand in for the host. Default: reconnect. */
  readonly onStall?: 'reconnect' | 'fail' | undefined;
}

/** `stalled`: so slow that a new connection should do better. */
type Failure = HttpError | 'stalled';

/** How often a body may be read from its beginning again because the server does not resume. */
const MAX_RESTARTS = 3;
/** Bodies that end early without any fault of the connection: the stored blob is too short. */
const MAX_SHORT_ENDS = 3;

/**
 * Yields exactly `first.range`, and looks at nothing that comes after it: its bytes are verified anyway, and a chunked body
 * may take its time to end. Throws HttpError when the budget is spent or the server keeps sending less than it said.
 */
export async function* readBlob(options: BodyOptions): AsyncGenerator<Uint8Array> {
  const { first, reopen, budget, onStall } = options;
  const { end } = first.range;
  const stall = createStallWatch(first.answer.watch.stallWindow);
  let piece = first;
  let offset = first.range.start;
  let restarts = 0;
  let shortEnds = 0;
  try {
    for (;;) {
      const before = offset;
      const failure = yield* deliver(piece, { start: offset, end }, stall, (bytes) => {
        offset += bytes;
        budget.progress(bytes);
      });
      if (!failure) return;
      if (failure === 'stalled') {
        if (onStall === 'fail') throw tooSlow(piece);
        piece.answer.body.destroy();
      } else {
        shortEnds = failure.code === 'SIZE_MISMATCH' && offset === before ? shortEnds + 1 : 0;
        if (shortEnds >= MAX_SHORT_ENDS) throw failure;
        await budget.spend(failure);
      }
      stall.restart();
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
  stall: StallWatch,
  onDelivered: (bytes: number) => void,
): AsyncGenerator<Uint8Array, Failure | undefined> {
  let position = piece.range.start;
  let offset = wanted.start;
  const read = createReader(piece, stall);
  for (;;) {
    const next = await read();
    if (next === 'end') return tooShort(piece, position);
    if (!(next instanceof Uint8Array)) return next;
    const chunk = next.subarray(Math.max(0, offset - position), Math.max(0, wanted.end - position));
    position += next.length;
    if (chunk.length === 0) continue;
    offset += chunk.length;
    onDelivered(chunk.length);
    const isLast = offset === wanted.end;
    if (isLast) piece.answer.watch.finished();
    yield chunk;
    if (isLast) return undefined;
  }
}

/** Gives the next bytes, or why there are none any more. Throws what is no matter for a retry. */
function createReader({ answer }: Piece, stall: StallWatch): () => Promise<Uint8Array | Failure | 'end'> {
  const { body, request, watch } = answer;
  const iterator = body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  let failure: Failure | undefined;

  return async () => {
    if (failure) return failure;
    watch.wait();
    try {
      const { value, done } = await iterator.next();
      if (done) {
        watch.failed('ended');
        return 'end';
      }
      if (watch.arrived(value.length, stall)) failure = 'stalled';
      return value;
    } catch (error) {
      const took = watch.failed(request.signal.aborted ? 'aborted' : 'broken');
      const broken = networkError(error, request, { took, via: answer.via });
      if (!(broken instanceof HttpError)) throw broken;
      failure = broken;
      // What had come when the connection broke is as good as the rest, and need not be asked for again.
      return (body.read() as Uint8Array | null) ?? failure;
    }
  };
}

function tooSlow({ answer }: Piece): HttpError {
  return answerError(answer, 'REGISTRY_UNAVAILABLE', 'sends much too slowly');
}

function tooShort({ range, answer }: Piece, position: number): HttpError {
  const fact = `ended after ${position - range.start} of ${rangeLength(range)} bytes`;
  return answerError(answer, 'SIZE_MISMATCH', fact, { retry: 'soon' });
}

function notResumable({ answer }: Piece, failure: Failure): HttpError {
  const cause = failure === 'stalled' ? undefined : failure;
  const fact = `breaks off and does not resume (gave up after ${MAX_RESTARTS} restarts)`;
  return answerError(answer, 'REGISTRY_UNAVAILABLE', fact, { cause });
}
