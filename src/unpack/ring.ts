// Hands the tar streams of an image from the thread that decodes them to those that hash and unpack them: slots in shared memory,
// filled by one and read by several, each at its own pace.
import { PullError } from '../errors.ts';

const SLOT_BYTES = 256 << 10;
/** What one thread may be ahead of another. It fits into the caches of processors, so the second reader finds it there. */
const SLOTS = 32;

export type Reader = 'hash' | 'apply';

/** Control words: slots filled, slots read by each reader, whether all is over or may be finished; then the length of each slot. */
const FILLED = 0;
const READ = { hash: 1, apply: 2 } as const;
const STOPPED = 3;
const PROVEN = 4;
const LENGTHS = 5;
const CONTROL_BYTES = (LENGTHS + SLOTS) * Int32Array.BYTES_PER_ELEMENT;
/** Hex digits of the digest of the last finished stream, NUL-padded: sha512 has 128. */
const RESULT_BYTES = 128;
/** Slots count up for hours without a wrap: 2^31 × 256 KiB is 512 TiB. */
const END_OF_STREAM = -1;
/** A thread that waits looks up this often whether it should stop. */
const WAIT_MS = 1000;

export function createRing(): SharedArrayBuffer {
  return new SharedArrayBuffer(CONTROL_BYTES + RESULT_BYTES + SLOTS * SLOT_BYTES);
}

/** All that went through has been what it should be: who waits for that may go on. */
export function proveRing(memory: SharedArrayBuffer): void {
  new Ring(memory).advance(PROVEN);
}

/** Ends all sides, whatever they wait for. */
export function stopRing(memory: SharedArrayBuffer): void {
  new Ring(memory).stop();
}

class Ring {
  readonly control: Int32Array<SharedArrayBuffer>;
  readonly result: Uint8Array<SharedArrayBuffer>;
  readonly #slots: readonly Buffer[];

  constructor(memory: SharedArrayBuffer) {
    this.control = new Int32Array(memory, 0, LENGTHS + SLOTS);
    this.result = new Uint8Array(memory, CONTROL_BYTES, RESULT_BYTES);
    const first = CONTROL_BYTES + RESULT_BYTES;
    this.#slots = Array.from({ length: SLOTS }, (_, index) =>
      Buffer.from(memory, first + index * SLOT_BYTES, SLOT_BYTES),
    );
  }

  slot(count: number): Buffer {
    return this.#slots[count % SLOTS] as Buffer;
  }

  /** Blocks this thread until `word` is no longer `value`. Throws ABORTED once the ring is stopped. */
  waitWhile(word: number, value: number): void {
    while (Atomics.load(this.control, word) === value) {
      if (Atomics.load(this.control, STOPPED) !== 0) throw new PullError('ABORTED', 'the pull was cancelled');
      Atomics.wait(this.control, word, value, WAIT_MS);
    }
  }

  advance(word: number): void {
    Atomics.add(this.control, word, 1);
    Atomics.notify(this.control, word);
  }

  stop(): void {
    Atomics.store(this.control, STOPPED, 1);
    for (const word of [FILLED, READ.hash, READ.apply, PROVEN]) Atomics.notify(this.control, word);
  }
}

/** Blocking: it belongs into a worker. Every call throws ABORTED once the ring is stopped. */
export class RingWriter {
  readonly #ring: Ring;
  readonly #readers: readonly number[];
  #count = 0;
  #slot: Buffer;
  #fill = 0;

  /** `readers`: who will read all of it. */
  constructor(memory: SharedArrayBuffer, readers: readonly Reader[]) {
    this.#ring = new Ring(memory);
    this.#readers = readers.map((reader) => READ[reader]);
    this.#slot = this.#ring.slot(0);
  }

  /** The bytes may be overwritten afterwards. */
  write(bytes: Uint8Array): void {
    // Not with set(): into shared memory that copies a few bytes at a time, and takes three times as long.
    const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at < bytes.length; ) {
      const copied = source.copy(this.#slot, this.#fill, at);
      this.#fill += copied;
      at += copied;
      if (this.#fill === SLOT_BYTES) this.#publish(this.#fill);
    }
  }

  /** The next stream begins. */
  endStream(): void {
    if (this.#fill > 0) this.#publish(this.#fill);
    this.#publish(END_OF_STREAM);
  }

  /** In hex, of the stream that was ended last; waits for the reader that hashes. */
  digest(): string {
    const { control, result } = this.#ring;
    for (let read = Atomics.load(control, READ.hash); read !== this.#count; ) {
      this.#ring.waitWhile(READ.hash, read);
      read = Atomics.load(control, READ.hash);
    }
    return Buffer.from(result).toString('latin1').replaceAll('\0', '');
  }

  #publish(length: number): void {
    const { control } = this.#ring;
    control[LENGTHS + (this.#count % SLOTS)] = length;
    this.#ring.advance(FILLED);
    this.#count++;
    this.#fill = 0;
    // The next slot is free once each reader is less than a whole ring behind.
    for (const word of this.#readers) {
      while (this.#count - Atomics.load(control, word) >= SLOTS)
        this.#ring.waitWhile(word, this.#count - SLOTS);
    }
    this.#slot = this.#ring.slot(this.#count);
  }
}

/** Blocking as well, and each method throws ABORTED once the ring is stopped. */
export class RingReader {
  readonly #ring: Ring;
  readonly #word: number;
  #count = 0;

  constructor(memory: SharedArrayBuffer, reader: Reader) {
    this.#ring = new Ring(memory);
    this.#word = READ[reader];
  }

  /** Calls `see` with each piece of the next stream, up to its end; the bytes may be read during the call only. */
  readStream(see: (bytes: Uint8Array) => void): void {
    for (;;) {
      this.#ring.waitWhile(FILLED, this.#count);
      const length = this.#ring.control[LENGTHS + (this.#count % SLOTS)] as number;
      if (length === END_OF_STREAM) return;
      see(this.#ring.slot(this.#count).subarray(0, length));
      this.#next();
    }
  }

  /** Takes the end of a stream off the ring. `digest`: of that stream, in hex. */
  endStream(digest?: string): void {
    if (digest !== undefined) this.#ring.result.set(Buffer.from(digest.padEnd(RESULT_BYTES, '\0')));
    this.#next();
  }

  waitForProof(): void {
    this.#ring.waitWhile(PROVEN, 0);
  }

  #next(): void {
    this.#count++;
    this.#ring.advance(this.#word);
  }
}
