// Whole pulls past mirrors that lie: what shows only when the layer is put together costs a detour as well, not the pull.
import { describe, expect, it } from 'vitest';
import { scratch } from '../support/cli.ts';
import { fixtureImage } from '../support/fixture-image.ts';
import { layerPlaces } from '../support/layer-places.ts';
import { runProgram } from '../support/program.ts';
import { startRegistry } from '../support/registry.ts';
import type { Fault } from '../support/registry-faults.ts';
import { seedFrame } from '../support/seed-frame.ts';
import { expectedTree, isRoot, listTree } from '../support/tree.ts';
import { writeLayout } from '../support/write-layout.ts';

const image = fixtureImage('v1', 'zstd-chunked');
const { layer } = image;
const places = layerPlaces(layer, image.bytes(layer));
const images = [{ repository: 'fx', layout: image.layout }];

interface Case {
  readonly name: string;
  readonly place: 'chunk' | 'toc' | 'tarSplit';
  /** The store holds a chunk, so that a chunked layer is taken apart. */
  readonly isSeeded: boolean;
  /** Mirrors that lie. */
  readonly liars: number;
}

const cases: readonly Case[] = [
  { name: 'a chunk of a whole layer', place: 'chunk', isSeeded: false, liars: 1 },
  { name: 'a chunk of a whole layer, both of them', place: 'chunk', isSeeded: false, liars: 2 },
  { name: 'a chunk', place: 'chunk', isSeeded: true, liars: 1 },
  { name: 'a chunk, both of them', place: 'chunk', isSeeded: true, liars: 2 },
  { name: 'the TOC', place: 'toc', isSeeded: true, liars: 1 },
  { name: 'the tar-split', place: 'tarSplit', isSeeded: true, liars: 1 },
];

describe('mirrors that always lie about', () => {
  it.concurrent.each(cases)('$name', { timeout: 60_000 }, async ({ place, isSeeded, liars }) => {
    const lie: Fault = { kind: 'corrupt', offset: places[place], on: layer.digest };
    await using registry = await startRegistry({ images });
    await using first = await startRegistry({ images, faults: [lie] });
    await using second = await startRegistry({ images, faults: liars > 1 ? [lie] : [] });
    using dir = scratch();
    const cache = dir.in('cache');
    if (isSeeded) await seedFrame(cache);
    const mirrors = [first, second].flatMap(({ host }) => ['--mirror', host]);
    const run = await runProgram(
      [`${registry.host}/fx:v1`, dir.in('rootfs'), '--cache-dir', cache, ...mirrors],
      { home: dir.path, timeout: 40_000 },
    );
    expect(run.stderr).not.toContain('DIGEST_MISMATCH');
    expect(run.status).toBe(0);
    if (isRoot()) expect(listTree(dir.in('rootfs'))).toEqual(expectedTree('v1'));
    const askedForLayer = [first, second, registry].map(
      ({ requests }) => requests.filter(({ path }) => path.includes(layer.digest)).length > 0,
    );
    expect(askedForLayer).toEqual([true, true, liars > 1]);
  });
});

describe('a pull that a mirror with a mistyped path and a seed of another image were to help', () => {
  it('says in the end that neither did, in the words of the command line', { timeout: 60_000 }, async () => {
    await using registry = await startRegistry({ images });
    await using mirror = await startRegistry({ images });
    using dir = scratch();
    const seed = dir.in('seed');
    writeLayout(seed, 'other', []);
    const run = await runProgram(
      [
        `${registry.host}/fx:v1`,
        dir.in('rootfs'),
        '--mirror',
        `${mirror.host}/typo`,
        '--seed',
        `oci:${seed}`,
      ],
      { home: dir.path, timeout: 40_000 },
    );
    expect(run.status).toBe(0);
    const path = `${mirror.host}/typo/fx`;
    const warning = `the mirror ${mirror.host} had nothing of the image: it does not know ${path}, as --mirror has it`;
    expect(run.stderr).toContain(`warning: ${warning}`);
    expect(run.stderr).toContain(`the seed ${seed} spared nothing: it has no layer of this image`);
    expect(run.result?.warnings).toEqual([expect.stringContaining(path)]);
  });
});
