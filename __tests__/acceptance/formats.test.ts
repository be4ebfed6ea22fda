// The built program against a real registry: every layer format gives exactly the tree that other tools make of it.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pullJson, runCli, scratch } from '../support/cli.ts';
import {
  type DockerRegistry,
  pushLayout,
  skipDockerRegistry,
  startDockerRegistry,
} from '../support/docker-registry.ts';
import { fixtureLayout } from '../support/fixture-image.ts';
import { updateMinimum } from '../support/toc-minimum.ts';
import { expectedTree, isRoot, listTree } from '../support/tree.ts';

const FORMATS = [
  'gzip',
  'none',
  'zstd',
  'zstd-chunked',
  'zstd-chunked-legacy',
  'zstd-chunked-stargz',
  'estargz',
] as const;

describe.skipIf(skipDockerRegistry())('oci-pull against docker-registry', () => {
  let registry: DockerRegistry;

  beforeAll(async () => {
    registry = await startDockerRegistry();
    for (const format of FORMATS) await pushLayout(registry.host, `fx/${format}`, fixtureLayout(format));
  });
  afterAll(() => registry.close());

  const cases = FORMATS.flatMap((format) => ['v1', 'v2'].map((tag) => [format, tag] as const));

  it.skipIf(!isRoot()).each(cases)('unpacks %s:%s to the expected tree as root', async (format, tag) => {
    using dir = scratch();
    const result = await pullJson([
      `${registry.host}/fx/${format}:${tag}`,
      dir.in('rootfs'),
      '--cache-dir',
      dir.in('cache'),
    ]);
    expect(listTree(dir.in('rootfs'))).toEqual(expectedTree(tag));
    expect(result['cache-hit']).toBe(false);
    expect(JSON.parse(readFileSync(result['config-path'], 'utf8')).rootfs.type).toBe('layers');
  });

  it.each(cases)('takes %s:%s from the cache the second time, with the same tree', async (format, tag) => {
    using dir = scratch();
    const image = `${registry.host}/fx/${format}:${tag}`;
    await pullJson([image, dir.in('first'), '--cache-dir', dir.in('cache')]);
    const second = await pullJson([image, dir.in('second'), '--cache-dir', dir.in('cache')]);
    expect(second).toMatchObject({ 'cache-hit': true, 'bytes-downloaded': 0 });
    expect(second['bytes-from-cache']).toBeGreaterThan(0.9 * second['bytes-total']);
    expect(listTree(dir.in('second'))).toEqual(listTree(dir.in('first')));
  });

  it('downloads only the chunks that the earlier version lacks, and its metadata', async () => {
    using dir = scratch();
    const pull = (tag: string) =>
      pullJson([`${registry.host}/fx/zstd-chunked:${tag}`, dir.in('rootfs'), '--cache-dir', dir.in('cache')]);
    await pull('v1');
    const update = await pull('v2');
    expect(update['bytes-downloaded']).toBeLessThanOrEqual(1.05 * updateMinimum('v1', 'v2'));
    expect(update['bytes-downloaded']).toBeGreaterThan(0);
    const again = await pull('v2');
    expect(again).toMatchObject({ 'cache-hit': true, 'bytes-downloaded': 0 });
    if (isRoot()) expect(listTree(dir.in('rootfs'))).toEqual(expectedTree('v2'));
  });

  it.each([
    ['zstd-chunked-legacy', 'zstd:chunked'],
    ['zstd-chunked-stargz', 'zstd:chunked'],
    ['estargz', 'estargz'],
  ])('takes %s whole, as what it is, while there is nothing to share', async (format, name) => {
    using dir = scratch();
    const image = `${registry.host}/fx/${format}:v1`;
    const result = await pullJson([image, dir.in('rootfs'), '--cache-dir', dir.in('cache')]);
    expect(result.layers[0]).toMatchObject({ way: 'whole', format: name, reason: null });
    expect(result.requests).toBe(4);
  });

  it('reports an unknown tag with its code and exit status 1, and leaves no destination', async () => {
    using dir = scratch();
    const { status, stderr } = await runCli([
      `${registry.host}/fx/gzip:nope`,
      dir.in('rootfs'),
      '--cache-dir',
      dir.in('cache'),
    ]);
    expect(status).toBe(1);
    expect(stderr).toContain('NOT_FOUND');
    expect(() => readFileSync(dir.in('rootfs.oci-pull.json'))).toThrow();
  });
});
