// Measures the way to an origin: how long a request takes before anything comes, and how fast bytes come then.
import type { Link } from '../bytes/link.ts';

export interface LinkMeter {
  answered(milliseconds: number): void;
  /** A reader begins to wait for bytes of a body. */
  wait(): void;
  /** It waits no more. */
  arrived(bytes: number): void;
  /** A whole body came in so many milliseconds of waiting. */
  finished(bytes: number, milliseconds: number): void;
  /** Bytes per second of a single body, as is usual here; undefined: not known yet. */
  usualRate(): number | undefined;
  /** undefined: nothing was answered yet. */
  measure(): Link | undefined;
}

export interface LinkMeters {
  /** Begins to measure where nothing was measured yet. */
  of(origin: string): LinkMeter;
  has(origin: string): boolean;
  measure(origin: string): Link | undefined;
}

const SAMPLES = 16;
/** After so many milliseconds of receiving, what was measured before counts half. */
const HALF_LIFE_MS = 2000;
/** Less says more about buffers than about the link. */
const MIN_BYTES = 256 * 1024;
const MIN_BODY_BYTES = 256 * 1024;
const MIN_BODIES = 4;

/** `now`: milliseconds, monotonic. */
export function createLinkMeter(now: () => number = () => performance.now()): LinkMeter {
  const roundTrips: number[] = [];
  const bodyRates: number[] = [];
  let readers = 0;
  let waitingSince = 0;
  let bytes = 0;
  let time = 0;

  /** Time in which several readers waited counts once. */
  function settle(): void {
    time += now() - waitingSince;
    if (time < HALF_LIFE_MS) return;
    time /= 2;
    bytes /= 2;
  }

  return {
    answered: (milliseconds) => push(roundTrips, milliseconds),
    wait() {
      if (readers++ === 0) waitingSince = now();
    },
    arrived(count) {
      bytes += count;
      if (--readers === 0) return settle();
      settle();
      waitingSince = now();
    },
    finished(count, milliseconds) {
      if (count >= MIN_BODY_BYTES && milliseconds > 0) push(bodyRates, (count * 1000) / milliseconds);
    },
    usualRate: () => (bodyRates.length < MIN_BODIES ? undefined : median(bodyRates)),
    measure() {
      if (roundTrips.length === 0) return undefined;
      const roundTripMs = Math.min(...roundTrips);
      const isKnown = bytes >= MIN_BYTES && time > 0;
      return { roundTripMs, bytesPerSecond: isKnown ? Math.round((bytes * 1000) / time) : undefined };
    },
  };
}

/** One for each origin. */
export function createLinkMeters(): LinkMeters {
  const meters = new Map<string, LinkMeter>();
  return {
    of(origin) {
      const meter = meters.get(origin) ?? createLinkMeter();
      meters.set(origin, meter);
      return meter;
    },
    has: (origin) => meters.has(origin),
    measure: (origin) => meters.get(origin)?.measure(),
  };
}

function push(samples: number[], value: number): void {
  samples.push(value);
  if (samples.length > SAMPLES) samples.shift();
}

/** The lower one of two. */
function median(samples: readonly number[]): number | undefined {
  return samples.toSorted((a, b) => a - b)[Math.floor((samples.length - 1) / 2)];
}
