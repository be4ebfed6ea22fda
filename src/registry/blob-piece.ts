// One request for (a range of) a blob, and what its answer really holds: the range, the whole blob, or a refusal.
import { type ByteRange, rangeLength } from '../bytes/range.ts';
import { parseContentRange, rangeHeader } from '../http/content-range.ts';
import { contentLengthOf, discard, type HttpAnswer, type HttpRequest, headerOf } from '../http/exchange.ts';
import { answerError, type HttpError } from '../http/http-error.ts';
import type { Secrets } from '../http/secrets.ts';
import type { Digest } from '../oci/digest.ts';
import type { BlobLocator } from './blob-locator.ts';
import { readRefusal } from './refusal.ts';

/** The part of a descriptor that a download needs. `size` is the compressed size. */
export interface BlobName {
  readonly digest: Digest;
  readonly size: number;
}

/** A body that is on its way. */
export interface Piece {
  /** What the body holds, if it arrives whole. */
  readonly range: ByteRange;
  readonly answer: HttpAnswer;
}

export interface PieceRequest {
  readonly blob: BlobName;
  readonly range: ByteRange;
  readonly signal: AbortSignal;
}

export type OpenPiece = (request: PieceRequest) => Promise<Piece>;

export interface PieceOptions {
  /** For messages: `registry/repository`. */
  readonly name: string;
  readonly locator: BlobLocator;
  readonly secrets: Secrets;
}

/** Statuses by which servers refuse a range they could serve. */
const RANGE_REFUSALS: ReadonlySet<number> = new Set([400, 501]);

/**
 * The piece holds the range asked for, or the whole blob where the server ignores ranges or gets them wrong; that is
 * remembered for its origin. Throws HttpError: SIZE_MISMATCH when the stored blob is no descriptor.size long.
 */
export function createOpenPiece({ name, locator, secrets }: PieceOptions): OpenPiece {
  /** Final origins that do not serve ranges: registry and storage differ in that. */
  const rangeless = new Set<string>();

  async function ask(
    blob: BlobName,
    signal: AbortSignal,
    headers: HttpRequest['headers'],
  ): Promise<HttpAnswer> {
    const what = `blob ${blob.digest} of ${name}`;
    const { answer } = await locator.fetch(blob.digest, { headers, signal, what, bulk: true });
    return plain(answer);
  }

  return async ({ blob, range, signal }) => {
    const origin = locator.originOf(blob.digest);
    const isWhole = rangeLength(range) === blob.size;
    if (!isWhole && !(origin !== undefined && rangeless.has(origin))) {
      const answer = await ask(blob, signal, { range: rangeHeader(range) });
      const piece = await readRanged(answer, blob, range);
      if (piece) return piece;
    }
    return readWhole(await ask(blob, signal, {}), blob, secrets);
  };

  /** undefined: this origin has just been found not to serve ranges. */
  async function readRanged(
    answer: HttpAnswer,
    blob: BlobName,
    range: ByteRange,
  ): Promise<Piece | undefined> {
    const { origin } = answer.request.url;
    if (answer.status === 206 && isExactly(answer, range, blob.size)) return { range, answer };
    if (answer.status === 416) throw unsatisfiable(answer, blob, range);
    if (answer.status === 200) {
      rangeless.add(origin);
      return readWhole(answer, blob, secrets);
    }
    if (answer.status !== 206 && !RANGE_REFUSALS.has(answer.status)) throw await readRefusal(answer, secrets);
    rangeless.add(origin);
    answer.body.destroy();
    return undefined;
  }
}

async function readWhole(answer: HttpAnswer, blob: BlobName, secrets: Secrets): Promise<Piece> {
  if (answer.status !== 200) throw await readRefusal(answer, secrets);
  const length = contentLengthOf(answer) ?? blob.size;
  if (length === blob.size) return { range: { start: 0, end: blob.size }, answer };
  answer.body.destroy();
  throw wrongSize(answer, blob, length);
}

/** Throws for a body in a content coding that nobody asked for. */
function plain(answer: HttpAnswer): HttpAnswer {
  const coding = headerOf(answer, 'content-encoding')?.trim().toLowerCase() || 'identity';
  if (coding === 'identity' || answer.status >= 300) return answer;
  discard(answer);
  const fact = `sent the blob with content-encoding ${coding.slice(0, 40)} unasked`;
  throw answerError(answer, 'RESPONSE_INVALID', fact);
}

function isExactly(answer: HttpAnswer, range: ByteRange, size: number): boolean {
  const stated = parseContentRange(headerOf(answer, 'content-range'));
  const length = contentLengthOf(answer) ?? rangeLength(range);
  return (
    stated?.range?.start === range.start &&
    stated.range.end === range.end &&
    (stated.total ?? size) === size &&
    length === rangeLength(range)
  );
}

/** The range lies within the size that the descriptor states, so the stored blob must be another one. */
function unsatisfiable(answer: HttpAnswer, blob: BlobName, range: ByteRange): HttpError {
  const total = parseContentRange(headerOf(answer, 'content-range'))?.total;
  // Some servers state a length for this body that never comes.
  answer.body.destroy();
  if (total !== undefined && total !== blob.size) return wrongSize(answer, blob, total);
  const fact = `refuses the range ${range.start}-${range.end} of ${blob.size} bytes`;
  return answerError(answer, 'RESPONSE_INVALID', fact);
}

function wrongSize(answer: HttpAnswer, blob: BlobName, size: number): HttpError {
  return answerError(answer, 'SIZE_MISMATCH', `holds ${size} bytes of it, its descriptor says ${blob.size}`);
}
