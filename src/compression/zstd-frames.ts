// Finds the frames of a Zstandard stream from their headers, without decoding. Node 24's decoder stops silently after the
// first frame it meets in a buffer, so whoever decodes must know where each frame ends.
// Format: https://www.rfc-editor.org/rfc/rfc8878#section-3.1
import { PullError } from '../errors.ts';

const FRAME_MAGIC = 0xfd2fb528; // RFC 8878, 3.1.1
const SKIPPABLE_MAGIC = 0x184d2a50; // RFC 8878, 3.1.2: 0x184D2A50 to 0x184D2A5F
const MAX_BLOCK_SIZE = 128 * 1024; // RFC 8878, 3.1.1.2.4: Block_Maximum_Size
const RLE_BLOCK = 1; // RFC 8878, 3.1.1.2.2
const COMPRESSED_BLOCK = 2;
const RESERVED_BLOCK = 3;
/** Decoder memory a frame may ask for. zstd itself refuses more than 2^27 unless told otherwise. */
const MAX_WINDOW_SIZE = 2 ** 27;

/** Is this the beginning of a Zstandard stream (a frame, or a skippable frame)? */
export function isZstdMagic(bytes: Uint8Array): boolean {
  if (bytes.length < 4) return false;
  const magic = readUInt32(bytes, 0);
  return magic === FRAME_MAGIC || (magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC;
}

/** One finished frame. */
export interface FrameInfo {
  readonly skippable: boolean;
  /** Bytes of the frame, headers and checksum included (compressed side). */
  readonly compressedSize: number;
  /** What it decodes to by its own account, in bytes: exact where the header tells, else the same as blockBound. */
  readonly maxSize: number;
  /** What its blocks can hold at most: a header may lie, and decoders notice it only at the end of the frame. */
  readonly blockBound: number;
}

/** Walks frame and block headers of a stream that arrives in slices of any size. */
export class FrameWalker {
  readonly #scratch = new Uint8Array(16);
  #gathered = 0;
  #wanted = 4;
  #skip = 0;
  #step: 'magic' | 'descriptor' | 'header' | 'skippable' | 'block' = 'magic';
  #checksum = false;
  #contentSize: number | undefined;
  #frameBytes = 0;
  #bound = 0;
  #skippable = false;
  #singleSegment = false;
  #contentSizeBytes = 0;

  /** Bytes of the unfinished frame seen so far; 0 between frames. */
  get pending(): number {
    return this.#frameBytes;
  }

  /**
   * Consumes bytes up to the end of the current frame, or all of them. Returns how many were consumed, and the frame if it ended.
   * Throws TAR_INVALID where there is no frame.
   */
  advance(bytes: Uint8Array, from: number): { consumed: number; frame?: FrameInfo } {
    let at = from;
    for (;;) {
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, bytes.length - at);
        at += step;
        this.#skip -= step;
        this.#frameBytes += step;
        if (this.#skip > 0) return { consumed: at - from };
      }
      if (this.#wanted === 0) return { consumed: at - from, frame: this.#finish() };
      while (this.#gathered < this.#wanted && at < bytes.length) {
        this.#scratch[this.#gathered++] = bytes[at++] as number;
        this.#frameBytes++;
      }
      if (this.#gathered < this.#wanted) return { consumed: at - from };
      this.#gathered = 0;
      this.#next();
    }
  }

  #finish(): FrameInfo {
    const frame = {
      skippable: this.#skippable,
      compressedSize: this.#frameBytes,
      maxSize: this.#contentSize ?? this.#bound,
      blockBound: this.#bound,
    };
    this.#frameBytes = 0;
    this.#bound = 0;
    this.#contentSize = undefined;
    this.#wanted = 4;
    this.#step = 'magic';
    return frame;
  }

  #next(): void {
    if (this.#step === 'magic') this.#onMagic();
    else if (this.#step === 'skippable') this.#onSkippable();
    else if (this.#step === 'descriptor') this.#onDescriptor(this.#scratch[0] as number);
    else if (this.#step === 'header') this.#onHeader();
    else this.#onBlock();
  }

  #onSkippable(): void {
    this.#skip = readUInt32(this.#scratch, 0);
    this.#wanted = 0;
  }

  #onMagic(): void {
    const magic = readUInt32(this.#scratch, 0);
    this.#skippable = (magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC;
    if (!this.#skippable && magic !== FRAME_MAGIC)
      throw invalid('there is no zstd frame where one should begin');
    this.#step = this.#skippable ? 'skippable' : 'descriptor';
    this.#wanted = this.#skippable ? 4 : 1;
  }

  // https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1.1.1
  #onDescriptor(descriptor: number): void {
    const singleSegment = (descriptor & 0x20) !== 0;
    const contentSizeFlag = descriptor >> 6;
    this.#checksum = (descriptor & 0x04) !== 0;
    const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] as number;
    const contentSizeBytes = contentSizeFlag === 0 ? (singleSegment ? 1 : 0) : 1 << contentSizeFlag;
    this.#wanted = (singleSegment ? 0 : 1) + dictionaryBytes + contentSizeBytes;
    if (dictionaryBytes > 0) throw invalid('a zstd frame needs a dictionary');
    if ((descriptor & 0x08) !== 0) throw invalid('a zstd frame has its reserved bit set');
    this.#singleSegment = singleSegment;
    this.#contentSizeBytes = contentSizeBytes;
    this.#step = 'header';
    if (this.#wanted === 0) this.#onHeader();
  }

  #onHeader(): void {
    const at = this.#singleSegment ? 0 : 1;
    this.#contentSize = readContentSize(this.#scratch, at, this.#contentSizeBytes);
    const window = this.#singleSegment ? (this.#contentSize ?? 0) : windowSize(this.#scratch[0] as number);
    if (window > MAX_WINDOW_SIZE) {
      throw new PullError(
        'LIMIT_EXCEEDED',
        `a zstd frame asks for a window of ${window} bytes; the limit is ${MAX_WINDOW_SIZE}`,
      );
    }
    this.#step = 'block';
    this.#wanted = 3;
  }

  // https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1.2
  #onBlock(): void {
    const header =
      (this.#scratch[0] as number) |
      ((this.#scratch[1] as number) << 8) |
      ((this.#scratch[2] as number) << 16);
    const type = (header >> 1) & 3;
    const size = header >> 3;
    if (type === RESERVED_BLOCK) throw invalid('a zstd frame holds a block of the reserved type');
    this.#bound += type === COMPRESSED_BLOCK ? MAX_BLOCK_SIZE : size;
    this.#skip = type === RLE_BLOCK ? 1 : size;
    if ((header & 1) === 0) return;
    if (this.#checksum) this.#skip += 4;
    this.#wanted = 0;
  }
}

/** All frames of a buffer that holds only whole frames. Throws TAR_INVALID otherwise. */
export function scanFrames(bytes: Uint8Array): FrameInfo[] {
  const walker = new FrameWalker();
  const frames: FrameInfo[] = [];
  for (let at = 0; at < bytes.length; ) {
    const { consumed, frame } = walker.advance(bytes, at);
    at += consumed;
    if (frame) frames.push(frame);
  }
  if (walker.pending > 0) throw invalid('a zstd frame is cut off');
  return frames;
}

// https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1.1.2
function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

// https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1.1.4
function readContentSize(bytes: Uint8Array, at: number, length: number): number | undefined {
  if (length === 0) return undefined;
  if (length === 1) return bytes[at] as number;
  if (length === 2) return ((bytes[at] as number) | ((bytes[at + 1] as number) << 8)) + 256;
  const low = readUInt32(bytes, at);
  return length === 4 ? low : low + readUInt32(bytes, at + 4) * 2 ** 32;
}

function readUInt32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  );
}

function invalid(message: string): PullError {
  return new PullError('TAR_INVALID', message);
}
