// Counters in shared memory: the main thread counts up what it has written, worker threads wait for what they need.
import { PullError } from '../errors.ts';

/** Beyond any count of bytes: added to every counter on abort, so that no waiter sleeps on. */
const ABORT_MARK = 1n << 60n;

export class ProgressBoard {
  readonly memory: SharedArrayBuffer;
  /** Slot 0 is not used as a counter: it is non-zero once the board is aborted. */
  readonly #slots: BigInt64Array<SharedArrayBuffer>;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#slots = new BigInt64Array(memory);
  }

  static create(counters: number): ProgressBoard {
    return new ProgressBoard(new SharedArrayBuffer((counters + 1) * BigInt64Array.BYTES_PER_ELEMENT));
  }

  add(counter: number, amount: number): void {
    Atomics.add(this.#slots, counter + 1, BigInt(amount));
    Atomics.notify(this.#slots, counter + 1);
  }

  /** All present and future waiters get ABORTED. */
  abort(): void {
    for (let slot = 0; slot < this.#slots.length; slot++) {
      Atomics.add(this.#slots, slot, ABORT_MARK);
      Atomics.notify(this.#slots, slot);
    }
  }

  get counters(): number {
    return this.#slots.length - 1;
  }

  get isAborted(): boolean {
    return Atomics.load(this.#slots, 0) !== 0n;
  }

  /** What a counter stands at; of no use once the board is aborted. */
  at(counter: number): number {
    return Number(Atomics.load(this.#slots, counter + 1));
  }

  /** true once `counter` has reached `amount`. Throws ABORTED. */
  has(counter: number, amount: number): boolean {
    if (this.isAborted) throw new PullError('ABORTED', 'the pull was cancelled');
    return Atomics.load(this.#slots, counter + 1) >= BigInt(amount);
  }

  async waitFor(counter: number, amount: number): Promise<void> {
    while (!this.has(counter, amount)) {
      const seen = Atomics.load(this.#slots, counter + 1);
      if (seen >= BigInt(amount)) continue;
      const { async, value } = Atomics.waitAsync(this.#slots, counter + 1, seen);
      if (async) await value;
    }
  }
}
