// `npm run fuzz`: runs the fuzzers of __tests__/fuzz longer than CI does, from a new seed each time, until one fails or time is up.
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const USAGE = `usage: npm run fuzz -- [options]
  --minutes N   how long, rounds of a minute for each property (default: 10)
  --runs N      one round of N runs for each property, however long it takes
  --seed N      of the first round; each round adds one (default: a random one)
  --only NAME   stacks, program, tar-mutants, metadata-mutants or compression-mutants
  --test TEXT   only properties whose name holds it
  --path PATH   a failing case again, as the failure names it; with --seed, --only and --test`;
const ROOT = join(import.meta.dirname, '..');
const ROUND_SECONDS = 60;
const MAX_SEED = 2 ** 31 - 1;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    runs: { type: 'string' },
    seed: { type: 'string' },
    only: { type: 'string' },
    test: { type: 'string' },
    path: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) console.log(USAGE);
else process.exitCode = runRounds();

function runRounds(): number {
  const first = numberOf('seed', values.seed ?? String(randomInt(MAX_SEED)));
  const end = performance.now() + numberOf('minutes', values.minutes) * 60_000;
  const isOne = values.runs !== undefined || values.path !== undefined;
  let seed = first;
  do {
    console.log(`seed ${seed}`);
    if (!runRound(seed)) {
      console.log(
        `failed. Again: npm run fuzz -- --seed ${seed} --only <file> --test <name> --path <path of the failure>`,
      );
      return 1;
    }
    seed++;
  } while (!isOne && performance.now() < end);
  console.log(`${seed - first} rounds without a failure, seeds ${first} to ${seed - 1}`);
  return 0;
}

/** Whether all held. */
function runRound(seed: number): boolean {
  const file = `__tests__/fuzz/${values.only === undefined ? '' : `${values.only}.test.ts`}`;
  const bounds =
    values.runs === undefined
      ? { FUZZ_RUNS: String(MAX_SEED), FUZZ_SECONDS: String(ROUND_SECONDS) }
      : { FUZZ_RUNS: String(numberOf('runs', values.runs)), FUZZ_SECONDS: String(MAX_SEED / 1000) };
  const path = values.path === undefined ? {} : { FUZZ_PATH: values.path, FUZZ_RUNS: '1' };
  const name = values.test === undefined ? [] : ['-t', values.test];
  const { status } = spawnSync(
    process.execPath,
    [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', file, ...name],
    { cwd: ROOT, stdio: 'inherit', env: { ...process.env, FUZZ_SEED: String(seed), ...bounds, ...path } },
  );
  return status === 0;
}

function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value >= 0) return value;
  throw new Error(`--${name} ${text} is no number\n${USAGE}`);
}
