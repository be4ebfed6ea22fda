// A zstd:chunked layer that is taken whole, because there is nothing yet to share, is shared chunk by chunk from then on.
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readPack } from '../../src/store/read-pack.ts';
import { buildChunkedLayer, type ChunkedItem, type ChunkedLayerOptions } from '../support/chunked-layer.ts';
import { pullJson, scratch } from '../support/cli.ts';
import { fixtureImage, fixtureLayout } from '../support/fixture-image.ts';
import { startRegistry } from '../support/registry.ts';
import type { Fault } from '../support/registry-faults.ts';
import { updateMinimum } from '../support/toc-minimum.ts';
import { expectedTree, isRoot, listTree } from '../support/tree.ts';
import { wrongEntries } from '../support/verify-packs.ts';
import { type BuiltLayer, writeLayout } from '../support/write-layout.ts';

const image = fixtureImage('v1', 'zstd-chunked');

/** Every entry of the store, pack by pack. */
async function stored(cache: string) {
  const directory = join(cache, 'v1/packs');
  const packs = await Promise.all(readdirSync(directory).map((name) => readPack(join(directory, name), '')));
  const blobs = packs.flatMap((pack) => pack?.blobs.map(({ hex }) => `sha256:${hex}`) ?? []);
  const frames = packs.flatMap((pack) => [...(pack?.frames() ?? [])].map(({ hex }) => hex));
  return { blobs: blobs.sort(), frames: frames.sort() };
}

async function openFixture(faults: readonly Fault[] = []) {
  const registry = await startRegistry({
    images: [{ repository: 'fx', layout: fixtureLayout('zstd-chunked') }],
    faults,
  });
  const dir = scratch();
  return {
    dir,
    pull: (tag: string) =>
      pullJson([`${registry.host}/fx:${tag}`, dir.in('rootfs'), '--cache-dir', dir.in('cache')]),
    checkTree: (tag: string) => {
      if (isRoot()) expect(listTree(dir.in('rootfs'))).toEqual(expectedTree(tag));
    },
    async [Symbol.asyncDispose]() {
      dir[Symbol.dispose]();
      await registry.close();
    },
  };
}

describe('a cold pull of a zstd:chunked image', () => {
  it('keeps its layers as blobs, and names the chunks inside of them', async () => {
    await using room = await openFixture();
    const cold = await room.pull('v1');
    room.checkTree('v1');
    expect(cold.layers).toMatchObject(Array(2).fill({ way: 'whole', format: 'zstd:chunked', reason: null }));
    expect(cold.requests).toBe(4);
    const { blobs, frames } = await stored(room.dir.in('cache'));
    expect(blobs).toEqual(image.layers.map(({ digest }) => digest).sort());
    expect(frames.length).toBeGreaterThan(100);
    expect(await wrongEntries(room.dir.in('cache'))).toEqual([]);
  });

  it('needs nothing from the network for the same image, and the least for another one', async () => {
    await using room = await openFixture();
    await room.pull('v1');
    const warm = await room.pull('v1');
    expect(warm).toMatchObject({ 'cache-hit': true, 'bytes-downloaded': 0, requests: 2 });
    expect(warm['bytes-from-cache']).toBe(warm['bytes-total']);
    room.checkTree('v1');
    const update = await room.pull('v2');
    expect(update.layers.map(({ way }) => way)).toEqual(['ranges', 'ranges']);
    expect(update['bytes-downloaded']).toBeLessThanOrEqual(1.05 * updateMinimum('v1', 'v2'));
    room.checkTree('v2');
    expect(await room.pull('v2')).toMatchObject({ 'cache-hit': true, warnings: [] });
  });

  it('names the chunks too of layers that an attempt has fetched which failed over another layer', async () => {
    const [damaged] = image.layers;
    const fault = { kind: 'corrupt', offset: 1000, on: damaged?.digest ?? '', times: 1 } as const;
    await using room = await openFixture([fault]);
    expect((await room.pull('v1')).warnings).toHaveLength(1);
    expect(await wrongEntries(room.dir.in('cache'))).toEqual([]);
    await using other = await openFixture();
    await other.pull('v1');
    expect(await stored(room.dir.in('cache'))).toEqual(await stored(other.dir.in('cache')));
  });
});

const SHARED = 'shared '.repeat(99);
const OTHER = 'others '.repeat(99);
const ITEMS: readonly ChunkedItem[] = [
  { name: 'one', body: SHARED },
  { name: 'two', body: OTHER },
];

function built(items: readonly ChunkedItem[], options: ChunkedLayerOptions = {}): BuiltLayer {
  const { blob, descriptor, diffId } = buildChunkedLayer(items, options);
  return { blob, mediaType: descriptor.mediaType, annotations: descriptor.annotations, diffId };
}

/** Repositories `lying` and `honest`: the second shares chunks with the first, and has some of its own. `derived` is both. */
async function openHostile(lying: readonly BuiltLayer[]) {
  const dir = scratch();
  writeLayout(dir.in('lying'), 'v1', lying);
  const honest = built([{ name: 'zero', body: 'zero' }, ...ITEMS]);
  writeLayout(dir.in('honest'), 'v1', [honest]);
  writeLayout(dir.in('derived'), 'v1', [...lying, honest]);
  const images = ['lying', 'honest', 'derived'].map((repository) => ({
    repository,
    layout: dir.in(repository),
  }));
  const registry = await startRegistry({ images });
  const platform = ['--platform', 'linux/amd64'];
  const read = (name: string) => readFileSync(dir.in(`rootfs/${name}`), 'utf8');
  return {
    dir,
    async pull(name: 'lying' | 'honest' | 'derived') {
      const args = [`${registry.host}/${name}:v1`, dir.in('rootfs'), '--cache-dir', dir.in('cache')];
      const result = await pullJson([...args, ...platform]);
      expect([read('one'), read('two')]).toEqual([SHARED, OTHER]);
      return result;
    },
    async [Symbol.asyncDispose]() {
      dir[Symbol.dispose]();
      await registry.close();
    },
  };
}

type EditToc = NonNullable<ChunkedLayerOptions['editToc']>;

/** Changes the fields of the regular files of a TOC. */
const editFiles =
  (edit: (entry: Record<string, unknown>, index: number) => object): EditToc =>
  (toc) => ({
    ...toc,
    entries: (toc.entries ?? []).map((entry, index) => ({ ...entry, ...edit({ ...entry }, index) })),
  });

const lies: readonly [string, ChunkedLayerOptions][] = [
  ['is not JSON', { editTocText: () => '{' }],
  ['nests deeper than anybody reads', { editTocText: () => '['.repeat(2_000_001) }],
  ['has no entries', { editToc: (toc) => ({ ...toc, entries: [] }) }],
  ['lets chunks overlap', { editToc: editFiles(() => ({ offset: 0 })) }],
  ['leads out of the layer', { editToc: editFiles(() => ({ endOffset: 2 ** 40 })) }],
  ['tells sizes beyond what a pack can hold', { editToc: editFiles(() => ({ size: 2 ** 50 })) }],
  ['tells sizes that are not theirs', { editToc: editFiles(() => ({ size: 7 })) }],
  [
    'cuts the layer into single bytes',
    {
      editToc: (toc) => ({
        ...toc,
        entries: Array.from({ length: 2500 }, (_, at) => ({
          type: 'reg',
          name: `f${at}`,
          size: 1,
          digest: `sha256:${String(at).padStart(64, '0')}`,
          offset: at,
          endOffset: at + 1,
        })),
      }),
    },
  ],
  [
    'gives chunks the names of others',
    {
      editToc: (toc) => {
        const [one, two] = toc.entries ?? [];
        if (one && two) [one.digest, two.digest] = [two.digest ?? '', one.digest ?? ''];
        return toc;
      },
    },
  ],
];

describe('a layer that is taken whole, and whose TOC', () => {
  it.each(lies)('%s, costs nothing but its index', async (_, options) => {
    // Nothing that can be compressed: there are thousands of bytes to tell lies about.
    const ballast = randomBytes(3000);
    await using room = await openHostile([built([...ITEMS, { name: 'three', body: ballast }], options)]);
    expect(await room.pull('lying')).toMatchObject({ 'cache-hit': false, warnings: [] });
    expect(await room.pull('lying')).toMatchObject({ 'cache-hit': true, warnings: [] });
    await room.pull('honest');
    expect(await room.pull('honest')).toMatchObject({ 'cache-hit': true, warnings: [] });
    await room.pull('lying');
    expect(await room.pull('lying')).toMatchObject({ 'cache-hit': true, warnings: [] });
    expect(await room.pull('honest')).toMatchObject({ 'cache-hit': true, warnings: [] });
  });

  it('gives chunks the names of others, is believed once, also where another image has that layer', async () => {
    const lie = lies.find(([what]) => what === 'gives chunks the names of others')?.[1] ?? {};
    await using room = await openHostile([built(ITEMS, lie)]);
    await room.pull('lying');
    expect(await wrongEntries(room.dir.in('cache'))).toHaveLength(2);
    const { warnings } = await room.pull('derived');
    expect(warnings.join()).toMatch(/chunk sha256:.* was damaged in the cache/);
    expect(await wrongEntries(room.dir.in('cache'))).toEqual([]);
    for (const name of ['derived', 'lying', 'honest'] as const) {
      await room.pull(name);
      expect(await room.pull(name)).toMatchObject({ 'cache-hit': true, warnings: [] });
    }
  });
});
