// One HTTP exchange, as the layers of the client see it. Each layer takes a Send and returns a Send.
import type { Readable } from 'node:stream';
import type { BodyWatch } from './body-watch.ts';

export interface HttpRequest {
  readonly url: URL;
  /** Absent: GET. */
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** A stream comes with a content-length header. It is destroyed when the request fails. */
  readonly body?: string | Uint8Array | Readable | undefined;
  readonly signal: AbortSignal;
  /** A blob's bytes: takes its turn among the others from its origin, and holds it until the body ends. */
  readonly bulk?: boolean | undefined;
  /** For messages: what is asked for, `manifest v1 of ghcr.io/owner/image`. */
  readonly what: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Must be read, discarded or destroyed: it holds a connection. Has an error listener. */
  readonly body: Readable;
  readonly request: HttpRequest;
  /** Milliseconds to this answer, a pause of its origin included. */
  readonly took: number;
  /** For messages: the proxy it came through. */
  readonly via: string | undefined;
  /** Milliseconds that a small body may take in all, which somebody waits for before anything else; absent: any time. */
  readonly smallBodyTimeout?: number | undefined;
  /** To be told by whoever reads a long body. */
  readonly watch: BodyWatch;
  /** Where the credential is from that went along, itself or as a token had for it; absent: none did. */
  readonly credentialSource?: string | undefined;
}

/** Throws HttpError when no answer came, PullError ABORTED. Any status is an answer. */
export type Send = (request: HttpRequest) => Promise<HttpAnswer>;

/** A header's value; several lines are joined as HTTP says. */
export function headerOf(answer: Pick<HttpAnswer, 'headers'>, name: string): string | undefined {
  const value = answer.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

/** The stated length of the body in bytes; undefined where there is none or it is no number. */
export function contentLengthOf(answer: Pick<HttpAnswer, 'headers'>): number | undefined {
  const value = headerOf(answer, 'content-length');
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}

/** The body of an answer nobody needs: small ones are read off so that their connection can be used again. */
const MAX_DISCARDED_BYTES = 64 * 1024;

export function discard(answer: HttpAnswer): void {
  if ((contentLengthOf(answer) ?? 0) > MAX_DISCARDED_BYTES) {
    answer.body.destroy();
    return;
  }
  let bytes = 0;
  limitTime(answer);
  answer.body.on('data', (chunk: Uint8Array) => {
    bytes += chunk.length;
    if (bytes > MAX_DISCARDED_BYTES) answer.body.destroy();
  });
}

/** Ends a body that drips: no silence in it is long enough to be noticed. */
function limitTime({ body, smallBodyTimeout }: HttpAnswer): void {
  if (smallBodyTimeout === undefined || body.closed) return;
  const timer = setTimeout(() => {
    const fact = `the body did not end within ${smallBodyTimeout / 1000} s`;
    body.destroy(Object.assign(new Error(fact), { code: 'ETIMEDOUT' }));
  }, smallBodyTimeout);
  timer.unref();
  body.once('close', () => clearTimeout(timer));
}

/** The first `maxBytes` of a small body and whether that was all. Throws what the stream throws, and when it takes too long. */
export async function readBody(
  answer: HttpAnswer,
  maxBytes: number,
): Promise<{ readonly bytes: Uint8Array; readonly complete: boolean }> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  limitTime(answer);
  for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
    chunks.push(chunk.subarray(0, maxBytes - size));
    size += chunk.length;
    if (size > maxBytes) break;
  }
  return { bytes: Buffer.concat(chunks), complete: size <= maxBytes };
}
