// Writes bytes that come one after the other to their place in a file, several of them at once.
import type { FileHandle } from 'node:fs/promises';

/** A system call for each 16 to 64 KiB from a socket would cost as much as the copying. */
const FLUSH_BYTES = 512 << 10;

export class PlacedWriter {
  readonly #file: FileHandle;
  #position: number;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;

  constructor(file: FileHandle, position: number) {
    this.#file = file;
    this.#position = position;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    if (this.#pendingBytes >= FLUSH_BYTES) await this.flush();
  }

  /** Everything is in the file afterwards. Throws what the system throws. */
  async flush(): Promise<void> {
    if (this.#pendingBytes === 0) return;
    const [buffers, wanted] = [this.#pending, this.#pendingBytes];
    this.#pending = [];
    this.#pendingBytes = 0;
    const { bytesWritten } = await this.#file.writev(buffers, this.#position);
    if (bytesWritten < wanted)
      await this.#writeRest(Buffer.concat(buffers).subarray(bytesWritten), bytesWritten);
    this.#position += wanted;
  }

  async #writeRest(rest: Buffer, offset: number): Promise<void> {
    for (let done = 0; done < rest.length; ) {
      const at = this.#position + offset + done;
      done += (await this.#file.write(rest, done, rest.length - done, at)).bytesWritten;
    }
  }
}
