// One pause for all: when a server asks to be left alone, every request to it waits, not just the one that was told.
import { abortedError, waitFor } from './abort.ts';

export interface OriginGate {
  /** Milliseconds from now. */
  pause(origin: string, milliseconds: number): void;
  /** Waits until the origin may be asked again. Throws ABORTED. */
  pass(origin: string, signal: AbortSignal): Promise<void>;
}

export function createOriginGate(): OriginGate {
  const openAt = new Map<string, number>();
  return {
    pause(origin, milliseconds) {
      openAt.set(origin, Math.max(openAt.get(origin) ?? 0, performance.now() + milliseconds));
    },
    async pass(origin, signal) {
      for (;;) {
        if (signal.aborted) throw abortedError(signal);
        const wait = (openAt.get(origin) ?? 0) - performance.now();
        if (wait <= 0) return;
        await waitFor(wait, signal);
      }
    },
  };
}
