// What must be true of damaged input: it is taken or refused with a PullError, soon, and without much memory.
import { PullError } from '../../src/errors.ts';

/**
 * Processor time of one input, all threads together; real ones take milliseconds. Not the time on the clock, which a busy
 * disk can stop for a minute. What waits for ever without working is for the watchdog.
 */
const MAX_CPU_SECONDS = 5;

/** Faults that nobody but the input can be blamed for. */
const INPUT_FAULTS: readonly string[] = ['TAR_INVALID', 'PATH_UNSAFE', 'LIMIT_EXCEEDED', 'UNPACK_FAILED'];

export type Fate<T> =
  | { readonly kind: 'taken'; readonly value: T }
  | { readonly kind: 'refused'; readonly code: string };

/** Throws if the input was neither taken nor refused properly. */
export async function fateOf<T>(run: () => Promise<T> | T): Promise<Fate<T>> {
  const before = process.cpuUsage();
  const fate = await attempt(run);
  const { user, system } = process.cpuUsage(before);
  const seconds = (user + system) / 1e6;
  if (seconds > MAX_CPU_SECONDS) throw new Error(`took ${seconds.toFixed(1)} s of processor time`);
  return fate;
}

async function attempt<T>(run: () => Promise<T> | T): Promise<Fate<T>> {
  try {
    return { kind: 'taken', value: await run() };
  } catch (error) {
    if (error instanceof PullError && INPUT_FAULTS.includes(error.code))
      return { kind: 'refused', code: error.code };
    throw new Error(`neither taken nor refused: ${String(error)}`, { cause: error });
  }
}

/** The most memory this process ever had, in bytes. */
export function peakMemory(): number {
  return process.resourceUsage().maxRSS * 1024;
}
