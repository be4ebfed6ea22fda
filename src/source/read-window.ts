// Small reads of a file, mostly forward: one system call for many.
import type { FileHandle } from 'node:fs/promises';
import { fill } from './local-file.ts';

const WINDOW_BYTES = 256 << 10;

export class ReadWindow {
  readonly #handle: FileHandle;
  readonly #file: { readonly path: string; readonly size: number };
  readonly #memory: Buffer;
  #held: Buffer;
  /** Of what is held, in the file. */
  #start = 0;

  constructor(handle: FileHandle, file: { readonly path: string; readonly size: number }) {
    this.#handle = handle;
    this.#file = file;
    this.#memory = Buffer.allocUnsafeSlow(Math.min(WINDOW_BYTES, file.size));
    this.#held = this.#memory.subarray(0, 0);
  }

  /** Fills `bytes` if what belongs there is at hand. */
  copy(bytes: Buffer, position: number): boolean {
    const from = position - this.#start;
    if (from < 0 || from + bytes.length > this.#held.length) return false;
    this.#held.copy(bytes, 0, from, from + bytes.length);
    return true;
  }

  /** The same from the file, with what follows. The range lies within the file. Throws LAYOUT_INVALID. */
  async read(bytes: Buffer, position: number): Promise<void> {
    const { path, size } = this.#file;
    if (bytes.length > this.#memory.length) return fill(this.#handle, bytes, { path, position });
    const held = this.#memory.subarray(0, Math.min(this.#memory.length, size - position));
    this.#held = held.subarray(0, 0);
    await fill(this.#handle, held, { path, position });
    this.#held = held;
    this.#start = position;
    this.copy(bytes, position);
  }
}
