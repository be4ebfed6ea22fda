// A server of one endless-looking blob, made up as it goes, for what needs hundreds of megabytes or odd connections.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { drained } from './registry-listen.ts';

export interface BlobServerOptions {
  readonly size: number;
  /** Ends the connection after so many bytes of a body. */
  readonly cutAfter?: number;
  /** Status instead of the content, for the request of this number (from 0). */
  readonly refuse?: (request: number) => number | undefined;
  /** Bytes and milliseconds of silence after them, for the request of this number. */
  readonly pace?: (request: number) => { readonly bytes: number; readonly milliseconds: number } | undefined;
}

export interface BlobServer extends AsyncDisposable {
  readonly host: string;
  readonly requests: () => number;
  /** Bytes of bodies that were handed to the kernel. */
  readonly sent: () => number;
  /** Bodies on their way at the same time, at most. */
  readonly peak: () => number;
}

/** The byte at `offset` of the blob: differs in every piece that could be taken for another. */
export function byteAt(offset: number): number {
  return (offset ^ (offset >>> 8) ^ (offset >>> 16)) & 0xff;
}

const UNIT = 64 * 1024;
const units = new Map<number, Buffer>();

/** The unit that begins at `start`; there are 256 different ones, so that making them up costs nothing. */
function unitAt(start: number): Buffer {
  const key = (start >>> 16) & 0xff;
  let unit = units.get(key);
  if (!unit) {
    unit = Buffer.from(Uint8Array.from({ length: UNIT }, (_, index) => byteAt((key << 16) + index)));
    units.set(key, unit);
  }
  return unit;
}

/** At most `length` bytes of the blob from `start`, up to the end of their unit. */
export function contentAt(start: number, length: number): Buffer {
  const offset = start % UNIT;
  return unitAt(start - offset).subarray(offset, offset + length);
}

export async function startBlobServer(options: BlobServerOptions): Promise<BlobServer> {
  let requests = 0;
  let sent = 0;
  let active = 0;
  let peak = 0;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const number = requests++;
    const status = options.refuse?.(number);
    if (status !== undefined) {
      response.writeHead(status, { 'content-length': 0 }).end();
      return;
    }
    peak = Math.max(peak, ++active);
    await sendRange(request, response, number).finally(() => active--);
  }

  async function sendRange(
    request: IncomingMessage,
    response: ServerResponse,
    number: number,
  ): Promise<void> {
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    const start = Number(first ?? 0);
    const end = last === undefined ? options.size : Number(last) + 1;
    const headers = {
      'content-length': end - start,
      'content-range': `bytes ${start}-${end - 1}/${options.size}`,
    };
    response.writeHead(first === undefined ? 200 : 206, headers);
    response.flushHeaders();
    const limit = Math.min(end, start + (options.cutAfter ?? Number.POSITIVE_INFINITY));
    const pace = options.pace?.(number);
    for (let offset = start; offset < limit && !response.destroyed; ) {
      const piece = contentAt(offset, Math.min(pace?.bytes ?? UNIT, limit - offset));
      sent += piece.length;
      offset += piece.length;
      if (!response.write(piece)) await drained(response);
      if (pace && offset < limit) await sleep(pace.milliseconds);
    }
    if (limit === end) response.end();
    else response.socket?.end();
  }

  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: () => requests,
    sent: () => sent,
    peak: () => peak,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
