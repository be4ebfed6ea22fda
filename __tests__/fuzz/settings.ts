// How long the fuzzers run and from which seed: a little and always the same in CI, else as `npm run fuzz` says.
import fc from 'fast-check';

/** What CI runs with. Any seed will do; it only has to stay, so that a change is not blamed for what it did not do. */
const CI_SEED = 20_260_727;

const { FUZZ_SEED, FUZZ_RUNS, FUZZ_PATH, FUZZ_SECONDS } = process.env;

const seed = FUZZ_SEED === undefined ? CI_SEED : Number(FUZZ_SEED);

/** A single case again: nothing can be said of all runs together. */
export const isReplay = FUZZ_PATH !== undefined;

/** For the test runner: a long run may take long. */
export const TIMEOUT = 24 * 3600_000;
/** In CI the number of runs is the bound; this one is for shrinking what fails. */
const CI_SECONDS = 300;

/** Checks a property with that many runs in CI; a failure is shrunk, and tells how to see it again. */
export async function fuzz<T>(
  arbitrary: fc.Arbitrary<T>,
  runs: number,
  check: (value: T) => Promise<void> | void,
): Promise<void> {
  const seconds = FUZZ_SECONDS === undefined ? CI_SECONDS : Number(FUZZ_SECONDS);
  await fc.assert(
    fc.asyncProperty(arbitrary, async (value) => check(value)),
    {
      seed,
      numRuns: FUZZ_RUNS === undefined ? runs : Number(FUZZ_RUNS),
      interruptAfterTimeLimit: seconds * 1000,
      markInterruptAsFailure: false,
      ...(FUZZ_PATH === undefined ? {} : { path: FUZZ_PATH }),
    },
  );
}
