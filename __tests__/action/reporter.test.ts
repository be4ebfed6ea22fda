import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createReporter, type LogSink, type Reporter } from '../../src/action/reporter.ts';
import type { PullEvent } from '../../src/progress/events.ts';

let lines: string[];
let reporter: Reporter;

beforeEach(() => {
  vi.useFakeTimers();
  lines = [];
  const take = (kind: string) => (text: string | Error) => void lines.push(`${kind} ${text}`);
  const sink: LogSink = {
    info: take('info'),
    debug: take('debug'),
    warning: take('warning'),
    startGroup: take('group'),
    endGroup: () => void lines.push('end'),
  };
  reporter = createReporter(sink);
});
afterEach(() => {
  reporter.close();
  vi.useRealTimers();
});

function emit(...events: PullEvent[]): void {
  for (const event of events) reporter.emit(event);
}

describe('the log of a pull', () => {
  it('is grouped by stage, with a line for each layer that says why', () => {
    emit(
      { kind: 'stage', stage: 'resolve' },
      { kind: 'resolved', image: 'r/a@sha256:1', platform: 'linux/amd64', layers: 2, compressedSize: 5000 },
      { kind: 'stage', stage: 'restore' },
      { kind: 'info', message: 'restored' },
      { kind: 'stage', stage: 'plan' },
      { kind: 'layer', index: 0, digest: 'sha256:1', way: 'ranges', ranges: 3, missing: 1000, cached: 2000 },
      { kind: 'layer', index: 1, digest: '', way: 'cached', missing: 0, cached: 2000 },
      { kind: 'stage', stage: 'fetch' },
      { kind: 'unpacked', index: 0, entries: 12 },
    );
    expect(lines).toEqual([
      'group Resolve the image',
      'info r/a@sha256:1 for linux/amd64: 5.00 kB in 2 layers',
      'end',
      'group Restore chunks from the cache',
      'info restored',
      'end',
      'group Layers',
      'info layer 1 sha256:1: 3 ranges, 1.00 kB to fetch, 2.00 kB at hand',
      'info layer 2: cached, 2.00 kB at hand',
      'end',
      'group Fetch and unpack',
      'debug layer 1: 12 entries',
    ]);
  });

  it('has a heartbeat every five seconds while data flows, and is quiet otherwise', () => {
    emit({ kind: 'planned', bytes: 10_000_000 }, { kind: 'received', bytes: 1_000_000 });
    vi.advanceTimersByTime(4999);
    expect(lines).toEqual([]);
    emit({ kind: 'received', bytes: 1_500_000 });
    vi.advanceTimersByTime(1);
    expect(lines).toEqual(['info fetched 2.50 MB of 10.0 MB (25%)']);
    vi.advanceTimersByTime(60_000);
    expect(lines).toHaveLength(1);
  });

  it('takes bytes that turn out to be unneeded off the total', () => {
    emit({ kind: 'planned', bytes: 10_000_000 }, { kind: 'received', bytes: 2_500_000 });
    emit({ kind: 'replanned', bytes: -5_000_000 });
    vi.advanceTimersByTime(5000);
    expect(lines).toEqual(['info fetched 2.50 MB of 5.00 MB (50%)']);
  });

  it('passes warnings on as one harmless line', () => {
    emit({ kind: 'warning', message: 'skipped a\n::error::b' }, { kind: 'debug', message: '##[error]' });
    expect(lines).toEqual(['warning skipped a ::error::b', 'debug # #[error]']);
  });

  it('ends an open group when it is closed', () => {
    emit({ kind: 'stage', stage: 'restore' });
    reporter.close();
    reporter.close();
    expect(lines.filter((line) => line === 'end')).toHaveLength(1);
  });
});
