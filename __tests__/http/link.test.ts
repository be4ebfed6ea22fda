import { describe, expect, it } from 'vitest';
import { createLinkMeter } from '../../src/http/link.ts';
import { createStallWatch } from '../../src/http/stall.ts';

const MIB = 1024 * 1024;

function fakeMeter() {
  let time = 0;
  const meter = createLinkMeter(() => time);
  const receive = (bytes: number, milliseconds: number) => {
    meter.wait();
    time += milliseconds;
    meter.arrived(bytes);
  };
  const pass = (milliseconds: number) => {
    time += milliseconds;
  };
  return { meter, receive, pass };
}

describe('the measure of a link', () => {
  it('is unknown before the first answer, and its rate before the first bytes', () => {
    const { meter } = fakeMeter();
    expect(meter.measure()).toBeUndefined();
    meter.answered(20);
    expect(meter.measure()).toEqual({ roundTripMs: 20, bytesPerSecond: undefined });
  });

  it('takes the quickest of the last answers', () => {
    const { meter } = fakeMeter();
    for (const time of [90, 20]) meter.answered(time);
    expect(meter.measure()?.roundTripMs).toBe(20);
    for (const time of [21, 22, 23, 400]) meter.answered(time);
    expect(meter.measure()?.roundTripMs).toBe(20);
    for (let count = 0; count < 16; count++) meter.answered(50);
    expect(meter.measure()?.roundTripMs).toBe(50);
  });

  it('counts time in which a body was waited for, not that of a busy reader', () => {
    const { meter, receive, pass } = fakeMeter();
    meter.answered(1);
    receive(MIB, 500);
    pass(10_000);
    receive(MIB, 500);
    expect(meter.measure()?.bytesPerSecond).toBe(2 * MIB);
  });

  it('counts time in which several readers waited once', () => {
    const { meter, pass } = fakeMeter();
    meter.answered(1);
    for (let reader = 0; reader < 4; reader++) meter.wait();
    for (let reader = 0; reader < 4; reader++) {
      pass(250);
      meter.arrived(MIB);
    }
    expect(meter.measure()?.bytesPerSecond).toBe(4 * MIB);
  });

  it('forgets how fast it was a while ago', () => {
    const { meter, receive } = fakeMeter();
    meter.answered(1);
    receive(100 * MIB, 1000);
    for (let second = 0; second < 20; second++) receive(MIB, 1000);
    expect(meter.measure()?.bytesPerSecond).toBeLessThan(1.1 * MIB);
  });
});

describe('a connection', () => {
  const isStalled = (rate: number, usual: number | undefined, watch = createStallWatch(15_000)) => {
    for (let seconds = 1; seconds <= 60; seconds++) if (watch.isStalled(rate, 1000, usual)) return seconds;
    return false;
  };

  it.each([
    ['a drip', 1000, undefined, 15],
    ['a drip like all others', 1000, 1000, 15],
    ['slow, and nothing is known of others', 20_000, undefined, false],
    ['much slower than others', 100_000, 10 * MIB, 15],
    ['somewhat slower than others', 2 * MIB, 10 * MIB, false],
  ])('is given up in time, or kept: %s', (_name, rate, usual, expected) => {
    expect(isStalled(rate, usual)).toBe(expected);
  });

  it('is not judged by a short silence, nor by the bytes of another', () => {
    const watch = createStallWatch(15_000);
    expect(watch.isStalled(0, 14_999, undefined)).toBe(false);
    watch.restart();
    expect(watch.isStalled(0, 14_999, undefined)).toBe(false);
    expect(watch.isStalled(10 * MIB, 1, undefined)).toBe(false);
  });

  it('is given up twice at most for one body', () => {
    const watch = createStallWatch(15_000);
    expect([1, 2, 3, 4].map(() => isStalled(10, undefined, watch))).toEqual([15, 15, false, false]);
  });
});
