// One file that is written from front to back, with few calls, and in which what stands there already can be changed.
import { closeSync, openSync, writeSync } from 'node:fs';
import { toPullError } from '../errors.ts';

/** A tree has many small files; each would otherwise cost calls of its own. */
const BUFFER_BYTES = 1 << 20;

export class OutputFile {
  readonly #path: string;
  readonly #descriptor: number;
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #filled = 0;
  #flushed = 0;
  #isOpen = true;

  /** Throws UNPACK_FAILED where something of that name is there, or nothing can be. */
  constructor(path: string) {
    this.#path = path;
    this.#descriptor = this.#guarded(() => openSync(path, 'wx'));
  }

  /** Bytes so far. */
  get size(): number {
    return this.#flushed + this.#filled;
  }

  /** The bytes may be overwritten afterwards. Throws UNPACK_FAILED or DISK_FULL. */
  append(bytes: Uint8Array): void {
    if (this.#filled + bytes.length > BUFFER_BYTES) this.#flush();
    if (bytes.length >= BUFFER_BYTES) {
      this.#write(bytes, this.#flushed);
      this.#flushed += bytes.length;
      return;
    }
    // Not with set(): out of shared memory that is slow.
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).copy(this.#buffer, this.#filled);
    this.#filled += bytes.length;
  }

  /** Overwrites bytes that were appended before. */
  patch(bytes: Uint8Array, position: number): void {
    this.#flush();
    this.#write(bytes, position);
  }

  close(): void {
    this.#flush();
    this.#isOpen = false;
    this.#guarded(() => closeSync(this.#descriptor));
  }

  /** Never throws. */
  abort(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      closeSync(this.#descriptor);
    } catch {
      // It is about to be removed.
    }
  }

  #flush(): void {
    this.#write(this.#buffer.subarray(0, this.#filled), this.#flushed);
    this.#flushed += this.#filled;
    this.#filled = 0;
  }

  #write(bytes: Uint8Array, position: number): void {
    this.#guarded(() => {
      for (let done = 0; done < bytes.length; )
        done += writeSync(this.#descriptor, bytes, done, bytes.length - done, position + done);
    });
  }

  #guarded<Result>(work: () => Result): Result {
    try {
      return work();
    } catch (cause) {
      throw toPullError(cause, { code: 'UNPACK_FAILED', message: `${this.#path} cannot be written` });
    }
  }
}
