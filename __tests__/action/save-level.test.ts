import { describe, expect, it } from 'vitest';
import { levelOf } from '../../src/action/save-level.ts';
import type { SaveReport } from '../../src/cache/save.ts';

type Level = ReturnType<typeof levelOf>;

function report(more: Partial<SaveReport>): SaveReport {
  return { kind: 'incomplete', message: 'why', uploadedPacks: 0, uploadedBytes: 0, ...more };
}

describe('what became of a save is told', () => {
  it.each<[string, Partial<SaveReport>, Level, Level]>([
    ['a save', { kind: 'saved', uploadedPacks: 1 }, 'info', 'info'],
    ['a race that another job has won', { kind: 'raced' }, 'info', 'info'],
    ['nothing to do', { kind: 'nothing' }, 'info', 'info'],
    ['a token that may not write', { reason: 'denied' }, 'warning', 'warning'],
    ['a quota that is used up', { reason: 'quota' }, 'warning', 'warning'],
    ['too many requests', { reason: 'throttled' }, 'warning', 'warning'],
    ['a service that cannot be reached', { reason: 'network' }, 'warning', 'warning'],
    ['no service for this job', { reason: 'unavailable' }, 'warning', 'warning'],
    ['an upload that was not taken', { reason: 'failed' }, 'warning', 'info'],
    ['the same after packs went up', { reason: 'failed', uploadedPacks: 1 }, 'warning', 'notice'],
    ['the deadline, before anything went up', {}, 'info', 'info'],
    ['the deadline, after packs went up', { uploadedPacks: 2 }, 'notice', 'notice'],
  ])('%s', (_, more, raw, archive) => {
    expect(levelOf(report(more), 'raw')).toBe(raw);
    expect(levelOf(report(more), 'archive')).toBe(archive);
  });

  it.each([
    ['pull_request_target', 'info'],
    ['issue_comment', 'info'],
    ['workflow_run', 'info'],
    ['push', 'warning'],
    ['pull_request', 'warning'],
  ])('when a job of %s may not write: %s', (event, level) => {
    expect(levelOf(report({ reason: 'denied' }), 'raw', event)).toBe(level);
    expect(levelOf(report({ reason: 'quota' }), 'raw', event)).toBe('warning');
  });
});
