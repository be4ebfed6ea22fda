// One pause for all: when a server asks to be left alone, or nothing comes from it any more, every request to it waits,
// not just the one that was told.
import { throwIfAborted, waitFor } from './abort.ts';

export interface OriginGate {
  /** At least so many milliseconds from now. */
  pause(origin: string, milliseconds: number): void;
  /**
   * Milliseconds to wait: what is left of the pause, or all of a new one if there is none. None begins while those who
   * waited for the last one are still coming back, or the first of them would keep all others from trying.
   */
  join(origin: string, milliseconds: number): number;
  /** The origin has answered, or sent bytes. */
  sign(origin: string): void;
  /** When the origin last gave a sign, as performance.now() counts. */
  lastSign(origin: string): number;
  /** Waits until the origin may be asked again. Throws ABORTED. */
  pass(origin: string, signal: AbortSignal): Promise<void>;
}

/** Those who wait together do not come back in the same instant: milliseconds, and share of what is left of the pause. */
const MAX_SPREAD_MS = 250;
const SPREAD = 0.25;

export function createOriginGate(): OriginGate {
  const openAt = new Map<string, number>();
  const signs = new Map<string, number>();
  const remaining = (origin: string) => (openAt.get(origin) ?? 0) - performance.now();

  function pause(origin: string, milliseconds: number): void {
    if (milliseconds > remaining(origin)) openAt.set(origin, performance.now() + milliseconds);
  }

  return {
    pause,
    join(origin, milliseconds) {
      const rest = remaining(origin);
      if (rest > 0) return spread(rest);
      if (-rest > MAX_SPREAD_MS) pause(origin, milliseconds);
      return milliseconds;
    },
    sign: (origin) => void signs.set(origin, performance.now()),
    lastSign: (origin) => signs.get(origin) ?? Number.NEGATIVE_INFINITY,
    async pass(origin, signal) {
      for (;;) {
        throwIfAborted(signal);
        const wait = remaining(origin);
        if (wait <= 0) return;
        await waitFor(spread(wait), signal);
      }
    },
  };
}

function spread(wait: number): number {
  return wait + Math.random() * Math.min(MAX_SPREAD_MS, wait * SPREAD);
}
