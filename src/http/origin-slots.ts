// How many bodies may be on their way from one origin at a time: additive increase, multiplicative decrease.
// https://www.rfc-editor.org/rfc/rfc5681#section-3.1 has the idea and its reasons. Only blob bodies take slots: what the
// holder of one may need to go on (a token, a redirect's answer) is never behind them.
import { abortedError, throwIfAborted } from './abort.ts';

export interface Slot {
  /** The server took the request: in the beginning that alone makes room for one more. */
  accepted(): void;
  /** The server is overloaded, or cannot be reached. Once for all that were under way at the time. */
  trouble(): void;
  /** What was asked for has come, all of it: after the first trouble this makes room for one more, by and by. */
  finished(): void;
  /** Whatever became of the body, it holds no connection any more. Calls after the first do nothing. */
  release(): void;
}

export interface OriginSlots {
  /** Waits for its turn. Throws ABORTED; then nothing is held. */
  acquire(origin: string, signal: AbortSignal): Promise<Slot>;
  /** As Slot.trouble, for trouble that shows in the middle of a body. */
  trouble(origin: string): void;
  /** For tests and messages. */
  state(origin: string): { readonly limit: number; readonly inUse: number; readonly waiting: number };
}

/**
 * What is taken without complaint raises the limit at once until the first trouble, so eight connections are there after
 * one round trip. 300 MB over loopback, eight ranges at a time: 0.9 to 1.3 s; with all eight at once 1.1 to 1.3 s.
 */
const START = 4;

/** `maximum`: from 1. */
export function createOriginSlots(maximum: number): OriginSlots {
  const origins = new Map<string, Turnstile>();

  function at(origin: string): Turnstile {
    const turnstile = origins.get(origin) ?? new Turnstile(maximum);
    origins.set(origin, turnstile);
    return turnstile;
  }

  return {
    async acquire(origin, signal) {
      throwIfAborted(signal);
      return at(origin).enter(signal);
    },
    trouble: (origin) => at(origin).trouble(),
    state: (origin) => at(origin).state,
  };
}

/** The slots of one origin. */
class Turnstile {
  readonly #maximum: number;
  readonly #queue = new Set<() => void>();
  #limit: number;
  #inUse = 0;
  /** Bodies that came whole since the limit last changed: one that was given up, or broke off late, says nothing either way. */
  #clean = 0;
  #hadTrouble = false;
  #newest = 0;
  /** The number of the newest slot when the limit was last halved. */
  #halvedAt = 0;

  constructor(maximum: number) {
    this.#maximum = maximum;
    this.#limit = Math.min(START, maximum);
  }

  get state(): ReturnType<OriginSlots['state']> {
    return { limit: this.#limit, inUse: this.#inUse, waiting: this.#queue.size };
  }

  async enter(signal: AbortSignal): Promise<Slot> {
    await this.#turn(signal);
    return this.#createSlot();
  }

  /** Of the slot with this number. Whatever is under way started before: the next halving needs a slot taken after this one. */
  trouble(number = this.#newest): void {
    if (number <= this.#halvedAt) return;
    this.#hadTrouble = true;
    this.#clean = 0;
    this.#halvedAt = this.#newest;
    this.#limit = Math.max(1, Math.floor(this.#limit / 2));
  }

  #createSlot(): Slot {
    const number = ++this.#newest;
    let isHeld = true;
    return {
      accepted: () => {
        if (!this.#hadTrouble) this.#raise();
      },
      trouble: () => this.trouble(number),
      finished: () => {
        if (this.#hadTrouble && ++this.#clean >= this.#limit) this.#raise();
      },
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        this.#inUse--;
        this.#admit();
      },
    };
  }

  /** Settles once the caller counts as in use; first come, first served. */
  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#queue.delete(enter);
        reject(abortedError(signal));
      };
      const enter = () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#queue.add(enter);
      this.#admit();
    });
  }

  #admit(): void {
    for (const enter of this.#queue) {
      if (this.#inUse >= this.#limit) return;
      this.#queue.delete(enter);
      this.#inUse++;
      enter();
    }
  }

  #raise(): void {
    this.#clean = 0;
    this.#limit = Math.min(this.#maximum, this.#limit + 1);
    this.#admit();
  }
}
