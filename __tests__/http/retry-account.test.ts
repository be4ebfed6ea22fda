import { describe, expect, it } from 'vitest';
import { type Failure, judge, PATIENCE_MS, payIn } from '../../src/http/retry-account.ts';

const broken: Failure = {
  error: { retry: 'soon', code: 'REGISTRY_UNAVAILABLE', retryAfter: undefined },
  took: 0,
  hasAnswered: true,
};
const limited = (retryAfter?: number): Failure => ({
  ...broken,
  error: { retry: 'soon', code: 'RATE_LIMITED', retryAfter },
});
const unknown: Failure = {
  error: { retry: 'unreachable', code: 'REGISTRY_UNAVAILABLE', retryAfter: undefined },
  took: 0,
  hasAnswered: false,
};

/** A fake clock: what happens when the same failure comes again and again, with `bytes` before each. */
function run(failure: Failure, { bytes = 0, random = 0.5, limit = 10_000 } = {}) {
  let left = PATIENCE_MS;
  let time = 0;
  const waits: number[] = [];
  for (let failures = 1; failures <= limit; failures++) {
    left = payIn(left, bytes);
    const verdict = judge(left, failure, random);
    time += failure.took;
    if (verdict.wait === undefined) return { failures, time, waits, hasEnded: true };
    left = verdict.left - verdict.wait;
    time += verdict.wait;
    waits.push(verdict.wait);
  }
  return { failures: limit, time, waits, hasEnded: false };
}

describe('the account of an exchange that only fails', () => {
  it.each([
    [0.01, 60, 200],
    [0.5, 10, 25],
    [1, 6, 20],
  ])('ends within the patience, whatever the dice say (%d)', (random, fewest, most) => {
    const { failures, time } = run(broken, { random });
    expect(time).toBeLessThanOrEqual(PATIENCE_MS);
    expect(failures).toBeGreaterThanOrEqual(fewest);
    expect(failures).toBeLessThanOrEqual(most);
  });

  it('bears an outage of a minute', () => {
    expect(run(broken).time).toBeGreaterThan(60_000);
    expect(run(broken, { random: 1 }).time).toBeGreaterThan(60_000);
  });

  it('waits longer and longer, and never longer than 15 s', () => {
    const { waits } = run(broken, { random: 1 });
    expect(waits[0]).toBe(500);
    expect(waits.slice(0, -1)).toEqual(waits.slice(0, -1).toSorted((a, b) => a - b));
    expect(Math.max(...waits)).toBe(15_000);
  });

  it('pays for the time that attempts hang, too', () => {
    const { failures, time } = run({ ...broken, took: 30_000 });
    expect(failures).toBeLessThanOrEqual(3);
    expect(time).toBeLessThanOrEqual(PATIENCE_MS + 30_000);
  });

  it('is closed after three attempts at a host that never answered, within a second', () => {
    const { failures, time } = run(unknown, { random: 1 });
    expect(failures).toBe(3);
    expect(time).toBeLessThan(1000);
  });

  it('is closed soon for a quota without a stated end', () => {
    expect(run(limited()).failures).toBeLessThan(7);
  });
});

describe('bytes', () => {
  it('pay for any number of failures when each comes after 256 KiB, almost without waits', () => {
    const { hasEnded, waits } = run(broken, { bytes: 256 * 1024, random: 1 });
    expect(hasEnded).toBe(false);
    expect(Math.max(...waits)).toBeLessThanOrEqual(20);
  });

  it.each([0, 0.5, 1])(
    'outlast failures at a steady ten a second with an error every second (%d)',
    (random) => {
      expect(run(broken, { bytes: 10, random }).hasEnded).toBe(false);
    },
  );

  it('do not when a server gives one for each connection, for ever', () => {
    const { hasEnded, failures, time } = run(broken, { bytes: 1 });
    expect(hasEnded).toBe(true);
    expect(failures).toBeLessThan(40);
    expect(time).toBeLessThan(2 * PATIENCE_MS);
  });

  it('make up for failures before them, one to one with time', () => {
    let left = PATIENCE_MS;
    for (let failures = 0; failures < 5; failures++) left = judge(left, broken, 0.5).left - 2000;
    expect(payIn(left, 10_000)).toBeGreaterThan(PATIENCE_MS);
    expect(payIn(left, 10)).toBe(left + 1000);
  });
});

describe('a wait that the server asks for', () => {
  it('is kept to, with no more than half a second on top', () => {
    for (const random of [0, 0.5, 1]) {
      const { wait } = judge(PATIENCE_MS, limited(20_000), random);
      expect(wait).toBeGreaterThanOrEqual(20_000);
      expect(wait).toBeLessThanOrEqual(20_500);
    }
  });

  it.each([
    ['longer than a minute', PATIENCE_MS, 60_001],
    ['longer than there is patience left', 10_000, 15_000],
  ])('is the end when it is %s', (_name, left, retryAfter) => {
    expect(judge(left, limited(retryAfter), 0).wait).toBeUndefined();
  });

  it('is not cut short by good progress', () => {
    expect(judge(payIn(PATIENCE_MS, 1e9), limited(5000), 0).wait).toBe(5000);
  });
});
