// One way in for every layer compression.
import zlib from 'node:zlib';
import { decodeThrough } from './decoder.ts';
import { isZstdMagic } from './zstd-frames.ts';
import { decodeZstdStream } from './zstd-stream.ts';

export type Compression = 'none' | 'gzip' | 'zstd';

/** Output of gunzip per step. zlib's default of 16 KiB costs a thread round trip each; see docs/performance.md. */
const GUNZIP_CHUNK = 1 << 20;
const MAGIC_BYTES = 4;

/** What the first bytes of a layer say it is; media types are sometimes wrong, and other tools go by the bytes too. */
export function sniffCompression(head: Uint8Array): Compression {
  if (head.length >= 3 && head[0] === 0x1f && head[1] === 0x8b && head[2] === 0x08) return 'gzip'; // RFC 1952, 2.3.1
  return isZstdMagic(head) ? 'zstd' : 'none';
}

/**
 * Decompresses a whole layer into `sink`, in order, all members or frames of it; the bytes tell which compression it is.
 * `input` may overwrite a piece once the next is asked for; `sink` may read its bytes during the call only.
 * Throws TAR_INVALID for broken or cut-off input; what `sink` throws passes through.
 */
export async function decompress(
  input: AsyncIterable<Uint8Array>,
  sink: (bytes: Uint8Array) => void,
): Promise<void> {
  const iterator = input[Symbol.asyncIterator]();
  const head = await readHead(iterator);
  const all = resume(head, iterator);
  switch (sniffCompression(head)) {
    case 'zstd':
      return decodeZstdStream(all, sink);
    case 'gzip':
      return gunzip(all, sink);
    case 'none':
      for await (const bytes of all) sink(bytes);
  }
}

async function gunzip(input: AsyncIterable<Uint8Array>, sink: (bytes: Uint8Array) => void): Promise<void> {
  const decoder = decodeThrough(zlib.createGunzip({ chunkSize: GUNZIP_CHUNK }), sink);
  try {
    for await (const bytes of input) await decoder.write(bytes);
    await decoder.end();
  } finally {
    decoder.destroy();
  }
}

/** What sniffCompression wants to see, at least, unless there is less: the first slice may be shorter. */
async function readHead(iterator: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  let head: Uint8Array = new Uint8Array();
  while (head.length < MAGIC_BYTES) {
    const next = await iterator.next();
    if (next.done) break;
    // The next piece may overwrite this one.
    head =
      head.length === 0 && next.value.length >= MAGIC_BYTES ? next.value : Buffer.concat([head, next.value]);
  }
  return head;
}

/** Ends the input too when the consumer stops early. */
async function* resume(head: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    if (head.length > 0) yield head;
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}
