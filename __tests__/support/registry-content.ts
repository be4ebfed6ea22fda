// Sends blobs and manifests of the test registry, rightly (closed, open and suffix ranges, 416) or with the faults it is given.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Effects } from './registry-faults.ts';
import { drained } from './registry-listen.ts';

interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Content {
  readonly path: string;
  readonly headers: Record<string, string>;
  /** Manifests are served whole whatever was asked. */
  readonly ranges: boolean;
}

/** Sends the content with status 200, 206 or 416; the response is finished or cut when the promise settles. */
export async function sendContent(
  request: IncomingMessage,
  response: ServerResponse,
  content: Content,
  effects: Effects,
): Promise<void> {
  const stored = (await stat(content.path)).size;
  const size = Math.min(stored, effects.truncate?.size ?? stored);
  const asked =
    content.ranges && !effects['ignore-ranges'] ? parseRange(request.headers.range, size) : undefined;
  for (const [name, value] of Object.entries(content.headers)) response.setHeader(name, value);
  if (asked && effects.unsatisfiable) {
    const length = effects.unsatisfiable.lying ? size : 2;
    response.writeHead(416, { 'content-range': `bytes */${size}`, 'content-length': length });
    response.write('{}');
    if (effects.unsatisfiable.lying) await cutConnection(response);
    else response.end();
    return;
  }
  if (asked === 'unsatisfiable') {
    response.writeHead(416, { 'content-range': `bytes */${size}` }).end('{}');
    return;
  }
  const span = asked ?? { start: 0, end: size };
  if (asked) {
    const correct = `bytes ${span.start}-${span.end - 1}/${size}`;
    const wrong = effects['content-range'] ?? { value: correct };
    const value = typeof wrong.value === 'function' ? wrong.value(correct) : wrong.value;
    if (value !== undefined) response.setHeader('content-range', value);
  }
  if (!effects.miscount) response.setHeader('content-length', span.end - span.start);
  if (effects.header) response.setHeader(effects.header.name, effects.header.value);
  response.statusCode = asked ? 206 : 200;
  if (request.method === 'HEAD') response.end();
  else await sendBody(response, content.path, span, effects);
}

/** A small JSON or text answer; honours a `header` fault (a lying content-encoding, say). */
export function sendText(
  response: ServerResponse,
  status: number,
  text: string,
  effects: Effects = {},
): void {
  if (effects.header) response.setHeader(effects.header.name, effects.header.value);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

async function sendBody(response: ServerResponse, path: string, span: Span, effects: Effects): Promise<void> {
  const limit = Math.min(
    effects.cut?.bytes ?? Number.POSITIVE_INFINITY,
    effects.stall?.bytes ?? Number.POSITIVE_INFINITY,
  );
  response.flushHeaders();
  let sent = 0;
  for await (const piece of pieces(path, span, effects)) {
    if (response.destroyed) return;
    if (effects.slow) await sleep(effects.slow.milliseconds);
    const part = piece.subarray(0, limit - sent);
    sent += part.length;
    if (effects.drip) await drip(response, part, effects.drip.bytesPerSecond);
    else if (!response.write(part)) await drained(response);
    if (sent >= limit) break;
  }
  if (sent < limit) response.end();
  else if (effects.cut) await cutConnection(response);
}

async function* pieces(path: string, { start, end }: Span, effects: Effects): AsyncIterable<Buffer> {
  const shortened = Math.max(start, end + Math.min(0, effects.miscount?.bytes ?? 0));
  let position = start;
  if (shortened > start) {
    for await (const piece of createReadStream(path, {
      start,
      end: shortened - 1,
    }) as AsyncIterable<Buffer>) {
      const flaw = (effects.corrupt?.offset ?? -1) - position;
      if (flaw >= 0 && flaw < piece.length) piece.writeUInt8(piece.readUInt8(flaw) ^ 0xff, flaw);
      position += piece.length;
      yield piece;
    }
  }
  if ((effects.miscount?.bytes ?? 0) > 0) yield Buffer.alloc(effects.miscount?.bytes ?? 0);
}

async function drip(response: ServerResponse, bytes: Buffer, bytesPerSecond: number): Promise<void> {
  const step = Math.max(1, Math.round(bytesPerSecond / 10));
  for (let at = 0; at < bytes.length && !response.destroyed; at += step) {
    response.write(bytes.subarray(at, at + step));
    await sleep((1000 * step) / bytesPerSecond);
  }
}

/** Resets the connection once the bytes written so far have left, so that a test can count on them. */
async function cutConnection(response: ServerResponse): Promise<void> {
  await sleep(20);
  response.socket?.destroy();
}

function parseRange(header: string | undefined, size: number): Span | 'unsatisfiable' | undefined {
  if (header === undefined) return undefined;
  const match = /^bytes=(\d*)-(\d*)$/.exec(header);
  if (!match || (match[1] === '' && match[2] === '')) return 'unsatisfiable';
  if (match[1] === '') return { start: Math.max(0, size - Number(match[2])), end: size };
  const start = Number(match[1]);
  const end = match[2] === '' ? size : Math.min(size, Number(match[2]) + 1);
  return start < end ? { start, end } : 'unsatisfiable';
}
