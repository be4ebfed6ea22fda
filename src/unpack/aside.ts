// Names for what is needed and not wanted: the content of a hard link whose other name does not match. They lie in a directory of
// their own below the root until the tree is finished, then only the links are left.
import { randomBytes } from 'node:crypto';
import type { FileSink } from './file-sink.ts';

export class AsideNames {
  readonly #sink: FileSink;
  /** No image can guess it. */
  readonly #directory = `.oci-pull-${randomBytes(16).toString('hex')}`;
  #count = 0;

  constructor(sink: FileSink) {
    this.#sink = sink;
  }

  /** A path that is free; the caller makes something there. */
  next(): string {
    if (this.#count === 0) this.#sink.makeDirectory(this.#directory);
    return `${this.#directory}/${this.#count++}`;
  }

  /** Removes everything that was made under these names. */
  clear(): void {
    if (this.#count === 0) return;
    for (let name = 0; name < this.#count; name++) this.#sink.removeFile(`${this.#directory}/${name}`);
    this.#sink.removeDirectory(this.#directory);
    this.#count = 0;
  }
}
