// Decodes the chunks of a layer in tar order, many at a time and some runs ahead of the consumer.
import { release } from '../bytes/release.ts';
import { decodeFrames } from '../compression/zstd.ts';
import { decodeZstdStream } from '../compression/zstd-stream.ts';
import { PullError } from '../errors.ts';
import type { ProgressBoard } from '../workers/progress-board.ts';
import { type BlobInput, type InputFiles, readBlob } from './inputs.ts';
import { type ChunksInMember, decodeMember, decodePiece } from './piece.ts';
import { type ChunkColumns, gatherRun, isAlone, RUN_BYTES, runEnd } from './run.ts';

/** Runs being decoded while the consumer works on the one before. */
const RUNS_AHEAD = 2;

interface Run {
  /** One past the last chunk. */
  readonly end: number;
  readonly bytes: Promise<Uint8Array>;
}

export class RunReader {
  readonly #columns: ChunkColumns;
  readonly #files: InputFiles;
  readonly #board: ProgressBoard;
  readonly #count: (bytes: number) => void;
  readonly #ahead: Run[] = [];
  readonly #spare: Buffer[] = [];
  #nextChunk = 0;
  #current: { end: number; bytes: Uint8Array } = { end: 0, bytes: new Uint8Array() };
  #position = 0;

  /** `count`: is told how much members decode to, also of what is in no chunk and goes nowhere. */
  constructor(
    columns: ChunkColumns,
    files: InputFiles,
    board: ProgressBoard,
    count: (bytes: number) => void = () => undefined,
  ) {
    this.#columns = columns;
    this.#files = files;
    this.#board = board;
    this.#count = count;
  }

  /**
   * Emits the content of chunk `index`, or all that a gap decodes to. Chunks have to be asked for in order, each once. Returns a promise only where it has to wait,
   * because most chunks are small and at hand.
   */
  emit(index: number, sink: (bytes: Uint8Array) => void): Promise<void> | undefined {
    if (index >= this.#current.end) return this.#emitLater(index, sink);
    const size = this.#columns.sizes[index] as number;
    sink(this.#current.bytes.subarray(this.#position, this.#position + size));
    this.#position += size;
    return undefined;
  }

  /** In place of emit, for the chunks [first, end) of one member; see memberEnd. */
  async emitMember(
    first: number,
    end: number,
    sink: (bytes: Uint8Array, chunk: number) => void,
  ): Promise<void> {
    this.#nextChunk = Math.max(this.#nextChunk, end);
    for (let index = first; index < end; index++) {
      const waiting = this.#ready(index);
      if (waiting) await waiting;
    }
    const blob = blobOf(this.#columns, first);
    await decodeMember(
      { files: this.#files, board: this.#board, blob },
      chunksInMember(this.#columns, first, end),
      { take: (bytes, chunk) => sink(bytes, first + chunk), count: this.#count },
    );
  }

  async #emitLater(index: number, sink: (bytes: Uint8Array) => void): Promise<void> {
    if (isAlone(this.#columns, index)) {
      this.#nextChunk = Math.max(this.#nextChunk, index + 1);
      return this.#emitAlone(index, sink);
    }
    this.#refill();
    const run = this.#ahead.shift() as Run;
    this.#refill();
    release(this.#current.bytes);
    this.#current = { end: run.end, bytes: await run.bytes };
    this.#position = 0;
    this.emit(index, sink);
  }

  async #emitAlone(index: number, sink: (bytes: Uint8Array) => void): Promise<void> {
    await this.#ready(index);
    const { gaps, innerOffsets, sizes } = this.#columns;
    const blob = blobOf(this.#columns, index);
    const piece = { files: this.#files, board: this.#board, blob };
    if (gaps?.[index] === 1) return decodePiece(piece, sink);
    if ((innerOffsets?.[index] ?? -1) >= 0) return this.emitMember(index, index + 1, sink);
    let left = sizes[index] as number;
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
      !isAlone(this.#columns, this.#nextChunk)
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
    const { compressedSizes, sizes } = this.#columns;
    let compressedSize = 0;
    let size = 0;
    for (let index = first; index < end; index++) {
      const waiting = this.#ready(index);
      if (waiting) await waiting;
      compressedSize += compressedSizes[index] as number;
      size += sizes[index] as number;
    }
    // One of few that are used over and over: what is left of thousands of buffers of all sizes adds up to tens of megabytes.
    const spare = this.#spare.pop() ?? Buffer.allocUnsafeSlow(RUN_BYTES);
    const memory = compressedSize <= RUN_BYTES ? spare : Buffer.allocUnsafeSlow(compressedSize);
    const stored = memory.subarray(0, compressedSize);
    gatherRun(this.#columns, first, end, this.#files, stored);
    const decoded = await decodeFrames(stored, size);
    this.#spare.push(spare);
    return decoded;
  }

  /** Not async: for nearly all chunks there is nothing to wait for. */
  #ready(index: number): Promise<void> | undefined {
    const group = this.#columns.groups[index] as number;
    const amount = this.#columns.ready[index] as number;
    if (group !== -1 && !this.#board.has(group, amount)) return this.#board.waitFor(group, amount);
    const { files, offsets, compressedSizes } = this.#columns;
    const end = (offsets[index] as number) + (compressedSizes[index] as number);
    return this.#files.whenThere(files[index] as number, end);
  }
}

/** One past the last of the chunks from `first` on that are best decoded together, as they come from one member in its order. */
export function memberEnd(columns: ChunkColumns, first: number): number {
  const { files, offsets, compressedSizes, sizes, innerOffsets, gaps } = columns;
  let end = first + 1;
  if (!innerOffsets || (innerOffsets[first] as number) < 0 || gaps?.[first] === 1) return end;
  let position = (innerOffsets[first] as number) + (sizes[first] as number);
  while (
    end < sizes.length &&
    files[end] === files[first] &&
    offsets[end] === offsets[first] &&
    compressedSizes[end] === compressedSizes[first] &&
    gaps?.[end] !== 1 &&
    (innerOffsets[end] as number) >= position
  ) {
    position = (innerOffsets[end] as number) + (sizes[end] as number);
    end++;
  }
  return end;
}

/** Of chunks that have inner offsets. */
export function chunksInMember(
  { innerOffsets = new Float64Array(), sizes }: ChunkColumns,
  first: number,
  end: number,
): ChunksInMember {
  return { innerOffsets: innerOffsets.subarray(first, end), sizes: sizes.subarray(first, end) };
}

/** Where chunk `index` is stored, once it is there. */
export function blobOf({ files, offsets, compressedSizes }: ChunkColumns, index: number): BlobInput {
  return {
    file: files[index] as number,
    offset: offsets[index] as number,
    compressedSize: compressedSizes[index] as number,
    groups: [],
    groupBytes: 1,
  };
}
