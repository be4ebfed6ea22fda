// Whatever happens to the chunk store, the tree is right: a cache costs time when it is wrong, never correctness.
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPack } from '../../src/store/read-pack.ts';
import { pullJson, scratch } from '../support/cli.ts';
import { fixtureImage, fixtureLayout } from '../support/fixture-image.ts';
import { type LayerPlaces, layerPlaces } from '../support/layer-places.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { updateMinimum } from '../support/toc-minimum.ts';
import { expectedTree, isRoot, listTree } from '../support/tree.ts';
import { wrongEntries } from '../support/verify-packs.ts';

let registry: TestRegistry;
beforeAll(async () => {
  registry = await startRegistry({
    images: (['zstd-chunked', 'gzip'] as const).map((format) => ({
      repository: format,
      layout: fixtureLayout(format),
    })),
  });
});
afterAll(() => registry.close());

function packs(cache: string): string[] {
  const directory = join(cache, 'v1/packs');
  return readdirSync(directory).map((name) => join(directory, name));
}

function flip(path: string, offset: number): void {
  const bytes = readFileSync(path);
  bytes[offset] = (bytes[offset] ?? 0) ^ 0xff;
  writeFileSync(path, bytes);
}

const damages: readonly [string, (pack: string) => void][] = [
  ['a flipped byte in its first blob', (pack) => flip(pack, 20)],
  ['a flipped byte in the middle', (pack) => flip(pack, Math.floor(readFileSync(pack).length / 2))],
  ['a flipped byte in its table', (pack) => flip(pack, readFileSync(pack).length - 100)],
  ['a flipped byte in its trailer', (pack) => flip(pack, readFileSync(pack).length - 10)],
  ['its end cut off', (pack) => truncateSync(pack, 1_000_000)],
  ['nothing in it', (pack) => truncateSync(pack, 0)],
  ['other content', (pack) => writeFileSync(pack, Buffer.alloc(100_000, 7))],
];

describe.each(['zstd-chunked', 'gzip'])('a store with a pack of %s', (format) => {
  it.each(damages)('with %s still gives the right tree and heals', async (_, damage) => {
    using dir = scratch();
    const pull = (name: string) =>
      pullJson([`${registry.host}/${format}:v1`, dir.in(name), '--cache-dir', dir.in('cache')]);
    await pull('good');
    for (const pack of packs(dir.in('cache'))) damage(pack);
    const repaired = await pull('repaired');
    expect(listTree(dir.in('repaired'))).toEqual(listTree(dir.in('good')));
    expect(repaired['bytes-downloaded']).toBeGreaterThan(0);
    const healed = await pull('healed');
    expect(healed).toMatchObject({ 'cache-hit': true, warnings: [] });
    expect(listTree(dir.in('healed'))).toEqual(listTree(dir.in('good')));
  });
});

const image = fixtureImage('v1', 'zstd-chunked');
const parts = layerPlaces(image.layer, image.bytes(image.layer));

describe('a layer that was stored whole', () => {
  /** Turns one byte of the stored blob of the large layer over. */
  async function damage(cache: string, place: keyof LayerPlaces): Promise<void> {
    const hex = image.layer.digest.slice('sha256:'.length);
    for (const pack of packs(cache)) {
      const blob = (await readPack(pack, ''))?.blobs.find((entry) => entry.hex === hex);
      if (blob) return flip(pack, blob.offset + parts[place]);
    }
    throw new Error('the layer is not stored whole');
  }

  it.each(['chunk', 'gap', 'toc', 'tarSplit'] as const)('and is damaged in a %s heals', async (place) => {
    using dir = scratch();
    const pull = (name: string, tag = 'v1') =>
      pullJson([`${registry.host}/zstd-chunked:${tag}`, dir.in(name), '--cache-dir', dir.in('cache')]);
    await pull('good');
    await damage(dir.in('cache'), place);
    const repaired = await pull('repaired');
    expect(repaired.warnings.join()).toContain(
      `layer ${image.layer.digest} was damaged in the cache; what is wrong in it is fetched`,
    );
    expect(listTree(dir.in('repaired'))).toEqual(listTree(dir.in('good')));
    expect(repaired['bytes-downloaded']).toBeGreaterThan(0);
    // Its other chunks are still good, and nobody fetches them again.
    expect(repaired['bytes-downloaded']).toBeLessThan(0.5 * repaired['bytes-total']);
    expect(await wrongEntries(dir.in('cache'))).toEqual([]);
    const healed = await pull('healed');
    expect(healed).toMatchObject({ 'cache-hit': true, warnings: [] });
    expect(listTree(dir.in('healed'))).toEqual(listTree(dir.in('good')));
    expect((await pull('update', 'v2'))['bytes-downloaded']).toBeLessThan(1.05 * updateMinimum('v1', 'v2'));
  });

  it('and is damaged costs an update no more than the damaged chunk', async () => {
    using dir = scratch();
    const pull = (tag: string) =>
      pullJson([`${registry.host}/zstd-chunked:${tag}`, dir.in('rootfs'), '--cache-dir', dir.in('cache')]);
    await pull('v1');
    await damage(dir.in('cache'), 'chunk');
    const update = await pull('v2');
    expect(update.warnings.join()).toMatch(/chunk sha256:.* was damaged in the cache/);
    if (isRoot()) expect(listTree(dir.in('rootfs'))).toEqual(expectedTree('v2'));
    expect(await pull('v2')).toMatchObject({ 'cache-hit': true, warnings: [] });
  });
});

describe('a store that is used by several processes at once', () => {
  it('serves them all, and holds each pack once', async () => {
    using dir = scratch();
    const image = `${registry.host}/zstd-chunked:v1`;
    const pulls = Array.from({ length: 6 }, (_, index) =>
      pullJson([image, dir.in(`root${index}`), '--cache-dir', dir.in('cache')]),
    );
    const results = await Promise.all(pulls);
    expect(new Set(results.map(({ digest }) => digest)).size).toBe(1);
    for (let index = 1; index < 6; index++)
      expect(listTree(dir.in(`root${index}`))).toEqual(listTree(dir.in('root0')));
    expect(packs(dir.in('cache'))).toHaveLength(1);
    expect(readdirSync(join(dir.in('cache'), 'v1/staging'))).toEqual([]);
  });
});

describe('cache modes', () => {
  it('none neither reads nor keeps anything', async () => {
    using dir = scratch();
    const pull = (mode: string) =>
      pullJson([
        `${registry.host}/gzip:v1`,
        dir.in('rootfs'),
        '--cache-dir',
        dir.in('cache'),
        '--cache-mode',
        mode,
      ]);
    expect(await pull('none')).toMatchObject({ 'cache-hit': false });
    expect(readdirSync(dir.path).filter((name) => !name.startsWith('rootfs'))).toEqual([]);
    await pull('write');
    expect(await pull('none')).toMatchObject({ 'cache-hit': false, 'bytes-from-cache': 0 });
  });

  it('read uses what is there and adds nothing', async () => {
    using dir = scratch();
    const pull = (tag: string, mode: string) =>
      pullJson([
        `${registry.host}/zstd-chunked:${tag}`,
        dir.in('rootfs'),
        '--cache-dir',
        dir.in('cache'),
        '--cache-mode',
        mode,
      ]);
    await pull('v1', 'write');
    const before = packs(dir.in('cache'));
    expect((await pull('v2', 'read'))['bytes-from-cache']).toBeGreaterThan(0);
    expect(packs(dir.in('cache'))).toEqual(before);
    expect(existsSync(dir.in('rootfs'))).toBe(true);
  });
});
