// Takes the bytes of a range as they come, leaves out the gaps, and writes the rest to one place of a pack.
import type { ByteRange } from '../bytes/range.ts';
import type { FetchGroup } from '../plan/fetch-plan.ts';
import type { StagedPack } from '../store/staged-pack.ts';

/** Written at once: a system call for each 16 KiB from a socket would cost as much as the copying. */
const FLUSH_BYTES = 512 << 10;

export class GroupWriter {
  readonly #group: FetchGroup;
  readonly #pack: StagedPack;
  readonly #onWritten: (bytes: number) => void;
  #piece = 0;
  #written = 0;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;

  constructor(group: FetchGroup, pack: StagedPack, onWritten: (bytes: number) => void) {
    this.#group = group;
    this.#pack = pack;
    this.#onWritten = onWritten;
  }

  get layer(): number {
    return this.#group.layer;
  }

  /** `bytes` stand at `position` of the blob. Returns true once the group is complete and written. */
  async accept(bytes: Uint8Array, position: number): Promise<boolean> {
    const end = position + bytes.length;
    const { pieces } = this.#group;
    for (let piece = pieces[this.#piece]; piece && piece.start < end; piece = pieces[this.#piece]) {
      this.#keep(bytes, position, piece);
      if (piece.end > end) break;
      this.#piece++;
    }
    const complete = this.#piece === pieces.length;
    if (complete || this.#pendingBytes >= FLUSH_BYTES) await this.#flush();
    return complete;
  }

  #keep(bytes: Uint8Array, position: number, piece: ByteRange): void {
    const part = bytes.subarray(Math.max(0, piece.start - position), piece.end - position);
    if (part.length === 0) return;
    this.#pending.push(part);
    this.#pendingBytes += part.length;
  }

  async #flush(): Promise<void> {
    if (this.#pendingBytes === 0) return;
    const buffers = this.#pending;
    const bytes = this.#pendingBytes;
    this.#pending = [];
    this.#pendingBytes = 0;
    await this.#pack.write(this.#group.packOffset + this.#written, buffers);
    this.#written += bytes;
    this.#onWritten(bytes);
  }
}
