// Notices a connection that drips: so slow that a new one should bring the rest sooner. Pure; time is told to it.
// Silence is not its matter: that is a failure (`Timeouts.body`).

/**
 * Bytes per second under which a connection is as good as dead, whatever the others do, and the share of what is usual
 * at its origin under which it is worth a try.
 */
const FLOOR_RATE = 16 * 1024;
const FLOOR_SHARE = 1 / 16;
/** So often per body: where every connection is slow, the third is kept, however slow. */
const MAX_REPLACEMENTS = 2;

export interface StallWatch {
  /** A new connection brings the rest. */
  restart(): void;
  /** `waited`: milliseconds that passed for these bytes while a reader wanted them. true: give this connection up. */
  isStalled(bytes: number, waited: number, usualRate: number | undefined): boolean;
}

/** `window`: milliseconds of waiting over which the rate is taken. */
export function createStallWatch(window: number): StallWatch {
  let replacements = 0;
  let received = 0;
  let time = 0;

  function restart(): void {
    received = 0;
    time = 0;
  }

  return {
    restart,
    isStalled(bytes, waited, usualRate = 0) {
      received += bytes;
      time += waited;
      if (time < window) return false;
      const rate = (received * 1000) / time;
      restart();
      if (replacements >= MAX_REPLACEMENTS || rate >= Math.max(FLOOR_RATE, usualRate * FLOOR_SHARE))
        return false;
      replacements++;
      return true;
    },
  };
}
