// Hashes a stream on another thread: the unpacker copies what it writes into a ring in shared memory, the hasher follows.
// Without SHA instructions SHA-256 takes longer than everything else a layer needs; see docs/performance.md.
import { createHash } from 'node:crypto';
import { PullError } from '../errors.ts';

const SLOT_BYTES = 256 << 10;
const SLOTS = 8;
/** Control words: slots filled, slots hashed, stop; then the length of each slot. */
const FILLED = 0;
const HASHED = 1;
const STOPPED = 2;
const LENGTHS = 3;
const CONTROL_BYTES = (LENGTHS + SLOTS) * Int32Array.BYTES_PER_ELEMENT;
/** Hex digits of the last finished stream's digest, NUL-padded: sha512 has 128. */
const RESULT_BYTES = 128;
/** Slots count up for hours without a wrap: 2^31 × 256 KiB is 512 TiB. */
const END_OF_STREAM = -1;
/** A thread that waits looks up this often whether it should stop. */
const WAIT_MS = 1000;

export function createHashRing(): SharedArrayBuffer {
  return new SharedArrayBuffer(CONTROL_BYTES + RESULT_BYTES + SLOTS * SLOT_BYTES);
}

/** Ends both sides, whatever they wait for. */
export function stopHashRing(memory: SharedArrayBuffer): void {
  new Ring(memory).stop();
}

export interface HashJob {
  readonly ring: SharedArrayBuffer;
  /** Of each stream, in the order in which they come. */
  readonly algorithms: readonly string[];
}

class Ring {
  readonly control: Int32Array<SharedArrayBuffer>;
  readonly result: Uint8Array<SharedArrayBuffer>;
  readonly #memory: SharedArrayBuffer;

  constructor(memory: SharedArrayBuffer) {
    this.#memory = memory;
    this.control = new Int32Array(memory, 0, LENGTHS + SLOTS);
    this.result = new Uint8Array(memory, CONTROL_BYTES, RESULT_BYTES);
  }

  slot(count: number): Uint8Array<SharedArrayBuffer> {
    return new Uint8Array(
      this.#memory,
      CONTROL_BYTES + RESULT_BYTES + (count % SLOTS) * SLOT_BYTES,
      SLOT_BYTES,
    );
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
    Atomics.notify(this.control, FILLED);
    Atomics.notify(this.control, HASHED);
  }
}

/** The consumer: runs until it has hashed one stream for each algorithm, or the ring is stopped. */
export async function hashStreams({ ring: memory, algorithms }: HashJob): Promise<undefined> {
  const ring = new Ring(memory);
  let count = 0;
  for (const algorithm of algorithms) {
    const hash = createHash(algorithm);
    for (let length = 0; length !== END_OF_STREAM; ) {
      ring.waitWhile(FILLED, count);
      length = ring.control[LENGTHS + (count % SLOTS)] as number;
      if (length === END_OF_STREAM)
        ring.result.set(Buffer.from(hash.digest('hex').padEnd(RESULT_BYTES, '\0')));
      else hash.update(ring.slot(count).subarray(0, length));
      count++;
      ring.advance(HASHED);
    }
  }
  return undefined;
}

/** The producer's end. Blocking: it belongs into a worker. */
export class HashLane {
  readonly #ring: Ring;
  #count = 0;
  #slot: Uint8Array<SharedArrayBuffer>;
  #fill = 0;

  constructor(memory: SharedArrayBuffer) {
    this.#ring = new Ring(memory);
    this.#slot = this.#ring.slot(0);
  }

  update(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + SLOT_BYTES - this.#fill);
      this.#slot.set(part, this.#fill);
      this.#fill += part.length;
      at += part.length;
      if (this.#fill === SLOT_BYTES) this.#publish(this.#fill);
    }
  }

  /** Ends the current stream and returns its digest in hex; the next stream begins. */
  digest(): string {
    if (this.#fill > 0) this.#publish(this.#fill);
    this.#publish(END_OF_STREAM);
    while (Atomics.load(this.#ring.control, HASHED) !== this.#count) {
      this.#ring.waitWhile(HASHED, Atomics.load(this.#ring.control, HASHED));
    }
    return Buffer.from(this.#ring.result).toString('latin1').replaceAll('\0', '');
  }

  /** Ends the consumer, whatever it waits for. */
  stop(): void {
    this.#ring.stop();
  }

  #publish(length: number): void {
    this.#ring.control[LENGTHS + (this.#count % SLOTS)] = length;
    this.#ring.advance(FILLED);
    this.#count++;
    this.#fill = 0;
    // The next slot is free once the hasher is less than a whole ring behind.
    while (this.#count - Atomics.load(this.#ring.control, HASHED) >= SLOTS) {
      this.#ring.waitWhile(HASHED, this.#count - SLOTS);
    }
    this.#slot = this.#ring.slot(this.#count);
  }
}
