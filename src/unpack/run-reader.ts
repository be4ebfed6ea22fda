// Decodes the chunks of a layer in tar order. Neighbours in a pack are decoded together, some runs ahead of the consumer.
import { release } from '../bytes/release.ts';
import { decodeFrames } from '../compression/zstd.ts';
import { decodeZstdStream } from '../compression/zstd-stream.ts';
import { PullError } from '../errors.ts';
import type { ProgressBoard } from '../workers/progress-board.ts';
import { type InputFiles, readBlob } from './inputs.ts';

/** By chunk of a layer, in tar order: where its stored bytes are, and since when. Same columns as the plan's ChunkSources. */
export interface ChunkColumns {
  readonly files: Uint32Array;
  readonly offsets: Float64Array;
  readonly compressedSizes: Float64Array;
  /** Bytes after decoding. */
  readonly sizes: Float64Array;
  readonly groups: Int32Array;
  readonly ready: Float64Array;
}

/** Runs of this size decode as fast as larger ones, and leave less behind in the allocator; see release.ts for the figures. */
const RUN_BYTES = 256 << 10;
const RUN_OUTPUT = 1 << 20;
/** Runs being decoded while the consumer works on the one before. */
const RUNS_AHEAD = 2;
/** A chunk larger than this is streamed. Only runs of zeros grow so large in practice. */
const LARGE_CHUNK = 32 << 20;

interface Run {
  /** One past the last chunk. */
  readonly end: number;
  readonly bytes: Promise<Uint8Array>;
}

export class RunReader {
  readonly #columns: ChunkColumns;
  readonly #files: InputFiles;
  readonly #board: ProgressBoard;
  readonly #ahead: Run[] = [];
  readonly #spare: Buffer[] = [];
  #nextChunk = 0;
  #current: { end: number; bytes: Uint8Array } = { end: 0, bytes: new Uint8Array() };
  #position = 0;

  constructor(columns: ChunkColumns, files: InputFiles, board: ProgressBoard) {
    this.#columns = columns;
    this.#files = files;
    this.#board = board;
  }

  /**
   * Emits the content of chunk `index`. Chunks have to be asked for in order, each once. Returns a promise only where it has to wait,
   * because most chunks are small and at hand.
   */
  emit(index: number, sink: (bytes: Uint8Array) => void): Promise<void> | undefined {
    if (index >= this.#current.end) return this.#emitLater(index, sink);
    const size = this.#columns.sizes[index] as number;
    sink(this.#current.bytes.subarray(this.#position, this.#position + size));
    this.#position += size;
    return undefined;
  }

  async #emitLater(index: number, sink: (bytes: Uint8Array) => void): Promise<void> {
    if (isLarge(this.#columns, index)) {
      this.#nextChunk = Math.max(this.#nextChunk, index + 1);
      return this.#emitLarge(index, sink);
    }
    this.#refill();
    const run = this.#ahead.shift() as Run;
    this.#refill();
    release(this.#current.bytes);
    this.#current = { end: run.end, bytes: await run.bytes };
    this.#position = 0;
    this.emit(index, sink);
  }

  async #emitLarge(index: number, sink: (bytes: Uint8Array) => void): Promise<void> {
    await this.#ready(index);
    const { files, offsets, compressedSizes } = this.#columns;
    const blob = {
      file: files[index] as number,
      offset: offsets[index] as number,
      compressedSize: compressedSizes[index] as number,
      groups: [],
      groupBytes: 1,
    };
    let left = this.#columns.sizes[index] as number;
    await decodeZstdStream(readBlob(this.#files, blob, this.#board), (bytes) => {
      left -= bytes.length;
      if (left < 0) throw new PullError('TAR_INVALID', 'a chunk is longer than it should be');
      sink(bytes);
    });
  }

  #refill(): void {
    const count = this.#columns.sizes.length;
    while (
      this.#ahead.length < RUNS_AHEAD &&
      this.#nextChunk < count &&
      !isLarge(this.#columns, this.#nextChunk)
    ) {
      const first = this.#nextChunk;
      const end = runEnd(this.#columns, first);
      const bytes = this.#decode(first, end);
      bytes.catch(() => undefined);
      this.#ahead.push({ end, bytes });
      this.#nextChunk = end;
    }
  }

  async #decode(first: number, end: number): Promise<Uint8Array> {
    const { files, offsets, compressedSizes, sizes } = this.#columns;
    let compressedSize = 0;
    let size = 0;
    for (let index = first; index < end; index++) {
      await this.#ready(index);
      compressedSize += compressedSizes[index] as number;
      size += sizes[index] as number;
    }
    // One of few that are used over and over: what is left of thousands of buffers of all sizes adds up to tens of megabytes.
    const spare = this.#spare.pop() ?? Buffer.allocUnsafeSlow(RUN_BYTES);
    const memory = compressedSize <= RUN_BYTES ? spare : Buffer.allocUnsafeSlow(compressedSize);
    const stored = memory.subarray(0, compressedSize);
    this.#files.readInto(stored, files[first] as number, offsets[first] as number);
    const decoded = await decodeFrames(stored, size);
    this.#spare.push(spare);
    return decoded;
  }

  /** Not async: for nearly all chunks there is nothing to wait for. */
  #ready(index: number): Promise<void> | undefined {
    const group = this.#columns.groups[index] as number;
    const amount = this.#columns.ready[index] as number;
    return group === -1 || this.#board.has(group, amount) ? undefined : this.#board.waitFor(group, amount);
  }
}

function isLarge(columns: ChunkColumns, index: number): boolean {
  return (
    (columns.sizes[index] as number) > LARGE_CHUNK || (columns.compressedSizes[index] as number) > LARGE_CHUNK
  );
}

/** Chunks that follow one another in one file, up to the size of a run. */
function runEnd(columns: ChunkColumns, first: number): number {
  const { files, offsets, compressedSizes, sizes } = columns;
  let end = first + 1;
  let position = (offsets[first] as number) + (compressedSizes[first] as number);
  let stored = compressedSizes[first] as number;
  let output = sizes[first] as number;
  while (
    end < sizes.length &&
    files[end] === files[first] &&
    offsets[end] === position &&
    !isLarge(columns, end)
  ) {
    stored += compressedSizes[end] as number;
    output += sizes[end] as number;
    if (stored > RUN_BYTES || output > RUN_OUTPUT) break;
    position += compressedSizes[end] as number;
    end++;
  }
  return end;
}
