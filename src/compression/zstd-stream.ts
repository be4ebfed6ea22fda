// Decoding a stream of Zstandard frames of any number and size: small ones many at a time, large ones as they come.
import zlib from 'node:zlib';
import { release } from '../bytes/release.ts';
import { PullError } from '../errors.ts';
import { type Decoder, decodeThrough } from './decoder.ts';
import { broken, excessOf, MAX_BATCH_OUTPUT, MAX_EXCESS } from './zstd.ts';
import { type FrameInfo, FrameWalker, scanFrames } from './zstd-frames.ts';
import { type Decompress, loadNativeDecompress } from './zstd-native.ts';

/** Frames are decoded in batches of about this many compressed bytes: one call for each of 90,000 frames would take half as long again. */
const BATCH_BYTES = 256 << 10;
/** A batch that decodes to so much is large enough; see release.ts for what larger pieces cost. */
const BATCH_OUTPUT = 1 << 20;
/** A frame longer than this is streamed instead of gathered. */
const STREAM_FROM = 4 << 20;
/** Batches being decoded while the sink works on the one before. */
const BATCHES_AHEAD = 3;
const STREAM_CHUNK = 1 << 20;

type Sink = (bytes: Uint8Array) => void;

/**
 * Decodes a stream of frames of any number and size into `sink`, in order. Memory stays bounded whatever the stream says.
 * `input` may overwrite a piece once the next is asked for; `sink` may read its bytes during the call only.
 * Throws TAR_INVALID for a stream that is broken or cut off; what `sink` throws passes through.
 */
export async function decodeZstdStream(
  input: AsyncIterable<Uint8Array>,
  sink: Sink,
  load = loadNativeDecompress,
): Promise<void> {
  const frames = new FrameDecoder(sink, load());
  try {
    for await (const bytes of input) await frames.push(bytes);
    await frames.end();
  } finally {
    frames.destroy();
  }
}

class FrameDecoder {
  readonly #walker = new FrameWalker();
  readonly #batches: BatchQueue;
  readonly #sink: Sink;
  /** Whole frames that wait, then the one that is not whole yet. */
  #gathered: Buffer = Buffer.allocUnsafe(2 * BATCH_BYTES);
  #whole = 0;
  #length = 0;
  #bound = 0;
  /** The largest of its frames: the first one that lies ends the decoding. */
  #excess = 0;
  /** Of a frame too large to be gathered. */
  #stream: Decoder | undefined;

  constructor(sink: Sink, native: Decompress | undefined) {
    this.#sink = sink;
    this.#batches = new BatchQueue(sink, native);
  }

  async push(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const { consumed, frame } = this.#walker.advance(bytes, at);
      const part = bytes.subarray(at, at + consumed);
      at += consumed;
      if (!this.#stream && !frame && this.#walker.pending > STREAM_FROM) await this.#startStream();
      if (this.#stream) await this.#streamOn(this.#stream, part, frame !== undefined);
      else {
        // One that has to be decoded alone must not take its neighbours along: one by one is a hundred times slower.
        if (frame && excessOf(frame) > MAX_EXCESS) await this.#flush();
        this.#gather(part, frame);
        if (this.#excess > MAX_EXCESS) await this.#flush();
      }
      if (this.#whole >= BATCH_BYTES || this.#bound >= BATCH_OUTPUT) await this.#flush();
    }
  }

  async end(): Promise<void> {
    if (this.#walker.pending > 0) throw new PullError('TAR_INVALID', 'the zstd stream is cut off');
    await this.#flush();
    await this.#batches.drain();
  }

  destroy(): void {
    this.#stream?.destroy();
  }

  #gather(part: Uint8Array, frame: FrameInfo | undefined): void {
    const length = this.#length + part.length;
    if (length > this.#gathered.length) this.#gathered = grown(this.#gathered, this.#length, length);
    this.#gathered.set(part, this.#length);
    this.#length = length;
    if (!frame) return;
    if (frame.skippable) this.#length = this.#whole;
    else {
      this.#bound += frame.maxSize;
      this.#excess = Math.max(this.#excess, excessOf(frame));
    }
    this.#whole = this.#length;
  }

  /** Hands the whole frames over; what follows them moves to the front. */
  async #flush(): Promise<void> {
    if (this.#whole === 0) return;
    const bytes = Buffer.allocUnsafeSlow(this.#whole);
    this.#gathered.copy(bytes, 0, 0, this.#whole);
    this.#gathered.copy(this.#gathered, 0, this.#whole, this.#length);
    const batch = { bytes, bound: this.#bound, excess: this.#excess };
    this.#length -= this.#whole;
    [this.#whole, this.#bound, this.#excess] = [0, 0, 0];
    await this.#batches.add(batch);
  }

  async #startStream(): Promise<void> {
    await this.#flush();
    await this.#batches.drain();
    this.#stream = decodeThrough(zlib.createZstdDecompress({ chunkSize: STREAM_CHUNK }), this.#sink);
    const begun = Buffer.from(this.#gathered.subarray(0, this.#length));
    this.#length = 0;
    await this.#stream.write(begun);
  }

  async #streamOn(stream: Decoder, part: Uint8Array, isLast: boolean): Promise<void> {
    await stream.write(part);
    if (!isLast) return;
    await stream.end();
    this.#stream = undefined;
  }
}

/** Room for `length` bytes and some more. */
function grown(buffer: Buffer, used: number, length: number): Buffer {
  const larger = Buffer.allocUnsafe(2 * length);
  buffer.copy(larger, 0, 0, used);
  return larger;
}

interface Batch {
  readonly bytes: Buffer;
  readonly bound: number;
  readonly excess: number;
}

/** Batches of whole frames, decoded several at a time and handed on in order. */
class BatchQueue {
  readonly #sink: Sink;
  readonly #native: Decompress | undefined;
  readonly #ahead: Promise<Buffer>[] = [];

  constructor(sink: Sink, native: Decompress | undefined) {
    this.#sink = sink;
    this.#native = native;
  }

  async add(batch: Batch): Promise<void> {
    if (this.#native && batch.bound <= MAX_BATCH_OUTPUT && batch.excess <= MAX_EXCESS) {
      const output = this.#native(batch.bytes).catch(broken);
      output.then(() => release(batch.bytes)).catch(() => undefined);
      this.#ahead.push(output);
      if (this.#ahead.length > BATCHES_AHEAD || batch.bound > 4 * BATCH_OUTPUT) await this.#emit();
    } else {
      await this.drain();
      await this.#decodeOneByOne(batch.bytes);
    }
  }

  async drain(): Promise<void> {
    while (this.#ahead.length > 0) await this.#emit();
  }

  async #emit(): Promise<void> {
    const output = await (this.#ahead.shift() as Promise<Buffer>);
    this.#sink(output);
    release(output);
  }

  async #decodeOneByOne(bytes: Buffer): Promise<void> {
    let at = 0;
    for (const { compressedSize } of scanFrames(bytes)) {
      const decoder = decodeThrough(zlib.createZstdDecompress({ chunkSize: STREAM_CHUNK }), this.#sink);
      try {
        await decoder.write(bytes.subarray(at, at + compressedSize));
        await decoder.end();
      } finally {
        decoder.destroy();
      }
      at += compressedSize;
    }
  }
}
