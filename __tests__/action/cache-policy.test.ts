import { describe, expect, it } from 'vitest';
import { type CacheDecision, type CacheFacts, decideCache } from '../../src/action/cache-policy.ts';

const hosted: CacheFacts = {
  requested: 'auto',
  jobMode: '',
  serviceAvailable: true,
  isRestricted: false,
  visibility: 'public',
  store: 'temporary',
  hasSeveral: false,
};

/** s: store, r: remote; r or w after it. */
function rights(decision: CacheDecision): string {
  const { storeRead, storeWrite, remoteRead, remoteWrite } = decision;
  const flags = { sr: storeRead, sw: storeWrite, rr: remoteRead, rw: remoteWrite };
  return Object.entries(flags)
    .flatMap(([flag, on]) => (on ? [flag] : []))
    .join(' ');
}

const ALL = 'sr sw rr rw';

describe('the cache policy', () => {
  it.each<[string, Partial<CacheFacts>, string]>([
    ['a public image in a public repository', {}, ALL],
    ['cache-mode write', { requested: 'write' }, ALL],
    ['cache-mode read', { requested: 'read' }, 'sr rr'],
    ['cache-mode none', { requested: 'none' }, ''],
    ['cache-mode write-only', { requested: 'write-only' }, 'sw rw'],
    ['cache-mode write-only in a job that may only read', { requested: 'write-only', jobMode: 'read' }, ''],
    ['a restricted image in a private repository', { isRestricted: true, visibility: 'private' }, ALL],
    ['a restricted image in a public repository', { isRestricted: true }, ''],
    ['a restricted image in an internal repository', { isRestricted: true, visibility: 'internal' }, ''],
    [
      'a restricted image in a repository nothing is known of',
      { isRestricted: true, visibility: 'unknown' },
      '',
    ],
    ['an open image in a repository nothing is known of', { visibility: 'unknown' }, ALL],
    [
      'a restricted image in a public repository, but the user says write',
      { isRestricted: true, requested: 'write' },
      ALL,
    ],
    [
      'a restricted image in a public repository, but the user says read',
      { isRestricted: true, requested: 'read' },
      'sr rr',
    ],
    ['a job that may not use the cache', { jobMode: 'none' }, 'sr'],
    ['a job that may only read', { jobMode: 'read' }, 'sr rr'],
    ['a job that may only read, whatever the input says', { jobMode: 'READ ', requested: 'write' }, 'sr rr'],
    ['a job that may only write', { jobMode: 'write-only' }, 'sr sw rw'],
    ['a job that may do both', { jobMode: 'write' }, ALL],
    ['a job mode that is not known', { jobMode: 'constructor' }, ALL],
    ['cache-mode read in a job that may only write', { jobMode: 'write-only', requested: 'read' }, 'sr'],
    ['a runner without a cache service', { serviceAvailable: false }, 'sr'],
    ['a self-hosted runner', { store: 'tool-cache' }, 'sr sw'],
    [
      'a self-hosted runner whose user wants the service too',
      { store: 'tool-cache', requested: 'write' },
      ALL,
    ],
    ['a self-hosted runner, read', { store: 'tool-cache', requested: 'read' }, 'sr rr'],
    ['a self-hosted runner, none', { store: 'tool-cache', requested: 'none' }, ''],
    [
      'a self-hosted runner of a public repository, and a restricted image',
      { store: 'tool-cache', isRestricted: true },
      '',
    ],
    ['a directory the user named', { store: 'cache-dir' }, 'sr sw'],
    [
      'a directory the user named, and a restricted image',
      { store: 'cache-dir', isRestricted: true },
      'sr sw',
    ],
    ['a directory the user named, and the service', { store: 'cache-dir', requested: 'write' }, ALL],
    ['a directory, in a job that may not use the service', { store: 'cache-dir', jobMode: 'none' }, 'sr sw'],
  ])('for %s', (_, changes, expected) => {
    const decision = decideCache({ ...hosted, ...changes });
    expect(rights(decision)).toBe(expected);
    expect(decision.reason).not.toBe('');
  });

  it('is never wider than the job', () => {
    for (const requested of ['auto', 'none', 'read', 'write', 'write-only'] as const)
      for (const store of ['temporary', 'tool-cache', 'cache-dir'] as const) {
        const facts = { ...hosted, requested, store };
        expect(rights(decideCache({ ...facts, jobMode: 'none' }))).not.toMatch(/r[rw]/);
        expect(decideCache({ ...facts, jobMode: 'read' }).remoteWrite).toBe(false);
        expect(decideCache({ ...facts, jobMode: 'write-only' }).remoteRead).toBe(false);
      }
  });

  it('tells how to cache what it leaves out', () => {
    const { reason } = decideCache({ ...hosted, isRestricted: true });
    expect(reason).toContain('public');
    expect(reason).toContain('cache-mode');
  });
});
