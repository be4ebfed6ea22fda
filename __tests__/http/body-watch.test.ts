import { describe, expect, it } from 'vitest';
import { createBodyWatch } from '../../src/http/body-watch.ts';
import { createLinkMeter } from '../../src/http/link.ts';
import { createStallWatch } from '../../src/http/stall.ts';

const stall = createStallWatch(15_000);
const GOOD = 64 * 1024;

function watchOne(meter = createLinkMeter()) {
  const told: string[] = [];
  const watch = createBodyWatch({
    meter,
    stallWindow: 15_000,
    onBytes: () => told.push('bytes'),
    onTrouble: () => told.push('trouble'),
  });
  const receive = (bytes: number) => {
    watch.wait();
    watch.arrived(bytes, stall);
  };
  return { watch, told, receive };
}

describe('a body', () => {
  it('is a sign of life with every piece that arrives', () => {
    const { told, receive } = watchOne();
    receive(10);
    receive(10);
    expect(told).toEqual(['bytes', 'bytes']);
  });

  it.each([
    ['broke', 'broken', 0, ['trouble']],
    ['broke', 'broken', GOOD - 1, ['bytes', 'trouble']],
    ['broke late', 'broken', GOOD, ['bytes']],
    ['was given up', 'aborted', 10, ['bytes']],
    ['ended early, being too short', 'ended', 10, ['bytes']],
  ] as const)('that %s (%s after %d bytes) tells: %j', (_name, why, bytes, expected) => {
    const { watch, told, receive } = watchOne();
    if (bytes > 0) receive(bytes);
    watch.wait();
    watch.failed(why);
    expect(told).toEqual(expected);
    expect(watch.isFinished).toBe(false);
  });

  it('that came whole counts for what is usual at its origin, others do not', () => {
    const meter = createLinkMeter(() => 0);
    for (let bodies = 0; bodies < 8; bodies++) {
      const { watch, receive } = watchOne(meter);
      receive(1 << 20);
      watch.wait();
      watch.failed('broken');
    }
    expect(meter.usualRate()).toBeUndefined();
    for (let bodies = 0; bodies < 4; bodies++) {
      const { watch, receive } = watchOne(meter);
      receive(1 << 20);
      watch.finished();
      expect(watch.isFinished).toBe(true);
    }
    expect(meter.usualRate()).toBeGreaterThan(0);
  });
});
