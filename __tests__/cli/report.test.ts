import { describe, expect, it } from 'vitest';
import { renderError, renderReport, toJson } from '../../src/cli/report.ts';
import { PullError } from '../../src/errors.ts';
import { layerReport, pullResult } from '../support/pull-result.ts';

const RESULT = pullResult({
  image: 'docker.io/library/app@sha256:aa',
  rootPath: '/job/rootfs',
  configPath: '/job/rootfs.config.json',
  bytesDownloaded: 41_234_567,
  bytesFromCache: 310_000_000,
  bytesTotal: 352_000_000,
  requests: 12,
  layers: [
    layerReport({ digest: 'sha256:l1', compressedSize: 300_000_000 }),
    layerReport({ digest: 'sha256:l2', format: 'gzip', way: 'whole', reason: 'the server ignores ranges' }),
  ],
  timings: { resolve: 200, restore: 300, plan: 40, fetchAndUnpack: 2_500, finish: 100, total: 3_140 },
  warnings: ['2 devices were left out'],
  newPacks: [{ key: 'k', path: '/packs/k.pack', size: 1, liveBytes: 1 }],
});

describe('the report for people', () => {
  it('says what, where, how many bytes and how long', () => {
    expect(renderReport(RESULT)).toBe(
      [
        'docker.io/library/app@sha256:aa (linux/amd64)',
        'is in /job/rootfs, its config in /job/rootfs.config.json',
        '41.2 MB downloaded, 310 MB from the cache; 12 requests, 3.1 s',
      ].join('\n'),
    );
  });

  it('says what was left out, and where the list of it is', () => {
    const skipped = { count: 3, byKind: { device: 2, fifo: 1, xattr: 0 }, first: [] };
    const report = renderReport({ ...RESULT, skipped, skippedPath: '/job/rootfs.skipped.json' });
    expect(report).toContain('\nleft out: 2 devices, 1 FIFO, listed in /job/rootfs.skipped.json\n');
  });

  it('says it when nothing was downloaded', () => {
    const warm = { ...RESULT, cacheHit: true, bytesDownloaded: 0, bytesFromCache: 352_000_000, requests: 1 };
    expect(renderReport(warm)).toContain('\nall 352 MB from the cache; 1 request, 3.1 s');
    const local = { ...warm, bytesFromCache: 0, bytesFromSeed: 352_000_000, requests: 0 };
    expect(renderReport(local)).toContain('\nall 352 MB from this machine; 0 requests, 3.1 s');
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
      'format',
      'manifest-kept',
      'ownership',
      'skipped',
      'skipped-path',
      'cache-hit',
      'bytes-downloaded',
      'bytes-from-cache',
      'bytes-from-seed',
      'bytes-total',
      'cache-repairs',
      'part',
      'requests',
      'hosts',
      'layers',
      'timings',
      'warnings',
    ]);
  });

  it('carries the values unchanged', () => {
    expect(toJson(RESULT)).toMatchObject({
      'index-digest': RESULT.indexDigest,
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

  it('tells what part of the image the tree is, and what proved its layers', () => {
    expect(toJson(RESULT)).toMatchObject({ part: null, layers: [{ chain: 'diff-id' }, {}] });
    const part = { matched: 12, idle: [], bytesRead: 400, bytesWritten: 10 };
    expect(toJson({ ...RESULT, part, layers: [layerReport({ chain: 'toc' })] })).toMatchObject({
      part: { matched: 12, 'file-bytes': 10, 'file-bytes-total': 400 },
      layers: [{ chain: 'toc' }],
    });
    expect(renderReport({ ...RESULT, part })).toContain(
      '\nneeded: 10 B of 400 B of files in all layers (2%)\n',
    );
  });

  it('gives times in whole milliseconds', () => {
    const timings = { ...RESULT.timings, total: 3140.1234 };
    expect(toJson({ ...RESULT, timings })).toMatchObject({ timings: { total: 3140 } });
  });

  it('has null for the index of an image that has none', () => {
    const { indexDigest: _, ...withoutIndex } = RESULT;
    expect(toJson(withoutIndex)).toMatchObject({ 'index-digest': null });
  });

  it('counts what was left out and names the list of it', () => {
    expect(toJson(RESULT)).toMatchObject({ ownership: 'runner', skipped: 0, 'skipped-path': null });
    const skipped = { count: 3, byKind: { device: 3, fifo: 0, xattr: 0 }, first: [] };
    const skippedPath = '/job/rootfs.skipped.json';
    expect(toJson({ ...RESULT, skipped, skippedPath })).toMatchObject({
      skipped: 3,
      'skipped-path': skippedPath,
    });
  });

  it('leaves out what only the next save needs', () => {
    expect(JSON.stringify(toJson(RESULT))).not.toContain('/packs/');
  });
});

describe('a failure', () => {
  it('is told with its cause, a hint, its code, and where that is explained', () => {
    const error = new PullError('NOT_FOUND', 'no such tag', { cause: new Error('404'), hint: 'Look again.' });
    expect(renderError(error).split('\n')).toEqual([
      'error: no such tag',
      'cause: 404',
      'hint: Look again.',
      'code: NOT_FOUND',
      'see: docs/errors.md#not_found',
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
