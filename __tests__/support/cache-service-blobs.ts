// The blob side of the cache service double: block blobs with single and block uploads, HEAD, whole and ranged GET.
import type { IncomingMessage, ServerResponse } from 'node:http';

export interface BlobFaults {
  /** Downloads end after this many bytes of the stored archive, with a matching content-length. */
  truncateTo?: number;
  /** The byte at this offset of a download is inverted; negative counts from the end. */
  flipByteAt?: number;
  /** Downloads and uploads of blobs answer with this status. */
  blobStatus?: number;
  /** Downloads are this archive instead. */
  replaceWith?: Buffer;
}

export interface BlobExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly faults: BlobFaults;
}

export class BlobStore {
  readonly #blobs = new Map<string, Buffer>();
  readonly #blocks = new Map<string, Map<string, Buffer>>();

  get(id: string): Buffer | undefined {
    return this.#blobs.get(id);
  }

  /** Replaces what is stored, behind the service's back. */
  set(id: string, bytes: Buffer): void {
    this.#blobs.set(id, bytes);
  }

  delete(id: string): void {
    this.#blobs.delete(id);
  }

  async serve(exchange: BlobExchange): Promise<void> {
    const { request, response, url, faults } = exchange;
    response.setHeader('x-ms-request-id', '1').setHeader('x-ms-version', '2025-01-05');
    const id = url.pathname.split('/')[3] ?? '';
    const body = await readAll(request);
    if (!url.searchParams.has('sig')) fail(response, 403, 'AuthenticationFailed');
    else if (faults.blobStatus !== undefined) fail(response, faults.blobStatus, 'ServerBusy');
    else if (request.method === 'PUT') this.#put(exchange, id, body);
    else if (!this.#blobs.has(id)) fail(response, 404, 'BlobNotFound');
    else this.#get(exchange, damage(this.#blobs.get(id) ?? Buffer.alloc(0), faults));
  }

  #put({ response, url }: BlobExchange, id: string, body: Buffer): void {
    const blocks = this.#blocks.get(id) ?? new Map<string, Buffer>();
    this.#blocks.set(id, blocks);
    const kind = url.searchParams.get('comp');
    if (kind === 'block') blocks.set(url.searchParams.get('blockid') ?? '', body);
    else if (kind === 'blocklist') {
      const ids = [...body.toString().matchAll(/<Latest>([^<]*)<\/Latest>/g)].map((match) => match[1] ?? '');
      const parts = ids.map((each) => blocks.get(each));
      if (parts.includes(undefined)) {
        fail(response, 400, 'InvalidBlockList');
        return;
      }
      this.#blobs.set(id, Buffer.concat(parts.filter((part) => part !== undefined)));
    } else this.#blobs.set(id, body);
    response.writeHead(201, { etag: '"1"', 'content-length': 0 }).end();
  }

  #get({ request, response }: BlobExchange, bytes: Buffer): void {
    const header = String(request.headers['x-ms-range'] ?? request.headers.range ?? '');
    const asked = /^bytes=(\d+)-(\d*)$/.exec(header);
    const start = Number(asked?.[1] ?? 0);
    const end = Math.min(asked?.[2] ? Number(asked[2]) + 1 : bytes.length, bytes.length);
    if (asked && start >= bytes.length) {
      fail(response, 416, 'InvalidRange');
      return;
    }
    response.writeHead(asked ? 206 : 200, {
      'content-length': end - start,
      'content-type': 'application/octet-stream',
      'accept-ranges': 'bytes',
      etag: '"1"',
      'last-modified': new Date(0).toUTCString(),
      'x-ms-blob-type': 'BlockBlob',
      ...(asked ? { 'content-range': `bytes ${start}-${end - 1}/${bytes.length}` } : {}),
    });
    response.end(request.method === 'HEAD' ? undefined : bytes.subarray(start, end));
  }
}

function damage(stored: Buffer, faults: BlobFaults): Buffer {
  const bytes = Buffer.from(faults.replaceWith ?? stored).subarray(0, faults.truncateTo);
  const index = faults.flipByteAt ?? Number.NaN;
  const at = index < 0 ? bytes.length + index : index;
  const byte = bytes[at];
  if (byte !== undefined) bytes[at] = byte ^ 0xff;
  return bytes;
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
