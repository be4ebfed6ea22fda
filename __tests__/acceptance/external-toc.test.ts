// eStargz images whose tables of contents are in another image, through the whole program: by parts where that image can be had and
// tells the truth, whole where not, and the same tree either way.
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Digest } from '../../src/oci/digest.ts';
import { outsideTocName } from '../../src/store/part-name.ts';
import { readPack } from '../../src/store/read-pack.ts';
import { pullJson, runCli, scratch } from '../support/cli.ts';
import { addTocImage, goldenToc, TAGS, writeExternalLayout } from '../support/external-toc.ts';
import { fixtureLayout } from '../support/fixture-image.ts';
import { readLayoutManifest, readTags } from '../support/oci-layout.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { allEntries } from '../support/store-samples.ts';
import { expectedTree, isRoot, listTree } from '../support/tree.ts';
import { wrongEntries } from '../support/verify-packs.ts';
import { writeLayout } from '../support/write-layout.ts';

const room = scratch();
const layout = room.in('layout');
let registry: TestRegistry;
beforeAll(async () => {
  writeExternalLayout(layout);
  registry = await startRegistry({
    images: [
      { repository: 'fx', layout },
      { repository: 'inside', layout: fixtureLayout('estargz') },
    ],
  });
});
afterAll(async () => {
  await registry.close();
  room[Symbol.dispose]();
});

type Scratch = ReturnType<typeof scratch>;

function puller(dir: Scratch, cache = 'cache') {
  return async (name: string, ...args: string[]) => {
    const before = registry.requests.length;
    const result = await pullJson([
      `${registry.host}/${name}`,
      dir.in('rootfs'),
      '--cache-dir',
      dir.in(cache),
      ...args,
    ]);
    return { result, asked: registry.requests.slice(before) };
  };
}

const checkTree = (dir: Scratch, tag: string) => {
  if (isRoot()) expect(listTree(dir.in('rootfs'))).toEqual(expectedTree(tag));
};
const layerOf = (tag: string, layer: number) =>
  readLayoutManifest(layout, readTags(layout).get(tag)?.digest ?? '').layers?.[layer];
const digestIn = (tag: string, layer: number) => layerOf(tag, layer)?.digest as Digest;

describe('an image of eStargz with its TOCs in another image', () => {
  it('costs an update what the form with TOCs inside costs, and nothing the second time', async () => {
    using dir = scratch();
    using other = scratch();
    const pull = puller(dir);
    const pullInside = puller(other);
    await pullInside('inside:v1');
    const inside = await pullInside('inside:v2');

    const first = await pull('fx:v1');
    expect(first.result.layers[0]).toMatchObject({ way: 'whole', format: 'estargz', reason: null });
    checkTree(dir, 'v1');
    const tocs = first.asked.filter(({ path }) =>
      [0, 1].some((layer) => path.includes(goldenToc('v1', layer).digest)),
    );
    // The other layer is so small that it is not worth a request.
    expect(tocs.map(({ path }) => path)).toEqual([expect.stringContaining(goldenToc('v1', 0).digest)]);
    const { result: update, asked } = await pull('fx:v2');
    checkTree(dir, 'v2');
    expect(update.layers[0]).toMatchObject({ way: 'ranges', reason: null, chain: 'diff-id' });
    expect(update.warnings).toEqual([]);
    const toc = goldenToc('v2', 0);
    // Its own TOC is among the bytes that the other form moves.
    expect(update['bytes-downloaded']).toBeLessThanOrEqual(inside.result['bytes-downloaded']);
    expect(update.requests).toBe(inside.result.requests + 1);
    expect(update['bytes-downloaded']).toBeLessThan(0.8 * update['bytes-total']);
    const count = (end: string) => asked.filter(({ path }) => path.endsWith(end)).length;
    expect(count('/manifests/v2-esgztoc')).toBe(1);
    expect(count(`/blobs/${toc.digest}`)).toBe(1);
    const layer = asked.filter(({ path }) => path.endsWith(`/blobs/${digestIn('v2', 0)}`));
    expect(layer.every(({ status }) => status === 206)).toBe(true);
    expect(await wrongEntries(dir.in('cache'))).toEqual([]);

    const warm = await pull('fx:v2');
    expect(warm.result).toMatchObject({
      'cache-hit': true,
      'bytes-downloaded': 0,
      requests: 2,
      warnings: [],
    });
    expect(warm.asked.map(({ path }) => path).join()).not.toContain('esgztoc');
    checkTree(dir, 'v2');
  });

  it('is found by the tag where a digest decides, and taken whole where there is no tag', async () => {
    using dir = scratch();
    const pull = puller(dir);
    const digest = readTags(layout).get('v2')?.digest;
    await pull('fx:v1');
    cpSync(dir.in('cache'), dir.in('copy'), { recursive: true });
    const both = await pull(`fx:v2@${digest}`);
    expect(both.result.layers[0]).toMatchObject({ way: 'ranges', reason: null });
    const alone = await puller(dir, 'copy')(`fx@${digest}`);
    expect(alone.result.layers[0]).toMatchObject({
      way: 'whole',
      reason: 'its TOC is in another image, which is found by the tag of this one alone',
    });
    checkTree(dir, 'v2');
  });

  it.each([[['--verify', 'toc']], [['--path', 'etc/**', '--path', 'srv/**']]])(
    'is proven by its TOCs with %j',
    async (args) => {
      using dir = scratch();
      const { result } = await puller(dir)('fx:v2', ...args);
      expect(result.layers.map(({ chain }) => chain)).toEqual(['toc', 'toc']);
      const isWanted = ({ path, type }: { path: string; type: string }) =>
        type === 'file' && (args[0] === '--verify' || /^(etc|srv)\//.test(path));
      const files = listTree(dir.in('rootfs'), { noOwner: true }).filter(isWanted);
      expect(files.length).toBeGreaterThan(20);
      if (isRoot()) expect(files).toEqual(expectedTree('v2', { noOwner: true }).filter(isWanted));
      expect(result['bytes-downloaded']).toBeLessThan(result['bytes-total']);
    },
  );

  it('tells what it is made of, and what an update costs, without a layer being fetched', async () => {
    const { status, stdout } = await runCli(['inspect', `${registry.host}/fx:v2`, '--from', 'v1', '--json']);
    expect(status).toBe(0);
    const outside = JSON.parse(stdout);
    const inside = JSON.parse(
      (await runCli(['inspect', `${registry.host}/inside:v2`, '--from', 'v1', '--json'])).stdout,
    );
    for (const index of [0, 1]) expect(outside.layers[index].chunks).toBe(inside.layers[index].chunks);
    expect(outside.layers[0].chunks).toBeGreaterThan(0);
    const local = await runCli(['inspect', `oci:${layout}:v2`, '--json']);
    expect(JSON.parse(local.stdout).layers[0].chunks).toBe(outside.layers[0].chunks);
  });

  it('takes its TOCs from a seed that names them', async () => {
    using dir = scratch();
    const pull = puller(dir);
    await pull('fx:v1');
    const reference = `${registry.host}/fx:v2-esgztoc`;
    const seed = dir.in('seed');
    writeLayout(seed, 'unused', []);
    const toc = goldenToc('v2', 0);
    addTocImage(seed, reference, [{ of: digestIn('v2', 0), blob: toc.bytes }]);
    const { result, asked } = await pull('fx:v2', '--seed', `oci:${seed}`);
    expect(result.layers[0]).toMatchObject({ way: 'ranges', reason: null });
    expect(asked.filter(({ path }) => path.includes('esgztoc') || path.includes(toc.digest))).toEqual([]);
    checkTree(dir, 'v2');
  });

  it('takes its TOCs from a mirror, and what the tag of their image means from the registry', async () => {
    using dir = scratch();
    await using mirror = await startRegistry({ images: [{ repository: 'fx', layout }] });
    const pull = puller(dir);
    await pull('fx:v1');
    const { result, asked } = await pull('fx:v2', '--mirror', mirror.host);
    expect(result.layers[0]).toMatchObject({ way: 'ranges', reason: null });
    const { digest } = goldenToc('v2', 0);
    const paths = (requests: TestRegistry['requests']) =>
      requests.map(({ path }) => path).filter((path) => path.includes('esgztoc') || path.includes(digest));
    expect(paths(mirror.requests)).toEqual([expect.stringMatching(`/blobs/${digest}`)]);
    expect(paths(asked)).toEqual(['/v2/fx/manifests/v2-esgztoc']);
  });

  it('is mended where the cache holds a TOC that is damaged', async () => {
    using dir = scratch();
    const pull = puller(dir);
    for (const tag of TAGS) await pull(`fx:${tag}`);
    const layer = layerOf('v2', 0);
    const json = layer?.annotations?.['containerd.io/snapshot/stargz/toc.digest'] ?? '';
    const name = outsideTocName(layer?.digest ?? '', json);
    expect(await damagePart(dir.in('cache'), name)).toBe(1);
    const mended = await pull('fx:v2');
    expect(mended.result.warnings.join()).toContain('a damaged cache entry was not used');
    expect(mended.asked.filter(({ path }) => path.endsWith('/manifests/v2-esgztoc'))).toHaveLength(1);
    checkTree(dir, 'v2');
    expect((await pull('fx:v2')).result).toMatchObject({ 'cache-hit': true, requests: 2, warnings: [] });
  });
});

/** Turns a byte over in all parts of this name. Returns how many there are. */
async function damagePart(cache: string, hex: string): Promise<number> {
  const directory = join(cache, 'v1/packs');
  let found = 0;
  for (const file of readdirSync(directory)) {
    const path = join(directory, file);
    for (const entry of allEntries(await readPack(path, '')) ?? []) {
      if (entry.form !== 'part' || entry.hex !== hex) continue;
      const bytes = readFileSync(path);
      const at = entry.offset + Math.floor(entry.compressedSize / 2);
      bytes[at] = (bytes[at] ?? 0) ^ 0xff;
      writeFileSync(path, bytes);
      found++;
    }
  }
  return found;
}
