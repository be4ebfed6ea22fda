// Decoding Zstandard safely: no frame is lost, and no output is larger than what the caller allows.
import zlib from 'node:zlib';
import { PullError } from '../errors.ts';
import { decodeThrough } from './decoder.ts';
import { type FrameInfo, FrameWalker, scanFrames } from './zstd-frames.ts';
import { type Decompress, loadNativeDecompress } from './zstd-native.ts';

/** Frames are decoded in batches of about this many compressed bytes: 96,000 frames in 1.5 s instead of 1.9–2.5 s one by one. */
const BATCH_BYTES = 1 << 20;
/** A batch is decoded at one go only if it cannot grow beyond this. */
const MAX_BATCH_OUTPUT = 64 << 20;
/** A frame whose blocks can hold this much more than its header says is not decoded at one go. Blocks may be half empty. */
const MAX_EXCESS = 8 << 20;
/** A frame longer than this is streamed instead of gathered. */
const STREAM_FROM = 4 << 20;

/**
 * Decodes a buffer of whole frames that must give exactly `size` bytes. Throws TAR_INVALID otherwise, before it uses
 * much more memory than that.
 */
export async function decodeFrames(
  bytes: Uint8Array,
  size: number,
  load = loadNativeDecompress,
): Promise<Uint8Array> {
  const native = load();
  const frames = scanFrames(bytes);
  const bound = frames.reduce((sum, frame) => sum + (frame.skippable ? 0 : frame.maxSize), 0);
  const excess = frames.reduce((most, frame) => Math.max(most, excessOf(frame)), 0);
  // A small frame often does not tell its size, and then counts as whole blocks: hence the slack.
  const safe =
    frames.length > 0 &&
    excess <= MAX_EXCESS &&
    bound <= size + frames.length * (128 << 10) &&
    bound <= Math.max(MAX_BATCH_OUTPUT, size + (1 << 20));
  const output =
    native && safe ? await native(toBuffer(bytes)).catch(broken) : decodeOneByOne(bytes, frames, size);
  if (output.length !== size) {
    throw new PullError('TAR_INVALID', `zstd frames decode to ${output.length} bytes instead of ${size}`);
  }
  return output;
}

function decodeOneByOne(
  bytes: Uint8Array,
  frames: readonly { skippable: boolean; compressedSize: number }[],
  size: number,
): Uint8Array {
  const parts: Uint8Array[] = [];
  let at = 0;
  let left = size;
  for (const frame of frames) {
    const part = bytes.subarray(at, at + frame.compressedSize);
    at += frame.compressedSize;
    if (frame.skippable) continue;
    const output = decodeOne(part, left);
    left -= output.length;
    parts.push(output);
  }
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
}

function decodeOne(frame: Uint8Array, maxSize: number): Uint8Array {
  try {
    return zlib.zstdDecompressSync(frame, { maxOutputLength: Math.max(1, maxSize) });
  } catch (cause) {
    return broken(cause);
  }
}

/**
 * Decodes a stream of frames of any number and size into `sink`, in order. Memory stays bounded whatever the stream says.
 * `sink` gets bytes that it may keep. Throws TAR_INVALID for a stream that is broken or cut off; what `sink` throws passes through.
 */
export async function decodeZstdStream(
  input: AsyncIterable<Uint8Array>,
  sink: (bytes: Uint8Array) => void,
  load = loadNativeDecompress,
): Promise<void> {
  const walker = new FrameWalker();
  let batch = newBatch();
  let gathering: Uint8Array[] = [];
  let stream: ReturnType<typeof decodeThrough> | undefined;
  for await (const bytes of input) {
    for (let at = 0; at < bytes.length; ) {
      const { consumed, frame } = walker.advance(bytes, at);
      const part = bytes.subarray(at, at + consumed);
      at += consumed;
      if (!stream && !frame && walker.pending > STREAM_FROM) {
        await flush(batch, sink, load());
        batch = newBatch();
        stream = decodeThrough(zlib.createZstdDecompress({ chunkSize: BATCH_BYTES }), sink);
        for (const earlier of gathering) await stream.write(earlier);
        gathering = [];
      }
      if (stream) {
        await stream.write(part);
        if (frame) await stream.end();
        if (frame) stream = undefined;
        continue;
      }
      gathering.push(part);
      if (!frame) continue;
      if (!frame.skippable) add(batch, gathering, frame);
      gathering = [];
      if (batch.bytes < BATCH_BYTES && batch.bound < MAX_BATCH_OUTPUT / 2) continue;
      await flush(batch, sink, load());
      batch = newBatch();
    }
  }
  if (walker.pending > 0) throw new PullError('TAR_INVALID', 'the zstd stream is cut off');
  await flush(batch, sink, load());
}

interface Batch {
  parts: Uint8Array[];
  bytes: number;
  bound: number;
  /** The largest of its frames: the first one that lies ends the decoding. */
  excess: number;
}

function newBatch(): Batch {
  return { parts: [], bytes: 0, bound: 0, excess: 0 };
}

function add(batch: Batch, parts: readonly Uint8Array[], frame: FrameInfo): void {
  for (const part of parts) {
    batch.parts.push(part);
    batch.bytes += part.length;
  }
  batch.bound += frame.maxSize;
  batch.excess = Math.max(batch.excess, excessOf(frame));
}

/** What may come out of a frame beyond its own account before the decoder notices. */
function excessOf(frame: FrameInfo): number {
  return frame.blockBound - frame.maxSize;
}

async function flush(
  batch: Batch,
  sink: (bytes: Uint8Array) => void,
  native: Decompress | undefined,
): Promise<void> {
  if (batch.bytes === 0) return;
  const bytes = Buffer.concat(batch.parts);
  if (native && batch.bound <= MAX_BATCH_OUTPUT && batch.excess <= MAX_EXCESS)
    return sink(await native(bytes).catch(broken));
  let at = 0;
  for (const { compressedSize } of scanFrames(bytes)) {
    const decoder = decodeThrough(zlib.createZstdDecompress({ chunkSize: BATCH_BYTES }), sink);
    await decoder.write(bytes.subarray(at, at + compressedSize));
    await decoder.end();
    at += compressedSize;
  }
}

function broken(cause: unknown): never {
  throw new PullError('TAR_INVALID', 'zstd data cannot be decoded', { cause });
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
