import { describe, expect, it } from 'vitest';
import { renderError, renderReport, toJson } from '../../src/cli/report.ts';
import { PullError } from '../../src/errors.ts';
import { RESULT } from '../support/pull-result.ts';

describe('the report for people', () => {
  it('says what, where, how many bytes and how long', () => {
    expect(renderReport(RESULT)).toBe(
      [
        'docker.io/library/app@sha256:aa (linux/amd64)',
        'is in /work/rootfs, its config in /work/rootfs.config.json',
        '41.2 MB downloaded, 310 MB from the cache; 12 requests, 3.1 s',
      ].join('\n'),
    );
  });

  it('says it when nothing was downloaded', () => {
    const warm = { ...RESULT, cacheHit: true, bytesDownloaded: 0, bytesFromCache: 352_000_000, requests: 1 };
    expect(renderReport(warm)).toContain('\nall 352 MB from the cache; 1 request, 3.1 s');
  });
});

describe('the report for programs', () => {
  it('has the keys that are promised', () => {
    expect(Object.keys(toJson(RESULT))).toEqual([
      'digest',
      'index-digest',
      'image',
      'platform',
      'root-path',
      'config-path',
      'cache-hit',
      'bytes-downloaded',
      'bytes-from-cache',
      'bytes-total',
      'requests',
      'layers',
      'timings',
      'warnings',
    ]);
  });

  it('carries the values unchanged', () => {
    expect(toJson(RESULT)).toMatchObject({
      'index-digest': 'sha256:ii',
      'cache-hit': false,
      'bytes-downloaded': 41_234_567,
      layers: [
        { digest: 'sha256:l1', way: 'ranges', reason: null, 'compressed-size': 300_000_000 },
        { digest: 'sha256:l2', way: 'whole', reason: 'the server ignores ranges' },
      ],
      timings: { 'fetch-and-unpack': 2_500, total: 3_140 },
      warnings: ['2 devices were left out'],
    });
  });

  it('has null for the index of an image that has none', () => {
    const { indexDigest: _, ...withoutIndex } = RESULT;
    expect(toJson(withoutIndex)).toMatchObject({ 'index-digest': null });
  });

  it('leaves out what only the next save needs', () => {
    expect(JSON.stringify(toJson(RESULT))).not.toContain('/packs/');
  });
});

describe('a failure', () => {
  it('is told with its cause, a hint and its code', () => {
    const error = new PullError('NOT_FOUND', 'no such tag', { cause: new Error('404'), hint: 'Look again.' });
    expect(renderError(error).split('\n')).toEqual([
      'error: no such tag',
      'cause: 404',
      'hint: Look again.',
      'code: NOT_FOUND',
    ]);
  });

  it('has no line for a cause that is not known', () => {
    expect(renderError(new PullError('ABORTED', 'cancelled'))).not.toContain('cause');
  });

  it('does not show the secrets of a URL in the cause', () => {
    const cause = new Error('GET https://me:secret@h/b?sig=secret failed');
    expect(renderError(new PullError('REGISTRY_UNAVAILABLE', 'failed', { cause }))).not.toContain('secret');
  });
});
