import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HEARTBEAT_MS, REDRAW_MS, Reporter, type ReporterOptions } from '../../src/cli/reporter.ts';

const CLEAR = '\r\u001b[K';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function start(options: Partial<ReporterOptions> = {}) {
  const written: string[] = [];
  const write = (text: string): void => void written.push(text);
  const reporter = new Reporter({ write, columns: () => undefined, quiet: false, debug: false, ...options });
  return { reporter, written };
}

const fetching = (reporter: Reporter): void => {
  reporter.emit({ kind: 'stage', stage: 'fetch' });
  reporter.emit({ kind: 'planned', bytes: 1000 });
};

describe('on a terminal', () => {
  const columns = () => 40;

  it('redraws one line in place, within the width', () => {
    const { reporter, written } = start({ columns });
    fetching(reporter);
    vi.advanceTimersByTime(REDRAW_MS * 2);
    expect(written).toHaveLength(2);
    const [clear, line] = [written[1]?.slice(0, CLEAR.length), written[1]?.slice(CLEAR.length)];
    expect(clear).toBe(CLEAR);
    expect(line).toMatch(/^ {2}0%.{1,35}$/);
    reporter.stop();
  });

  it('clears the line at the end and draws no more', () => {
    const { reporter, written } = start({ columns });
    vi.advanceTimersByTime(REDRAW_MS);
    reporter.stop();
    vi.advanceTimersByTime(REDRAW_MS * 5);
    expect(written.at(-1)).toBe(CLEAR);
    expect(written).toHaveLength(2);
  });

  it('puts messages on lines of their own', () => {
    const { reporter, written } = start({ columns });
    vi.advanceTimersByTime(REDRAW_MS);
    reporter.emit({ kind: 'warning', message: 'careful' });
    expect(written.slice(1)).toEqual([CLEAR, 'warning: careful\n']);
    reporter.stop();
  });
});

describe('without a terminal', () => {
  it('writes a plain line every few seconds', () => {
    const { reporter, written } = start();
    fetching(reporter);
    vi.advanceTimersByTime(HEARTBEAT_MS - 1);
    expect(written).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(written).toEqual(['0%  0 B of 1.00 kB  0 of 0 layers unpacked\n']);
    reporter.stop();
  });

  it('does not repeat itself', () => {
    const { reporter, written } = start();
    vi.advanceTimersByTime(HEARTBEAT_MS * 4);
    expect(written).toEqual(['resolving the image\n']);
    reporter.stop();
  });

  it('writes nothing for a pull that is quick', () => {
    const { reporter, written } = start();
    fetching(reporter);
    reporter.stop();
    expect(written).toEqual([]);
  });
});

describe('messages', () => {
  const emitAll = (reporter: Reporter): void => {
    reporter.emit({ kind: 'info', message: 'i' });
    reporter.emit({ kind: 'warning', message: 'w' });
    reporter.emit({ kind: 'debug', message: 'd' });
    reporter.stop();
  };

  it.each([
    ['are shown but for debug ones', {}, ['i\n', 'warning: w\n']],
    ['are all shown for debugging', { debug: true }, ['i\n', 'warning: w\n', 'debug: d\n']],
    ['are not shown when quiet', { quiet: true, debug: true }, []],
  ])('%s', (_, options, expected) => {
    const { reporter, written } = start(options);
    emitAll(reporter);
    expect(written).toEqual(expected);
  });

  it('are shown when quiet where something else may have been made than was asked for', () => {
    const { reporter, written } = start({ quiet: true });
    reporter.emit({ kind: 'warning', message: 'not from the registry', isVital: true });
    expect(written).toEqual(['warning: not from the registry\n']);
  });

  it('cannot move the cursor', () => {
    const { reporter, written } = start();
    reporter.emit({ kind: 'warning', message: 'a\u001b[2J\nb' });
    reporter.stop();
    expect(written).toEqual(['warning: a [2J b\n']);
  });

  it('comes with no progress when quiet', () => {
    const { reporter, written } = start({ quiet: true });
    fetching(reporter);
    vi.advanceTimersByTime(HEARTBEAT_MS * 2);
    expect(written).toEqual([]);
  });
});
