import { describe, expect, it } from 'vitest';
import { outputsOf, outputsOfAll } from '../../src/action/outputs.ts';
import { renderSummary } from '../../src/action/summary.ts';
import { layerReport, pullResult } from '../support/pull-result.ts';

describe('the summary', () => {
  it('tells a partial pull in one sentence, a table and a pie', () => {
    const layers = [
      layerReport(),
      layerReport({
        digest: `sha256:${'f'.repeat(64)}`,
        format: 'gzip',
        way: 'whole',
        reason: 'no table of contents',
        bytesFromCache: 0,
        bytesDownloaded: 1_500_000,
        compressedSize: 1_500_000,
        requests: 1,
        milliseconds: 80,
      }),
    ];
    const result = pullResult({ layers, bytesTotal: 101_500_000, bytesDownloaded: 11_500_000 });
    expect(
      renderSummary(result),
    ).toBe(`### Pulled <code>registry.test/app</code>: 102 MB in 2 layers, 11.5 MB downloaded (88% from cache), 1.9 s

- image <code>registry.test/app&#64;sha256:${'a'.repeat(64)}</code>
- platform <code>linux/amd64</code>
- root file system <code>/job/rootfs</code>
- owners: everything belongs to the current user, without set-user-ID and set-group-ID bits
- 9 requests to the registry; resolve 100 ms, restore 200 ms, plan 30 ms, fetch and unpack 1.5 s, finish 20 ms

| layer | format | how | proven by | size | from cache | downloaded | requests | time |
|---|---|---|---|---:|---:|---:|---:|---:|
| <code>0123456789ab</code> | zstd:chunked | missing chunks | diff_id | 100 MB | 90.0 MB | 10.0 MB | 7 | 1.2 s |
| <code>ffffffffffff</code> | gzip | whole layer: no table of contents | diff_id | 1.50 MB | 0 B | 1.50 MB | 1 | 80 ms |

\`\`\`mermaid
pie title Where the layers came from
  "chunk cache (90.0 MB)" : 90000000
  "registry (11.5 MB)" : 11500000
\`\`\`
`);
  });

  it('tells a full hit, without a slice for nothing', () => {
    const layers = [
      layerReport({ way: 'cached', bytesDownloaded: 0, bytesFromCache: 100_000_000, requests: 0 }),
    ];
    const markdown = renderSummary(
      pullResult({ layers, cacheHit: true, bytesDownloaded: 0, bytesFromCache: 100_000_000 }),
    );
    expect(markdown.split('\n')[0]).toBe(
      '### Pulled <code>registry.test/app</code>: 100 MB in 1 layer, nothing downloaded, 1.9 s',
    );
    expect(markdown).not.toContain('"registry');
  });

  it('tells what share of the image was needed, and what proved each layer', () => {
    const part = { matched: 12, idle: [], bytesRead: 400_000_000, bytesWritten: 10_000_000 };
    const layers = [layerReport({ chain: 'toc' }), layerReport({ chain: 'digest' })];
    const markdown = renderSummary(pullResult({ part, layers }));
    expect(markdown).toContain('- needed: 10.0 MB of 400 MB of files in all layers (2%)\n');
    expect(markdown).toContain('| missing chunks | table of contents | 100 MB |');
    expect(markdown).toContain('| missing chunks | digest | 100 MB |');
  });

  it('leaves table and pie out of an image without layers', () => {
    const empty = { layers: [], bytesTotal: 0, bytesDownloaded: 0, bytesFromCache: 0, cacheHit: true };
    const markdown = renderSummary(pullResult(empty));
    expect(markdown).not.toContain('|---');
    expect(markdown).not.toContain('mermaid');
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
