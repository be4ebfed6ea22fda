// The blob side of the cache service double: block blobs with single and block uploads, HEAD, whole and ranged GET.
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Rope } from './cache-service-rope.ts';

export interface BlobFaults {
  /** Downloads end after this many bytes of the stored archive, with a matching content-length. */
  truncateTo?: number;
  /** The byte at this offset of a download is inverted; negative counts from the end. */
  flipByteAt?: number;
  /** Downloads and uploads of blobs answer with this status; `first`: only so many of them. */
  blobStatus?: number;
  first?: number;
  /** Downloads are this archive instead. */
  replaceWith?: Buffer;
  /** A ranged GET is answered with everything, as some services do. */
  ignoreRanges?: boolean;
  /** The first `times` bodies of downloads, or of uploads, lose their connection after so many bytes. */
  cut?: { of: 'downloads' | 'uploads'; after: number; times: number };
  /** Downloads fall silent after so many bytes. */
  stallAfter?: number;
  /** All URLs that were signed before the download of this number (from 1) have expired by then. */
  expireAtDownload?: number;
  /** Content-Range starts so many bytes later than what was asked for. */
  shiftRange?: number;
  /** Milliseconds between one 64 KiB of a download and the next. */
  drip?: number;
}

/** A ranged read: bytes from `start` up to `end`. */
export interface AskedRange {
  readonly start: number;
  readonly end: number;
}

export interface BlobExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly faults: BlobFaults;
}

export class BlobStore {
  readonly #blobs = new Map<string, Rope>();
  readonly #blocks = new Map<string, Map<string, Rope>>();
  /** Bodies on their way at the same time, at most. */
  readonly peak = { downloads: 0, uploads: 0 };
  readonly #active = { downloads: 0, uploads: 0 };
  #downloads = 0;
  #failures = 0;
  #cuts = 0;
  /** URLs of generations before this one have expired. */
  #valid = 0;
  generation = 0;
  /** Told of every ranged read before it is answered: may hold it back, and may give it faults of its own. */
  onRead: (range: AskedRange, id: string) => Promise<BlobFaults | undefined> | BlobFaults | undefined = () =>
    undefined;

  get(id: string): Buffer | undefined {
    return this.#blobs.get(id)?.toBuffer();
  }

  size(id: string): number | undefined {
    return this.#blobs.get(id)?.size;
  }

  /** Replaces what is stored, behind the service's back. */
  set(id: string, bytes: Buffer): void {
    this.#blobs.set(id, Rope.of(bytes));
  }

  delete(id: string): void {
    this.#blobs.delete(id);
  }

  expireUrls(): void {
    this.generation += 1;
    this.#valid = this.generation;
  }

  async serve(exchange: BlobExchange): Promise<void> {
    const kind = exchange.request.method === 'PUT' ? 'uploads' : 'downloads';
    this.#active[kind] += 1;
    this.peak[kind] = Math.max(this.peak[kind], this.#active[kind]);
    try {
      await this.#serve(exchange);
    } finally {
      this.#active[kind] -= 1;
    }
  }

  async #serve(exchange: BlobExchange): Promise<void> {
    const { request, response, url, faults } = exchange;
    response.setHeader('x-ms-request-id', '1').setHeader('x-ms-version', '2025-01-05');
    const id = url.pathname.split('/')[3] ?? '';
    if (request.method === 'GET' && ++this.#downloads === faults.expireAtDownload) this.expireUrls();
    const body = await this.#receive(exchange);
    if (!body) return;
    const generation = Number(url.searchParams.get('gen') ?? 0);
    const isFailing =
      faults.blobStatus !== undefined && this.#failures < (faults.first ?? Number.POSITIVE_INFINITY);
    if (!url.searchParams.has('sig') || generation < this.#valid) fail(response, 403, 'AuthenticationFailed');
    else if (isFailing) {
      this.#failures += 1;
      fail(response, faults.blobStatus ?? 503, 'ServerBusy');
    } else if (request.method === 'PUT') this.#put(exchange, id, body);
    else {
      const stored = this.#blobs.get(id);
      if (stored) await this.#read(exchange, stored, id);
      else fail(response, 404, 'BlobNotFound');
    }
  }

  /** undefined: the connection is gone. */
  async #receive({ request, faults }: BlobExchange): Promise<Rope | undefined> {
    const limit = this.#cutAfter(faults, request.method === 'PUT' ? 'uploads' : undefined);
    const body = new Rope();
    try {
      for await (const part of request) {
        body.append(part as Buffer);
        if (body.size > limit) {
          this.#cuts += 1;
          request.socket.destroy();
          return undefined;
        }
      }
    } catch {
      return undefined;
    }
    return body;
  }

  #cutAfter({ cut }: BlobFaults, of: 'downloads' | 'uploads' | undefined): number {
    return cut && cut.of === of && this.#cuts < cut.times ? cut.after : Number.POSITIVE_INFINITY;
  }

  #put({ response, url }: BlobExchange, id: string, body: Rope): void {
    const blocks = this.#blocks.get(id) ?? new Map<string, Rope>();
    this.#blocks.set(id, blocks);
    const kind = url.searchParams.get('comp');
    if (kind === 'block') blocks.set(url.searchParams.get('blockid') ?? '', body);
    else if (kind === 'blocklist') {
      const list = body.toBuffer().toString();
      const ids = [...list.matchAll(/<Latest>([^<]*)<\/Latest>/g)].map((match) => match[1] ?? '');
      const parts = ids.map((each) => blocks.get(each));
      if (parts.includes(undefined)) {
        fail(response, 400, 'InvalidBlockList');
        return;
      }
      this.#blobs.set(id, Rope.join(parts.filter((part) => part !== undefined)));
      this.#blocks.delete(id);
    } else this.#blobs.set(id, body);
    response.writeHead(201, { etag: '"1"', 'content-length': 0 }).end();
  }

  async #read(exchange: BlobExchange, stored: Rope, id: string): Promise<void> {
    const { request } = exchange;
    const asked = rangeOf(request);
    const own = asked && (await this.onRead({ start: asked.start, end: asked.end ?? stored.size }, id));
    const faults = own ?? exchange.faults;
    if (own?.blobStatus !== undefined) fail(exchange.response, own.blobStatus, 'ServerBusy');
    else await this.#get({ ...exchange, faults }, damage(stored, faults));
  }

  async #get({ request, response, faults }: BlobExchange, bytes: Rope): Promise<void> {
    const asked = faults.ignoreRanges ? undefined : rangeOf(request);
    const start = asked?.start ?? 0;
    const end = Math.min(asked?.end ?? bytes.size, bytes.size);
    if (asked && start >= bytes.size) {
      fail(response, 416, 'InvalidRange');
      return;
    }
    const stated = start + (faults.shiftRange ?? 0);
    response.writeHead(asked ? 206 : 200, {
      'content-length': end - start,
      'content-type': 'application/octet-stream',
      ...(faults.ignoreRanges ? {} : { 'accept-ranges': 'bytes' }),
      etag: '"1"',
      'last-modified': new Date(0).toUTCString(),
      'x-ms-blob-type': 'BlockBlob',
      ...(asked ? { 'content-range': `bytes ${stated}-${end - 1}/${bytes.size}` } : {}),
    });
    if (request.method === 'HEAD') response.end();
    else await this.#send(response, bytes.pieces(start, end), faults);
  }

  async #send(response: ServerResponse, pieces: Iterable<Buffer>, faults: BlobFaults): Promise<void> {
    const limit = this.#cutAfter(faults, 'downloads');
    const end = Math.min(limit, faults.stallAfter ?? limit);
    if (end === Number.POSITIVE_INFINITY && faults.drip === undefined) {
      await pipeline(pieces, response).catch(() => undefined);
      return;
    }
    let sent = 0;
    for (const piece of pieces) {
      const part = piece.subarray(0, end - sent);
      sent += part.length;
      if (faults.drip !== undefined) await sleep(faults.drip);
      await new Promise((resolve) => response.write(part, resolve));
      if (sent < end) continue;
      if (faults.stallAfter !== undefined) {
        if (!response.closed) await once(response, 'close');
        return;
      }
      this.#cuts += 1;
      response.destroy();
      return;
    }
    response.end();
  }
}

function rangeOf({ headers }: IncomingMessage): { start: number; end: number | undefined } | undefined {
  const header = String(headers['x-ms-range'] ?? headers.range ?? '');
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(header) ?? [];
  return first === undefined ? undefined : { start: Number(first), end: last ? Number(last) + 1 : undefined };
}

function damage(stored: Rope, faults: BlobFaults): Rope {
  if (!faults.replaceWith && faults.truncateTo === undefined && faults.flipByteAt === undefined)
    return stored;
  const whole = faults.replaceWith ?? stored.toBuffer();
  const bytes = Buffer.from(whole.subarray(0, faults.truncateTo));
  const index = faults.flipByteAt ?? Number.NaN;
  const at = index < 0 ? bytes.length + index : index;
  const byte = bytes[at];
  if (byte !== undefined) bytes[at] = byte ^ 0xff;
  return Rope.of(bytes);
}

function fail(response: ServerResponse, status: number, code: string): void {
  const body = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`;
  response.writeHead(status, { 'content-type': 'application/xml', 'x-ms-error-code': code }).end(body);
}

export async function readAll(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
