// What the test registry can do wrong. A fault applies to every request whose path `on` matches, `times` times (default: always).

export interface FaultFilter {
  /** Tested against the path with its query, on the registry (`/v2/…`, `/token`) and on the storage (`/storage/<digest>`). */
  readonly on?: RegExp | string;
  /** How many requests it spoils; absent: all of them. */
  readonly times?: number;
  /** How many matching requests it lets pass first. */
  readonly after?: number;
  /** Spoils this share (0 to 1) of the matching requests, always the same ones: the generator begins with the fault. */
  readonly share?: number;
}

export type FaultEffect =
  /** Answers with this status (and `Retry-After`, an OCI error body, …) instead of the content. */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers?: Record<string, string | string[]>;
      readonly body?: string;
    }
  /** Answers 200 and the whole blob whatever range was asked for. */
  | { readonly kind: 'ignore-ranges' }
  /** Answers with this status to a request for several ranges. */
  | { readonly kind: 'many-ranges'; readonly status: number }
  /** Answers with a redirect, by default 307. `to`: the Location, or what makes it of the path asked for. */
  | Redirect
  /** Resets the connection instead of an answer. */
  | { readonly kind: 'reset' }
  /** Never answers, and keeps the connection. */
  | { readonly kind: 'silence' }
  /** Answers 206 with this Content-Range; undefined: without one. */
  | {
      readonly kind: 'content-range';
      readonly value: string | undefined | ((correct: string) => string);
    }
  /** Answers 416 to any range; `lying`: with the blob's length as Content-Length, of which little comes. */
  | { readonly kind: 'unsatisfiable'; readonly lying?: boolean }
  /** Cuts the connection after so many body bytes. */
  | { readonly kind: 'cut'; readonly bytes: number }
  /** Sends so many body bytes, then nothing more, and keeps the connection. */
  | { readonly kind: 'stall'; readonly bytes: number }
  /** Turns one byte over: `offset` counts from the start of the blob, not of the range. */
  | { readonly kind: 'corrupt'; readonly offset: number }
  /** Behaves as if only the first `size` bytes of the blob were stored. */
  | { readonly kind: 'truncate'; readonly size: number }
  /** Sends a well-formed chunked body with so many bytes too few (negative) or too many. */
  | { readonly kind: 'miscount'; readonly bytes: number }
  | { readonly kind: 'header'; readonly name: string; readonly value: string }
  /** Waits so long before each 64 KiB piece. */
  | { readonly kind: 'slow'; readonly milliseconds: number }
  /** Sends the body evenly at this rate, ten times a second. */
  | { readonly kind: 'drip'; readonly bytesPerSecond: number };

export interface Redirect {
  readonly kind: 'redirect';
  readonly status?: number;
  readonly to: string | ((path: string) => string);
}

export type Fault = FaultFilter & FaultEffect;

export type Effects = { readonly [K in FaultEffect['kind']]?: Extract<FaultEffect, { kind: K }> };

export interface FaultBook {
  /** The effects for this request, at most one of each kind (the first match); spends their `times`. */
  take(path: string): Effects;
  add(...faults: Fault[]): void;
  clear(): void;
}

export function createFaultBook(initial: readonly Fault[] = []): FaultBook {
  let entries = initial.map(toEntry);
  return {
    take(path) {
      const effects: Record<string, Fault> = {};
      for (const entry of entries) {
        if (entry.times <= 0 || effects[entry.fault.kind] || !matches(entry.fault, path)) continue;
        if (entry.after > 0) entry.after--;
        else if (entry.random() < (entry.fault.share ?? 1)) {
          entry.times--;
          effects[entry.fault.kind] = entry.fault;
        }
      }
      return effects as Effects;
    },
    add: (...faults) => void entries.push(...faults.map(toEntry)),
    clear: () => {
      entries = [];
    },
  };
}

function toEntry(fault: Fault) {
  const { times = Number.POSITIVE_INFINITY, after = 0 } = fault;
  return { fault, times, after, random: seededRandom(1) };
}

/** Numbers from 0 up to 1, the same ones for the same seed: mulberry32. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function matches({ on }: Fault, path: string): boolean {
  if (on === undefined) return true;
  return typeof on === 'string' ? path.includes(on) : on.test(path);
}
