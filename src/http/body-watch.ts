// What a body's reader tells while it reads: for the measure of the link, for the slots of its origin, and to learn that
// the connection is not worth waiting for.
import type { LinkMeter } from './link.ts';
import type { StallWatch } from './stall.ts';

export interface BodyWatch {
  /** Milliseconds; see createStallWatch. */
  readonly stallWindow: number;
  wait(): void;
  /** true: the connection is much too slow, give it up. */
  arrived(bytes: number, stall: StallWatch): boolean;
  /** The body came to its end. */
  finished(): void;
  /** It broke off, by itself or (`wasAborted`) because nobody wants it any more. Milliseconds since the reader began to wait. */
  failed(wasAborted: boolean): number;
}

/** Trouble of the server, not of its habits: some cut every connection after a while. */
const MIN_GOOD_BYTES = 64 * 1024;

export interface BodyWatchOptions {
  readonly meter: LinkMeter;
  readonly stallWindow: number;
  /** The connection broke before it was of any use. */
  onTrouble(): void;
}

export function createBodyWatch({ meter, stallWindow, onTrouble }: BodyWatchOptions): BodyWatch {
  let since = 0;
  let received = 0;
  let waited = 0;

  function end(bytes: number): number {
    meter.arrived(bytes);
    const time = performance.now() - since;
    received += bytes;
    waited += time;
    return time;
  }

  return {
    stallWindow,
    wait() {
      since = performance.now();
      meter.wait();
    },
    arrived: (bytes, stall) => stall.isStalled(bytes, end(bytes), meter.usualRate()),
    finished() {
      end(0);
      meter.finished(received, waited);
    },
    failed(wasAborted) {
      const time = end(0);
      if (received < MIN_GOOD_BYTES && !wasAborted) onTrouble();
      return time;
    },
  };
}
