import { describe, expect, it } from 'vitest';
import { outputsOf, outputsOfAll } from '../../src/action/outputs.ts';
import { headline, renderSummary } from '../../src/action/summary.ts';
import type { LayerReport, PullResult } from '../../src/pull/result.ts';
import { layerReport, pullResult } from '../support/pull-result.ts';
import { SUMMARY_SAMPLES } from '../support/summary-samples.ts';

describe('the summary', () => {
  it.each(Object.entries(SUMMARY_SAMPLES))(
    'of a %s pull is as it was seen in a browser',
    async (name, result) => {
      await expect(renderSummary(result)).toMatchFileSnapshot(`./golden/summary-${name}.md`);
    },
  );

  it.each<[string, Partial<PullResult>, string]>([
    [
      'what came from where',
      { bytesDownloaded: 41_000_000, bytesFromCache: 311_000_000, bytesTotal: 352_000_000 },
      '41.0 of 352 MB downloaded, 88% from cache',
    ],
    [
      'a full hit',
      { cacheHit: true, bytesDownloaded: 0, bytesFromCache: 100_000_000 },
      'nothing of 100 MB downloaded, 100% from cache',
    ],
    [
      'what was on this machine',
      { bytesFromSeed: 90_000_000, bytesFromCache: 0 },
      '10.0 of 100 MB downloaded, 90% from this machine',
    ],
    [
      'both',
      { bytesFromSeed: 50_000_000, bytesFromCache: 40_000_000 },
      '10.0 of 100 MB downloaded, 40% from cache, 50% from this machine',
    ],
    [
      'a part of an image',
      {
        bytesDownloaded: 5_000_000,
        bytesFromCache: 15_000_000,
        bytesTotal: 320_000_000,
        part: { matched: 12, idle: [], bytesRead: 917_400_000, bytesWritten: 917_300_000 },
      },
      '5.00 of 320 MB downloaded, 75% of what was needed from cache',
    ],
    ['an image without layers', { layers: [], bytesTotal: 0, cacheHit: true }, 'it has no layers'],
  ])('begins with a line that says it all: %s', (_, changes, expected) => {
    const result = pullResult(changes);
    const [line] = renderSummary(result).split('\n');
    expect(line).toBe(
      `### Pulled <code>registry.test/app&#64;sha256:aaaaaaaaaaaa&#8230;</code> for linux/amd64 in 1.9 s; ${expected}`,
    );
    expect(headline(result)).toBe(`Pulled ${result.image} for linux/amd64 in 1.9 s; ${expected}`);
  });

  it('tells what share of the image was needed, and what proved each layer', () => {
    const part = { matched: 12, idle: [], bytesRead: 400_000_000, bytesWritten: 10_000_000 };
    const layers = [layerReport({ chain: 'toc' }), layerReport({ chain: 'digest' })];
    const markdown = renderSummary(pullResult({ part, layers }));
    expect(markdown).toContain('- needed: 10.0 MB of 400 MB of files in all layers (2%)\n');
    expect(markdown).toContain('| missing chunks | table of contents | 100 MB |');
    expect(markdown).toContain('| missing chunks | digest | 100 MB |');
  });

  it('leaves table and charts out where there is nothing for them', () => {
    const timings = { resolve: 0.2, restore: 0, plan: 0, fetchAndUnpack: 0, finish: 0, total: 0.2 };
    const empty = {
      layers: [],
      bytesTotal: 0,
      bytesDownloaded: 0,
      bytesFromCache: 0,
      cacheHit: true,
      timings,
    };
    const markdown = renderSummary(pullResult(empty));
    expect(markdown).not.toContain('|---');
    expect(markdown).not.toContain('mermaid');
  });

  it('advises to push as zstd:chunked where much came in layers that have no parts', () => {
    const gzip = { format: 'gzip', way: 'whole', bytesDownloaded: 30_000_000, bytesFromCache: 0 } as const;
    const layers = [layerReport(gzip), layerReport({ ...gzip, format: 'zstd' }), layerReport()];
    expect(renderSummary(pullResult({ layers }))).toContain(
      '**Advice**\n\n- 60.0 MB came in 2 gzip and zstd layers, which can be had only as a whole',
    );
  });

  it.each<[string, Partial<LayerReport>]>([
    ['where little came', { format: 'gzip', way: 'whole', bytesDownloaded: 9_999_999 }],
    ['where nothing came', { format: 'gzip', way: 'cached', bytesDownloaded: 0 }],
    ['where all of it can be had in parts', { way: 'whole', bytesDownloaded: 100_000_000 }],
  ])('gives no advice %s', (_, changes) => {
    expect(renderSummary(pullResult({ layers: [layerReport(changes)] }))).not.toContain('Advice');
  });

  it('tells how much was left out, the first of it, and where the list is', () => {
    const first = ['/dev/<b>', '/dev/zero'].map((path) => ({ path, reason: 'devices are not made' }));
    const skipped = { count: 4, byKind: { device: 3, fifo: 0, xattr: 1 }, first };
    const skippedPath = '/job/rootfs.skipped.json';
    expect(renderSummary(pullResult({ skipped, skippedPath }))).toContain(
      '**Left out:** 3 devices, 1 extended attribute\n\n' +
        '- /dev/&#60;b&#62;: devices are not made\n- /dev/zero: devices are not made\n- and 2 more\n\n' +
        'The list is in <code>/job/rootfs.skipped.json</code>\n',
    );
  });

  it('lists warnings, and no markup out of them', () => {
    const markdown = renderSummary(pullResult({ warnings: ['skipped |x| <b>\n# title', 'other'] }));
    expect(markdown).toContain('**Warnings**\n\n- skipped &#124;x&#124; &#60;b&#62; &#35; title\n- other\n');
  });

  it('keeps every row of the table in its columns, whatever a reason says', () => {
    const layers = [layerReport({ reason: 'a | b\n| c' }), layerReport()];
    const rows = renderSummary(pullResult({ layers }))
      .split('\n')
      .filter((line) => line.startsWith('|'));
    expect(rows).toHaveLength(4);
    expect(new Set(rows.map((row) => row.split('|').length))).toEqual(new Set([11]));
  });

  it('tells of repairs of the cache, where there were any', () => {
    const one = renderSummary(pullResult({ cacheRepairs: 1 }));
    expect(one).toContain('\n- cache: 1 missing or damaged piece made good\n');
    expect(renderSummary(pullResult())).not.toContain('made good');
  });

  it('tells who served what where there was a choice', () => {
    const hosts = [
      { host: 'mirror.test', bytes: 9_000_000, requests: 4, failures: 2 },
      { host: 'registry.test', bytes: 1_000_000, requests: 5, failures: 0 },
    ];
    expect(renderSummary(pullResult({ hosts }))).toContain(
      '- hosts: <code>mirror.test</code> 9.00 MB (2 failures), <code>registry.test</code> 1.00 MB\n',
    );
    expect(renderSummary(pullResult({ hosts: hosts.slice(1) }))).not.toContain('- hosts');
  });

  it('tells what was on this machine already', () => {
    const layers = [layerReport({ way: 'local', bytesFromSeed: 100_000_000, bytesFromCache: 0 })];
    const markdown = renderSummary(pullResult({ layers, bytesFromSeed: 100_000_000 }));
    expect(markdown).toContain('| on this machine |');
    expect(markdown).toContain('"this machine (100 MB)" : 100000000');
  });

  it('has a row for each of 500 layers within 1 MiB', () => {
    const layers = Array.from({ length: 500 }, () => layerReport({ reason: 'the server ignores ranges' }));
    const markdown = renderSummary(pullResult({ layers }));
    expect(markdown.match(/^\| <code>/gm)).toHaveLength(500);
    expect(markdown).not.toContain('more |');
    expect(Buffer.byteLength(markdown)).toBeLessThan(1024 * 1024);
  });

  it('stays far below 1 MiB for the worst image', () => {
    const layers = Array.from({ length: 5000 }, () =>
      layerReport({ reason: '\uffee'.repeat(5000), digest: '\uffee'.repeat(200) }),
    );
    const warnings = Array.from({ length: 5000 }, () => '\uffee'.repeat(5000));
    const markdown = renderSummary(pullResult({ layers, warnings }));
    expect(Buffer.byteLength(markdown)).toBeLessThan(1024 * 1024);
    expect(markdown).toContain('4500 more');
    expect(markdown).toContain('4950 more');
  });
});

describe('the outputs', () => {
  it('are texts', () => {
    expect(outputsOf(pullResult())).toEqual({
      digest: `sha256:${'a'.repeat(64)}`,
      'index-digest': `sha256:${'b'.repeat(64)}`,
      image: `registry.test/app@sha256:${'a'.repeat(64)}`,
      platform: 'linux/amd64',
      'root-path': '/job/rootfs',
      'config-path': '/job/rootfs.json',
      format: 'rootfs',
      'manifest-kept': '',
      ownership: 'runner',
      skipped: '0',
      'skipped-path': '',
      'cache-hit': 'false',
      'bytes-downloaded': '10000000',
      'bytes-from-cache': '90000000',
      'bytes-from-seed': '0',
      'bytes-total': '100000000',
      requests: '9',
    });
  });

  it('of several pulls are those of the first, with sums, and a list of all', () => {
    const [first, second] = [pullResult({ cacheHit: true }), pullResult({ rootPath: '/job/b', requests: 3 })];
    const outputs = outputsOfAll([first, second]);
    expect(outputs).toMatchObject({
      'root-path': '/job/rootfs',
      'bytes-total': '200000000',
      requests: '12',
      'cache-hit': 'false',
    });
    expect(JSON.parse(outputs.results ?? '')).toEqual([outputsOf(first), outputsOf(second)]);
  });
});
