// What the cache service double stores: pieces as they came, and of pieces that are all zeros only their length, so that it can hold
// gigabytes of a sparse file.

const ZEROS = Buffer.alloc(64 * 1024);

export class Rope {
  readonly #parts: (Buffer | number)[] = [];
  #size = 0;

  static of(bytes: Buffer): Rope {
    const rope = new Rope();
    rope.append(bytes);
    return rope;
  }

  static join(ropes: readonly Rope[]): Rope {
    const rope = new Rope();
    for (const each of ropes) for (const part of each.#parts) rope.#add(part);
    return rope;
  }

  get size(): number {
    return this.#size;
  }

  append(bytes: Buffer): void {
    const isZero =
      bytes.length <= ZEROS.length && ZEROS.compare(bytes, 0, bytes.length, 0, bytes.length) === 0;
    this.#add(isZero ? bytes.length : bytes);
  }

  #add(part: Buffer | number): void {
    const last = this.#parts.at(-1);
    if (typeof part === 'number' && typeof last === 'number')
      this.#parts[this.#parts.length - 1] = last + part;
    else this.#parts.push(part);
    this.#size += typeof part === 'number' ? part : part.length;
  }

  *pieces(start: number, end: number): Generator<Buffer> {
    let position = 0;
    for (const part of this.#parts) {
      const length = typeof part === 'number' ? part : part.length;
      const [from, to] = [Math.max(start - position, 0), Math.min(end - position, length)];
      if (from < to && typeof part !== 'number') yield part.subarray(from, to);
      else
        for (let at = from; at < to; at += ZEROS.length)
          yield ZEROS.subarray(0, Math.min(ZEROS.length, to - at));
      position += length;
    }
  }

  toBuffer(): Buffer {
    return Buffer.concat([...this.pieces(0, this.#size)]);
  }
}
