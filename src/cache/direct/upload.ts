// Uploads a file to a signed URL of Azure block storage, as one blob or in blocks: straight from the file, several at a time.
import { randomUUID } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { ByteRange } from '../../bytes/range.ts';
import { headerOf } from '../../http/exchange.ts';
import { parseRetryAfter } from '../../http/retry-after.ts';
import { forEachUntilFailure } from '../parallel.ts';
import { partsOf } from './download.ts';
import { CacheFault } from './fault.ts';
import type { Transport } from './http.ts';
import { type Patience, withRetries } from './retry.ts';
import { withQuery } from './signed-url.ts';
import type { Slots } from './slots.ts';

/** What goes out in one request, and again if it fails; 4 × 4 to 64 MiB × 4 saved 300 MB in 1.0 to 1.3 s, see PART_BYTES. */
export const BLOCK_BYTES = 8 << 20;
/** Bodies on their way at the same time, of all entries of a job. */
export const PARALLEL_WRITES = 8;
/** Read from the file at once, for each body: 64 KiB, 256 KiB and 1 MiB saved 300 MB in 1.2, 1.1 and 0.7 s, with 207, 200 and 225 MiB, once. */
const READ_BYTES = 256 << 10;

export interface Upload {
  readonly transport: Transport;
  readonly slots: Slots;
  readonly patience: Patience;
  readonly scale: number;
  readonly signal: AbortSignal;
  readonly url: URL;
}

/** `size` bytes of `file` from its start. Nothing is visible before all of it is there. Throws CacheFault, what the system throws, or the signal's reason. */
export async function uploadFile(upload: Upload, file: FileHandle, size: number): Promise<void> {
  if (size <= BLOCK_BYTES) {
    const whole = { start: 0, end: size };
    await put(upload, upload.url, { 'x-ms-blob-type': 'BlockBlob' }, () => bodyOf(file, whole));
    return;
  }
  const prefix = randomUUID();
  const blocks = partsOf([{ start: 0, end: size }], BLOCK_BYTES).map((range, index) => ({
    range,
    id: blockId(prefix, index),
  }));
  const parallel = { limit: PARALLEL_WRITES, signal: upload.signal };
  await forEachUntilFailure(blocks, parallel, async ({ id, range }, signal) => {
    const url = withQuery(upload.url, `comp=block&blockid=${encodeURIComponent(id)}`);
    await put({ ...upload, signal }, url, {}, () => bodyOf(file, range));
  });
  const list = Buffer.from(blockList(blocks.map(({ id }) => id)));
  const headers = { 'content-type': 'application/xml' };
  await put(upload, withQuery(upload.url, 'comp=blocklist'), headers, () => ({
    body: list,
    length: list.length,
  }));
}

/** https://learn.microsoft.com/rest/api/storageservices/put-block-list */
function blockList(ids: readonly string[]): string {
  const items = ids.map((id) => `<Latest>${id}</Latest>`).join('');
  return `<?xml version="1.0" encoding="utf-8"?><BlockList>${items}</BlockList>`;
}

/** As the storage SDK makes them, of one length in all blocks; services that imitate Azure take the index from there. */
function blockId(prefix: string, index: number): string {
  return Buffer.from(prefix + String(index).padStart(48 - prefix.length, '0')).toString('base64');
}

interface Body {
  readonly body: Readable | Uint8Array;
  readonly length: number;
}

function bodyOf(file: FileHandle, range: ByteRange): Body {
  const length = range.end - range.start;
  if (length === 0) return { body: new Uint8Array(0), length };
  return { body: Readable.from(readPieces(file, range), { objectMode: false, highWaterMark: 1 }), length };
}

/** Not a stream of the handle: each of those leaves a listener on it, and keeps it from being closed. */
async function* readPieces(file: FileHandle, { start, end }: ByteRange): AsyncGenerator<Buffer> {
  for (let position = start; position < end; ) {
    const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, end - position));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) throw new Error('the file has become shorter while it was saved');
    yield buffer.subarray(0, bytesRead);
    position += bytesRead;
  }
}

async function put(
  { transport, slots, patience, scale, signal }: Upload,
  url: URL,
  headers: Record<string, string>,
  makeBody: () => Body,
): Promise<void> {
  async function attempt(): Promise<void> {
    const { body, length } = makeBody();
    const all = { ...headers, 'content-length': String(length) };
    const request = { url, headers: all, body, signal, what: 'upload of a cache entry' };
    const answer = await transport.send({ ...request, method: 'PUT' });
    answer.body.destroy();
    const { status } = answer;
    if (status === 201 || status === 200) return;
    throw uploadFault(url, status, parseRetryAfter(headerOf(answer, 'retry-after'), Date.now()));
  }
  await slots(() => withRetries({ patience, scale, signal }, attempt));
}

function uploadFault(url: URL, status: number, retryAfter: number | undefined): CacheFault {
  const text = `the cache storage at ${url.host} answered ${status} to an upload`;
  if (status === 429) return new CacheFault('throttled', text, { isTransient: true, retryAfter });
  // The URL has expired, or the blob is gone; there is no second one for the same reservation.
  if ([401, 403, 404, 409, 410, 412].includes(status)) return new CacheFault('gone', text);
  if ([408, 500, 502, 503, 504].includes(status))
    return new CacheFault('network', text, { isTransient: true, retryAfter });
  return new CacheFault('protocol', text);
}
