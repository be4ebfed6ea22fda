// What a body's reader tells while it reads: for the measure of the link, for the slots and the gate of its origin, and to
// learn that the connection is not worth waiting for.
import type { LinkMeter } from './link.ts';
import type { StallWatch } from './stall.ts';

/** How a body left its reader without bytes: cut off, ended by the server itself, or not wanted any more. */
export type EndOfBytes = 'broken' | 'ended' | 'aborted';

export interface BodyWatch {
  /** Milliseconds; see createStallWatch. */
  readonly stallWindow: number;
  readonly isFinished: boolean;
  wait(): void;
  /** true: the connection is much too slow, give it up. */
  arrived(bytes: number, stall: StallWatch): boolean;
  /** What was asked for has come, all of it. To be called before the last of it is handed on: the reader may not come back. */
  finished(): void;
  /** The wait brought no bytes. Milliseconds it took. */
  failed(why: EndOfBytes): number;
}

/** Trouble of the server, not of its habits: some cut every connection after a while. */
const MIN_GOOD_BYTES = 64 * 1024;

export interface BodyWatchOptions {
  readonly meter: LinkMeter;
  readonly stallWindow: number;
  onBytes(): void;
  /** The connection broke before it was of any use. */
  onTrouble(): void;
}

export function createBodyWatch({ meter, stallWindow, onBytes, onTrouble }: BodyWatchOptions): BodyWatch {
  let since = 0;
  let received = 0;
  let waited = 0;
  let isFinished = false;

  function end(bytes: number): number {
    meter.arrived(bytes);
    const time = performance.now() - since;
    received += bytes;
    waited += time;
    return time;
  }

  return {
    stallWindow,
    get isFinished() {
      return isFinished;
    },
    wait() {
      since = performance.now();
      meter.wait();
    },
    arrived(bytes, stall) {
      onBytes();
      return stall.isStalled(bytes, end(bytes), meter.usualRate());
    },
    finished() {
      isFinished = true;
      meter.finished(received, waited);
    },
    failed(why) {
      const time = end(0);
      if (received < MIN_GOOD_BYTES && why === 'broken') onTrouble();
      return time;
    },
  };
}
