// Layers and servers that do not keep what they promise: the pull takes the whole layer, says so, and the tree is right.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { buildChunkedLayer, type ChunkedLayerOptions, type Toc } from '../support/chunked-layer.ts';
import { pullJson, runCli, scratch } from '../support/cli.ts';
import { fixtureLayout } from '../support/fixture-image.ts';
import { startRegistry } from '../support/registry.ts';
import { seedFrame } from '../support/seed-frame.ts';
import { expectedTree, isRoot, listTree } from '../support/tree.ts';
import { writeLayout } from '../support/write-layout.ts';

const FIRST = 'first '.repeat(9);
const OTHER = 'other '.repeat(9);
const ITEMS = [
  { name: 'etc/', type: '5' },
  { name: 'etc/one', body: FIRST },
  { name: 'etc/two', body: OTHER.repeat(2), chunks: [OTHER, OTHER] },
];

/** `isSeeded`: into a store that holds a chunk already. Nobody takes layers apart to share nothing. */
async function pullBuilt(
  options: ChunkedLayerOptions,
  edit: (layer: { diffId: string }) => void = () => undefined,
  isSeeded = true,
) {
  using dir = scratch();
  const built = buildChunkedLayer(ITEMS, options);
  const { mediaType, annotations } = built.descriptor;
  const layer = { blob: built.blob, mediaType, annotations, diffId: built.diffId as string };
  edit(layer);
  writeLayout(dir.in('layout'), 'v1', [layer]);
  await using registry = await startRegistry({ images: [{ repository: 'fx', layout: dir.in('layout') }] });
  if (isSeeded) await seedFrame(dir.in('cache'));
  const args = [
    `${registry.host}/fx:v1`,
    dir.in('rootfs'),
    '--cache-dir',
    dir.in('cache'),
    '--platform',
    'linux/amd64',
  ];
  const { status, stdout, stderr } = await runCli([...args, '--json']);
  const read = (name: string) => readFileSync(dir.in(`rootfs/etc/${name}`), 'utf8');
  const files = status === 0 ? [read('one'), read('two')] : [];
  return { status, stderr, files, result: status === 0 ? JSON.parse(stdout) : undefined };
}

const CONTENT = [FIRST, OTHER.repeat(2)];

function swapDigests(toc: Toc): Toc {
  const [one, two] = (toc.entries ?? []).filter(({ type }) => type === 'reg');
  if (one && two) [one.digest, two.chunkDigest] = [two.chunkDigest ?? '', one.digest ?? ''];
  return toc;
}

describe('a chunked layer', () => {
  it('whose parts are right is pulled by ranges', async () => {
    const { files, result } = await pullBuilt({});
    expect(files).toEqual(CONTENT);
    expect(result.layers[0]).toMatchObject({ way: 'ranges', reason: null });
  });

  it.each<[string, ChunkedLayerOptions, RegExp]>([
    ['whose TOC gives chunks the digests of others', { editToc: swapDigests }, /does not match its digest/],
    [
      'whose tar-split tells another story',
      { editTarSplit: (lines) => lines.slice(0, -1) },
      /do not make up the layer/,
    ],
    [
      'whose tar-split names fewer files',
      { editTarSplit: (lines) => lines.filter((line) => line.type !== 1) },
      /do not make up the layer/,
    ],
    ['whose TOC is no JSON', { editTocText: () => '{' }, /its TOC is not JSON/],
    ['of a version nobody knows', { editToc: (toc) => ({ ...toc, version: 9 }) }, /unknown version/],
  ])('%s is fetched whole, with a reason', async (_, options, reason) => {
    const { files, result } = await pullBuilt(options);
    expect(files).toEqual(CONTENT);
    expect(result.layers[0]).toMatchObject({ way: 'whole', reason: expect.stringMatching(reason) });
  });

  it.each([
    ['taken apart', true],
    ['taken whole', false],
  ])('that is %s and does not unpack to its diff_id fails', async (_, isSeeded) => {
    const wrong = `sha256:${'0'.repeat(64)}`;
    const edit = (layer: { diffId: string }) => {
      layer.diffId = wrong;
    };
    const { status, stderr } = await pullBuilt({}, edit, isSeeded);
    expect(status).toBe(1);
    expect(stderr).toContain('DIGEST_MISMATCH');
    expect(stderr).toContain(wrong);
  });
});

describe('an image with two layers that lie', () => {
  it('is fetched whole, and the layer that never claimed to be chunked is not accused', async () => {
    using dir = scratch();
    const lying = ['a', 'b'].map((name) => {
      const { blob, descriptor, diffId } = buildChunkedLayer(
        [
          { name, body: FIRST + name },
          { name: `${name}2`, body: OTHER + name },
        ],
        {
          editTarSplit: (lines) => lines.slice(0, -1),
        },
      );
      return { blob, mediaType: descriptor.mediaType, annotations: descriptor.annotations, diffId };
    });
    const { tar, diffId } = buildChunkedLayer(ITEMS);
    const plain = { blob: gzipSync(tar), mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', diffId };
    writeLayout(dir.in('layout'), 'v1', [...lying, plain]);
    await using registry = await startRegistry({ images: [{ repository: 'fx', layout: dir.in('layout') }] });
    await seedFrame(dir.in('cache'));
    const args = [
      `${registry.host}/fx:v1`,
      dir.in('rootfs'),
      '--cache-dir',
      dir.in('cache'),
      '--platform',
      'linux/amd64',
    ];
    const result = await pullJson(args);
    expect(result.layers.map(({ format, way }) => [format, way])).toEqual([
      ['zstd:chunked', 'whole'],
      ['zstd:chunked', 'whole'],
      ['gzip', 'whole'],
    ]);
    const accused = expect.stringMatching(/do not make up|other layers of the image lie/);
    expect(result.layers.map(({ reason }) => reason)).toEqual([accused, accused, null]);
    expect(readFileSync(dir.in('rootfs/etc/one'), 'utf8')).toBe(FIRST);
  });
});

describe('a server that ignores ranges', () => {
  it.each([
    ['zstd-chunked', 'whole where nothing can be shared', false],
    ['zstd-chunked', 'whole, with a reason, where something could be shared', true],
    ['gzip', 'whole', true],
  ] as const)('still serves %s %s', async (format, _, isSeeded) => {
    using dir = scratch();
    await using registry = await startRegistry({
      images: [{ repository: 'fx', layout: fixtureLayout(format) }],
      faults: [{ kind: 'ignore-ranges' }],
    });
    if (isSeeded) await seedFrame(dir.in('cache'));
    const image = `${registry.host}/fx:v1`;
    const result = await pullJson([image, dir.in('rootfs'), '--cache-dir', dir.in('cache')]);
    const reason = isSeeded && format === 'zstd-chunked' ? 'the server ignores ranges' : null;
    expect(result.layers).toMatchObject(Array(2).fill({ way: 'whole', reason }));
    if (isRoot()) expect(listTree(dir.in('rootfs'))).toEqual(expectedTree('v1'));
  });
});
