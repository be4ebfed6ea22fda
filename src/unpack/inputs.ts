// Reads the files that hold a pull's chunks, as far as they have been written. Synchronous reads: this runs in a worker.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { PullError, toPullError } from '../errors.ts';
import type { ProgressBoard } from '../workers/progress-board.ts';

/** Stored bytes that lie in one piece of one file. */
export interface BlobInput {
  /** Index into the job's files. */
  readonly file: number;
  readonly offset: number;
  readonly compressedSize: number;
  /** Counters of the board, each for the next `groupBytes` bytes; empty where all is there. */
  readonly groups: readonly number[];
  readonly groupBytes: number;
}

const PIECE_BYTES = 1 << 20;

/** Files of a job. */
export interface InputPaths {
  readonly files: readonly string[];
  /** By file: the counter of the board that says how much of it is there from the front on, or -1. Absent where all are whole. */
  readonly arriving?: readonly number[] | undefined;
}

/** Opens each file once. Has to be closed. */
export class InputFiles {
  readonly #paths: readonly string[];
  readonly #arriving: readonly number[] | undefined;
  readonly #board: ProgressBoard;
  readonly #descriptors = new Map<number, number>();

  constructor({ files, arriving }: InputPaths, board: ProgressBoard) {
    this.#paths = files;
    this.#arriving = arriving;
    this.#board = board;
  }

  /** Before anything is read up to `end`, of a file that may be on its way. undefined: it is there. Throws ABORTED. */
  whenThere(file: number, end: number): Promise<void> | undefined {
    const counter = this.#arriving?.[file] ?? -1;
    return counter === -1 || this.#board.has(counter, end) ? undefined : this.#board.waitFor(counter, end);
  }

  /** In fresh memory. Throws STORE_FAILED where the file is gone or too short. */
  read(file: number, offset: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafeSlow(length);
    this.readInto(bytes, file, offset);
    return bytes;
  }

  /** Fills `bytes`. Throws STORE_FAILED where the file is gone or too short. */
  readInto(bytes: Buffer, file: number, offset: number): void {
    const path = this.#paths[file] as string;
    try {
      const descriptor = this.#descriptors.get(file) ?? openFile(path);
      this.#descriptors.set(file, descriptor);
      for (let done = 0; done < bytes.length; ) {
        const step = readSync(descriptor, bytes, done, bytes.length - done, offset + done);
        if (step === 0) throw new PullError('STORE_FAILED', `${path} is shorter than it should be`);
        done += step;
      }
    } catch (cause) {
      throw toPullError(cause, { code: 'STORE_FAILED', message: `${path} cannot be read` });
    }
  }

  close(): void {
    for (const descriptor of this.#descriptors.values()) closeSync(descriptor);
    this.#descriptors.clear();
  }
}

/** A store may be shared: what is no file there would block, or act, when it is opened. */
function openFile(path: string): number {
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  const descriptor = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (fstatSync(descriptor).isFile()) return descriptor;
  closeSync(descriptor);
  throw new PullError('STORE_FAILED', `${path} is no file`);
}

/** A blob in pieces, in order, as they arrive. Each overwrites the one before. */
export async function* readBlob(
  files: InputFiles,
  blob: BlobInput,
  board: ProgressBoard,
): AsyncGenerator<Buffer> {
  const memory = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, blob.compressedSize));
  for (let at = 0; at < blob.compressedSize; ) {
    const length = Math.min(PIECE_BYTES, blob.compressedSize - at, untilGroupEnd(blob, at));
    const group = blob.groups[Math.floor(at / blob.groupBytes)];
    if (group !== undefined) await board.waitFor(group, (at % blob.groupBytes) + length);
    await files.whenThere(blob.file, blob.offset + at + length);
    const piece = memory.subarray(0, length);
    files.readInto(piece, blob.file, blob.offset + at);
    yield piece;
    at += length;
  }
}

function untilGroupEnd(blob: BlobInput, at: number): number {
  return blob.groups.length === 0 ? Number.POSITIVE_INFINITY : blob.groupBytes - (at % blob.groupBytes);
}
