// Random numbers that a failed test can be repeated with.
import { randomInt } from 'node:crypto';

export interface Random {
  /** Set OCI_PULL_SEED to it to get the same numbers again. */
  readonly seed: number;
  /** 0 <= number < 1. */
  next(): number;
  /** A whole number, 0 <= number < end. */
  below(end: number): number;
}

/** Mulberry32: https://gist.github.com/tommyettinger/46a874533244883189143505d203312c */
export function seededRandom(seed = Number(process.env.OCI_PULL_SEED ?? randomInt(2 ** 32))): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { seed, next, below: (end) => Math.floor(next() * end) };
}
