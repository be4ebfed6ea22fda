// Layers of stargz-snapshotter and layers without tar-split, through the whole program: by parts where the tar stream can be put together
// exactly, whole where it cannot or where the layer is not what it says, and the same tree either way.
import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '../../src/integrity/hash.ts';
import { MIN_PROBED_SIZE } from '../../src/layer/dialect.ts';
import type { Digest } from '../../src/oci/digest.ts';
import type { PackEntry } from '../../src/store/pack-format.ts';
import { readPack } from '../../src/store/read-pack.ts';
import { type CliJson, pullJson, runCli, scratch } from '../support/cli.ts';
import { fixtureLayout } from '../support/fixture-image.ts';
import { gapMinimum } from '../support/gap-minimum.ts';
import { type RegistryOptions, startRegistry, type TestRegistry } from '../support/registry.ts';
import {
  buildStargzLayer,
  gzipFooter,
  PREFETCH_LANDMARK,
  type StargzEntry,
  type StargzLayer,
  type StargzLayerOptions,
} from '../support/stargz-layer.ts';
import { END, padded, type TarItem, tarHeader } from '../support/tar-builder.ts';
import { expectedTree, isRoot, listTree } from '../support/tree.ts';
import { wrongEntries } from '../support/verify-packs.ts';
import { writeLayout } from '../support/write-layout.ts';

const FORMATS = ['zstd-chunked-legacy', 'zstd-chunked-stargz', 'estargz'] as const;

describe.each(FORMATS)('an image of %s', (format) => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await startRegistry({ images: [{ repository: 'fx', layout: fixtureLayout(format) }] });
  });
  afterAll(() => registry.close());

  it('costs an update what the earlier version lacks, and nothing the second time', async () => {
    using dir = scratch();
    const pull = (tag: string) =>
      pullJson([`${registry.host}/fx:${tag}`, dir.in('rootfs'), '--cache-dir', dir.in('cache')]);
    await pull('v1');
    const update = await pull('v2');
    expect(update.layers[0]).toMatchObject({ way: 'ranges', reason: null });
    // A gap for each file: what is at hand between two of them is sometimes cheaper than a request.
    const tolerance = format === 'zstd-chunked-legacy' ? 1.3 : 1.05;
    expect(update['bytes-downloaded']).toBeLessThanOrEqual(
      tolerance * (await gapMinimum(format, 'v1', 'v2')),
    );
    expect(update.requests).toBeLessThan(60);
    if (isRoot()) expect(listTree(dir.in('rootfs'))).toEqual(expectedTree('v2'));
    expect(await wrongEntries(dir.in('cache'))).toEqual([]);
    expect(await pull('v2')).toMatchObject({ 'cache-hit': true, 'bytes-downloaded': 0, requests: 2 });
    if (isRoot()) expect(listTree(dir.in('rootfs'))).toEqual(expectedTree('v2'));
  });

  it('whose parts are damaged in the store is mended', async () => {
    using dir = scratch();
    const pull = (tag: string) =>
      pullJson([`${registry.host}/fx:${tag}`, dir.in('rootfs'), '--cache-dir', dir.in('cache')]);
    await pull('v1');
    await pull('v2');
    const tree = listTree(dir.in('rootfs'));
    const damaged = new Set<string>();
    for (let round = 0; round < 2; round++) {
      await damageOne(dir.in('cache'), damaged);
      const mended = await pull('v2');
      expect(mended['bytes-downloaded']).toBeGreaterThan(0);
      expect(mended.warnings.join()).toMatch(/damaged|does not make up/);
      expect(listTree(dir.in('rootfs'))).toEqual(tree);
      expect(await pull('v2')).toMatchObject({ 'cache-hit': true, warnings: [] });
    }
  });
});

/** Turns a byte over in the largest part of a layer that has not been damaged before. */
async function damageOne(cache: string, damaged: Set<string>): Promise<void> {
  const directory = join(cache, 'v1/packs');
  const parts: { path: string; entry: PackEntry }[] = [];
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    for (const entry of (await readPack(path, ''))?.others() ?? [])
      if (entry.form === 'part' && !damaged.has(entry.hex)) parts.push({ path, entry });
  }
  const [largest] = parts.sort((a, b) => b.entry.size - a.entry.size);
  if (!largest) throw new Error('there are no parts');
  const { path, entry } = largest;
  damaged.add(entry.hex);
  const bytes = readFileSync(path);
  const at = entry.offset + Math.floor(entry.compressedSize / 2);
  bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  writeFileSync(path, bytes);
}

const BIG = randomBytes(500_000);
const SMALL = 'small '.repeat(20);
const CHUNK = 100_000;
const BASE_LAYER = buildStargzLayer([{ name: 'base', body: BIG }], { chunkSize: CHUNK });
/** Shares all but the last chunk of the big file with the base. */
const ITEMS: readonly TarItem[] = [
  { name: 'etc/', type: '5', mode: 0o755 },
  { name: 'etc/big', body: BIG },
  { name: 'etc/small', body: SMALL },
  { name: 'etc/other', body: randomBytes(150_000) },
];

interface Served {
  readonly base?: StargzLayer;
  readonly edit?: (layer: StargzLayer) => Partial<StargzLayer>;
  readonly annotate?: (annotations: Record<string, string>) => void;
  readonly faults?: RegistryOptions['faults'];
  readonly args?: readonly string[];
  readonly isWarm?: boolean;
}

interface Outcome {
  readonly status: number | null;
  readonly stderr: string;
  readonly result: CliJson | undefined;
  readonly layer: CliJson['layers'][number] | undefined;
  readonly files: readonly Buffer[];
  readonly names: readonly string[];
  /** The same pull once more. */
  readonly warm: CliJson | undefined;
}

const COMMON = ['--platform', 'linux/amd64'];

/** A cache that holds the base, made once. */
const caches = new Map<StargzLayer, string>();
const room = scratch();
afterAll(() => room[Symbol.dispose]());

async function cacheWith(base: StargzLayer): Promise<string> {
  const known = caches.get(base);
  if (known) return known;
  const name = `base${caches.size}`;
  const cache = room.in(`${name}-cache`);
  writeLayout(room.in(name), 'v1', [{ ...base, ...base.descriptor }]);
  await using registry = await startRegistry({ images: [{ repository: 'base', layout: room.in(name) }] });
  await pullJson([`${registry.host}/base:v1`, room.in(`${name}-root`), '--cache-dir', cache, ...COMMON]);
  caches.set(base, cache);
  return cache;
}

/** Pulls the layer with a cache that holds the base. */
async function pullBuilt(built: StargzLayer, served: Served = {}): Promise<Outcome> {
  using dir = scratch();
  const { edit, annotate, faults, args = [], base = BASE_LAYER, isWarm = false } = served;
  cpSync(await cacheWith(base), dir.in('cache'), { recursive: true });
  const layer = { ...built, ...edit?.(built) };
  const annotations = { ...layer.descriptor.annotations };
  annotate?.(annotations);
  const { mediaType } = layer.descriptor;
  writeLayout(dir.in('layout'), 'v1', [{ ...layer, mediaType, annotations }]);
  await using registry = await startRegistry({
    images: [{ repository: 'fx', layout: dir.in('layout') }],
    ...(faults ? { faults } : {}),
  });
  const image = `${registry.host}/fx:v1`;
  const common = ['--cache-dir', dir.in('cache'), ...COMMON, ...args];
  const { status, stdout, stderr } = await runCli([image, dir.in('rootfs'), ...common, '--json', '--quiet']);
  const nothing = { result: undefined, layer: undefined, warm: undefined, files: [], names: [] };
  if (status !== 0) return { status, stderr, ...nothing };
  const result = JSON.parse(stdout) as CliJson;
  const names = readdirSync(dir.in('rootfs')).sort();
  const read = (name: string) => readFileSync(dir.in(`rootfs/etc/${name}`));
  const files = ['big', 'small', 'other']
    .filter((name) => existsSync(dir.in(`rootfs/etc/${name}`)))
    .map(read);
  const warm = isWarm ? await pullJson([image, dir.in('again'), ...common]) : undefined;
  if (warm) expect(listTree(dir.in('again'))).toEqual(listTree(dir.in('rootfs')));
  return { status, stderr, result, layer: result.layers[0], files, names, warm };
}

const CONTENT = ITEMS.slice(1).map(({ body }) => Buffer.from(body ?? ''));
const DIALECTS = [
  ['eStargz', {}],
  ['eStargz, lossless', { lossless: true }],
  ['zstd:chunked of stargz-snapshotter', { compression: 'zstd' }],
] as const satisfies readonly (readonly [string, StargzLayerOptions])[];

/** Of the second file, whose entry and chunks follow one another. */
function editEntries(change: (entries: StargzEntry[]) => void) {
  return {
    editToc: (toc: { version: number; entries: StargzEntry[] }) => {
      change(toc.entries);
      return toc;
    },
  };
}
const chunkOf = (entries: StargzEntry[], index: number) =>
  entries[entries.findIndex(({ name }) => name === 'etc/big') + index] as StargzEntry;

describe.each(DIALECTS)('a layer of %s', (_, dialect) => {
  const build = (more: StargzLayerOptions = {}, items = ITEMS) =>
    buildStargzLayer(items, { chunkSize: CHUNK, ...dialect, ...more });

  it('is fetched by ranges, and comes from the cache afterwards', async () => {
    const { files, layer, result, warm } = await pullBuilt(build(), { isWarm: true });
    expect(files).toEqual(CONTENT);
    expect(layer).toMatchObject({ way: 'ranges', reason: null });
    // Four chunks of 100,000 random bytes are at hand.
    expect(result?.['bytes-downloaded']).toBeLessThan(build().blob.length - 395_000);
    expect(result?.warnings).toEqual([]);
    expect(warm).toMatchObject({ 'bytes-downloaded': 0, requests: 2 });
  });

  it('leaves its own files out of the tree, however it comes', async () => {
    const built = build({}, [...ITEMS, PREFETCH_LANDMARK]);
    expect((await pullBuilt(built)).names).toEqual(['etc']);
    const whole = await pullBuilt(built, { faults: [{ kind: 'ignore-ranges' }] });
    expect(whole.names).toEqual(['etc']);
    expect(whole.layer).toMatchObject({ way: 'whole', reason: 'the server ignores ranges' });
  });

  // The archive's end makes no difference to these.
  it.skipIf('lossless' in dialect).each<[string, StargzLayerOptions, RegExp]>([
    [
      'files are smaller than its chunks',
      { chunkSize: 4 << 20 },
      /compressed together with the headers between them/,
    ],
    ['chunks share members', { chunkSize: 4 << 20, minChunkSize: 1 << 20 }, /compressed together/],
    ['TOC is no JSON', { editToc: () => 'no object' }, /unknown version/],
    ['TOC has a version nobody knows', { editToc: (toc) => ({ ...toc, version: 7 }) }, /unknown version/],
    ['TOC has no list', { editToc: () => ({ version: 1, entries: 7 }) }, /no usable list/],
    [
      'TOC has an entry of no kind',
      editEntries((entries) => entries.push({ name: 'x', type: 'door' })),
      /malformed entry/,
    ],
    [
      'TOC begins with a chunk',
      editEntries((entries) => entries.unshift({ name: 'x', type: 'chunk' })),
      /malformed entry/,
    ],
    ...(
      [
        ['a place before the blob', { offset: -1 }],
        ['a place behind the blob', { offset: 2 ** 40 }],
        ['a place that is no number', { offset: 1e300 }],
        ['the place of another chunk', { offset: 0 }],
        ['an inner offset below zero', { innerOffset: -5 }],
        ['a size beyond its file', { chunkSize: 2 ** 50 }],
        ['a size below zero', { chunkSize: -1 }],
        ['a size that does not add up', { chunkSize: 17 }],
        ['another place in its file', { chunkOffset: 12 }],
      ] as const
    ).map(([what, change]): [string, StargzLayerOptions, RegExp] => [
      `TOC gives a chunk ${what}`,
      editEntries((entries) => Object.assign(chunkOf(entries, 1), change)),
      /chunks cannot be located/,
    ]),
    [
      'TOC gives no digest for a chunk',
      editEntries((entries) => {
        delete chunkOf(entries, 1).chunkDigest;
      }),
      /no digest for a chunk/,
    ],
    [
      'TOC gives a chunk a place inside of its member',
      editEntries((entries) => {
        const chunk = entries.find(({ name }) => name === 'etc/other');
        if (chunk) chunk.offset = (chunk.offset ?? 0) + 10;
      }),
      /do not make up the layer|does not match its digest/,
    ],
    [
      'TOC gives a chunk the digest of another that is at hand',
      editEntries((entries) => {
        chunkOf(entries, 1).chunkDigest = chunkOf(entries, 0).chunkDigest ?? '';
      }),
      /do not make up the layer/,
    ],
  ])('is taken whole if its %s', async (_what, options, reason) => {
    const { files, layer, stderr } = await pullBuilt(build(options));
    expect(stderr).not.toContain('INTERNAL');
    expect(files).toEqual(CONTENT);
    expect(layer).toMatchObject({ way: 'whole', reason: expect.stringMatching(reason) });
  });

  it('is taken whole if its TOC has another digest than the manifest says', async () => {
    const { files, layer } = await pullBuilt(build(), {
      annotate: (annotations) => {
        annotations['containerd.io/snapshot/stargz/toc.digest'] = `sha256:${'0'.repeat(64)}`;
      },
    });
    expect(files).toEqual(CONTENT);
    expect(layer).toMatchObject({ way: 'whole', reason: expect.stringMatching(/its TOC hashes to/) });
  });

  it('fails by its diff_id, if that is wrong, in parts as in one piece', async () => {
    const diffId = `sha256:${'0'.repeat(64)}` as Digest;
    const { status, stderr } = await pullBuilt(build(), { edit: () => ({ diffId }) });
    expect(status).toBe(1);
    expect(stderr).toContain('DIGEST_MISMATCH');
    expect(stderr).toContain(diffId);
  });

  it('that unpacks to more than the limit fails with its name', async () => {
    const huge = build({}, [...ITEMS, { name: 'zeros', body: Buffer.alloc(80 << 20) }]);
    const { status, stderr } = await pullBuilt(huge, { args: ['--limit', 'total-size=16MiB'] });
    expect(status).toBe(1);
    expect(stderr).toContain('LIMIT_EXCEEDED');
  });
});

describe('an eStargz layer', () => {
  const built = buildStargzLayer(ITEMS, { chunkSize: CHUNK });
  const bare = built.blob.subarray(0, -51);
  const withFooter = (footer: Buffer) => ({ edit: () => ({ blob: Buffer.concat([bare, footer]) }) });

  it.each<[string, Served, string]>([
    ['no footer', { edit: () => ({ blob: bare }) }, 'it has no footer'],
    [
      'a footer that points outside',
      withFooter(gzipFooter('estargz', 2 ** 40)),
      'its footer points outside of the blob',
    ],
    [
      'a footer with a number no double holds',
      withFooter(
        Buffer.from(
          gzipFooter('estargz', 0).toString('latin1').replace('0000000000000000', 'ffffffffffffffff'),
          'latin1',
        ),
      ),
      'its footer is malformed',
    ],
    [
      'a footer that points at file content',
      withFooter(gzipFooter('estargz', 1000)),
      'its TOC cannot be decoded, or is too large',
    ],
    [
      'a footer of the older format',
      withFooter(gzipFooter('stargz', built.dataEnd)),
      'its format gives no digests of chunks',
    ],
  ])('with %s is taken whole', async (_, served, reason) => {
    const { files, layer, warm } = await pullBuilt(built, { ...served, isWarm: true });
    expect(files).toEqual(CONTENT);
    expect(layer).toMatchObject({ way: 'whole', format: 'estargz', reason });
    expect(warm).toMatchObject({ 'bytes-downloaded': 0 });
  });

  it('with an annotation that is no digest is taken whole', async () => {
    const { files, layer } = await pullBuilt(built, {
      annotate: (annotations) => {
        annotations['containerd.io/snapshot/stargz/toc.digest'] = 'sha256:short';
      },
    });
    expect(files).toEqual(CONTENT);
    expect(layer).toMatchObject({ way: 'whole', reason: 'its TOC annotations are malformed' });
  });

  it('that is small is taken whole without a question', async () => {
    const { layer, result } = await pullBuilt(buildStargzLayer(ITEMS.slice(0, 1)));
    expect(layer).toMatchObject({ way: 'whole', reason: null, format: 'estargz' });
    expect(result?.requests).toBe(3);
  });
});

describe('a layer without annotations', () => {
  const big = randomBytes(MIN_PROBED_SIZE);
  const options = { chunkSize: 4 << 20 };
  const base = buildStargzLayer([{ name: 'base', body: big }], options);
  const drop = (annotations: Record<string, string>) => {
    for (const name of Object.keys(annotations)) delete annotations[name];
  };

  it('is known by its footer, and keeps the files that nobody has said to be no part of it', async () => {
    const built = buildStargzLayer([{ name: 'copy', body: big }, PREFETCH_LANDMARK], options);
    const { layer, names, result, warm } = await pullBuilt(built, { base, annotate: drop, isWarm: true });
    expect(layer).toMatchObject({ way: 'ranges', format: 'estargz', reason: null });
    expect(names).toEqual(['.prefetch.landmark', 'copy', 'stargz.index.json']);
    expect(result?.['bytes-downloaded']).toBeLessThan(5 << 20);
    expect(warm).toMatchObject({ 'bytes-downloaded': 0, requests: 2 });
  });

  it('and without footer costs one request of 72 bytes, which are not fetched again', async () => {
    const tar = Buffer.concat([tarHeader({ name: 'copy', body: big }), padded(big), END]);
    const plain = { ...base, blob: gzipSync(tar), diffId: digestOf(tar) };
    const { layer, result } = await pullBuilt(plain, { base, annotate: drop });
    expect(layer).toMatchObject({ way: 'whole', format: 'gzip', reason: null });
    expect(result?.['bytes-downloaded']).toBe(plain.blob.length);
    expect(result?.requests).toBe(2 + 1 + Math.ceil(plain.blob.length / (8 << 20)));
  });
});
