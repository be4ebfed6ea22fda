// An eStargz layer whose TOC image is absent, broken or lies: it is taken whole, the reason says why, and the pull succeeds.
import { randomBytes } from 'node:crypto';
import { cpSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '../../src/integrity/hash.ts';
import { type CliJson, pullJson, runCli, scratch } from '../support/cli.ts';
import { addTocImage, type TocLayer, tocBlob } from '../support/external-toc.ts';
import { type RegistryOptions, startRegistry } from '../support/registry.ts';
import { buildStargzLayer, type StargzLayer } from '../support/stargz-layer.ts';
import { END } from '../support/tar-builder.ts';
import { writeLayout } from '../support/write-layout.ts';

const BIG = randomBytes(500_000);
const OPTIONS = { chunkSize: 100_000, footer: 'external' } as const;
const BASE = buildStargzLayer([{ name: 'base', body: BIG }], OPTIONS);
const LAYER = buildStargzLayer(
  [
    { name: 'copy', body: BIG },
    { name: 'more', body: randomBytes(150_000) },
  ],
  OPTIONS,
);
const ANOTHER = tocBlob(BASE.tocText);
const TRUE_TOC: TocLayer = { of: LAYER.descriptor.digest, blob: tocBlob(LAYER.tocText) };

const room = scratch();
afterAll(() => room[Symbol.dispose]());

function writeImage(directory: string, { blob, descriptor, diffId }: StargzLayer): void {
  writeLayout(directory, 'v1', [{ blob, diffId, ...descriptor }]);
}

/** A cache that holds the chunks of the base. */
beforeAll(async () => {
  writeImage(room.in('base'), BASE);
  addTocImage(room.in('base'), 'v1-esgztoc', [{ of: BASE.descriptor.digest, blob: ANOTHER }]);
  await using registry = await startRegistry({ images: [{ repository: 'base', layout: room.in('base') }] });
  const image = `${registry.host}/base:v1`;
  await pullJson([image, room.in('root'), '--cache-dir', room.in('cache'), '--platform', 'linux/amd64']);
});

interface Served {
  readonly layer?: StargzLayer;
  /** Absent: there is no TOC image. */
  readonly tocs?: readonly TocLayer[];
  readonly manifest?: Parameters<typeof addTocImage>[3];
  readonly faults?: RegistryOptions['faults'];
  readonly isCold?: boolean;
}

async function pullServed({ layer: served = LAYER, tocs, manifest, faults, isCold = false }: Served) {
  using dir = scratch();
  writeImage(dir.in('layout'), served);
  if (tocs) addTocImage(dir.in('layout'), 'v1-esgztoc', tocs, manifest);
  if (!isCold) cpSync(room.in('cache'), dir.in('cache'), { recursive: true });
  await using registry = await startRegistry({
    images: [{ repository: 'fx', layout: dir.in('layout') }],
    ...(faults ? { faults } : {}),
  });
  const args = ['--cache-dir', dir.in('cache'), '--platform', 'linux/amd64', '--json'];
  const pull = () => runCli([`${registry.host}/fx:v1`, dir.in('rootfs'), ...args]);
  const { status, stdout, stderr } = await pull();
  expect([status, status === 0 ? '' : stderr]).toEqual([0, '']);
  expect(readFileSync(dir.in('rootfs/copy')).equals(BIG)).toBe(true);
  const { requests } = registry;
  const asked = requests.filter(({ path }) => path.endsWith('/manifests/v1-esgztoc')).length;
  return { layer: (JSON.parse(stdout) as CliJson).layers[0], stderr, asked, json: stdout };
}

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const asJson = (value: unknown) => Buffer.from(JSON.stringify(value));
const lies = (edit: Partial<TocLayer>): Served => ({ tocs: [{ ...TRUE_TOC, ...edit }] });
const onToc = new RegExp(`/blobs/${digestOf(TRUE_TOC.blob)}`);

it('a layer whose TOC image tells the truth is fetched by ranges', async () => {
  const { layer, asked } = await pullServed({ tocs: [TRUE_TOC] });
  expect(layer).toMatchObject({ way: 'ranges', reason: null, format: 'estargz' });
  expect(asked).toBe(1);
});

it('so is one that has kept the end of its archive, and with it its diff_id', async () => {
  const layer = buildStargzLayer([{ name: 'copy', body: BIG }], { ...OPTIONS, lossless: true });
  const toc = { of: layer.descriptor.digest, blob: tocBlob(layer.tocText) };
  expect((await pullServed({ layer, tocs: [toc] })).layer).toMatchObject({ way: 'ranges', reason: null });
});

describe('a layer whose TOC is in another image is taken whole if', () => {
  it.each<[string, Served, RegExp]>([
    ['there is none', {}, /v1-esgztoc, which is not there/],
    ['that names no layer', lies({ of: undefined }), /that does not name the layer/],
    ['that names another one', lies({ of: digestOf(Buffer.from('x')) }), /that does not name the layer/],
    ['that holds nothing', { tocs: [] }, /that does not name the layer/],
    ['its TOC is called too large', lies({ edit: { size: (64 << 20) + 1 } }), /too large, or empty/],
    ['its TOC is called empty', lies({ edit: { size: 0 } }), /too large, or empty/],
    ['its TOC is called longer than it is', lies({ edit: { size: 5000 } }), /cannot be had/],
    ['its TOC is called shorter than it is', lies({ edit: { size: 100 } }), /cannot be had|hashes to/],
    [
      'its TOC is not there',
      lies({ edit: { digest: digestOf(Buffer.from('y')) } }),
      /blob sha256:\w+, which is not there/,
    ],
    ['its TOC is that of another layer', lies({ blob: ANOTHER }), /its TOC hashes to/],
    ['its TOC is no archive', lies({ blob: gzipSync('{}') }), /cannot be decoded/],
    ['its TOC is not compressed', lies({ blob: Buffer.from(LAYER.tocText) }), /cannot be decoded/],
    ['its TOC is an archive of nothing', lies({ blob: gzipSync(END) }), /cannot be decoded/],
    [
      'its TOC decodes to more than the limit',
      lies({ blob: gzipSync(Buffer.alloc(260 << 20)) }),
      /cannot be decoded, or is too large/,
    ],
    [
      'its TOC arrives damaged',
      { tocs: [TRUE_TOC], faults: [{ kind: 'corrupt', offset: 100, on: onToc }] },
      /its TOC hashes to/,
    ],
    [
      'its TOC is refused',
      { tocs: [TRUE_TOC], faults: [{ kind: 'status', status: 403, on: onToc }] },
      /cannot be had/,
    ],
    [
      'that is refused',
      { tocs: [TRUE_TOC], faults: [{ kind: 'status', status: 403, on: /v1-esgztoc/ }] },
      /v1-esgztoc, which cannot be had/,
    ],
    [
      'the registry fails when it is asked for that',
      { tocs: [TRUE_TOC], faults: [{ kind: 'status', status: 503, on: /v1-esgztoc/ }] },
      /v1-esgztoc, which cannot be had/,
    ],
    [
      'that is no manifest',
      { tocs: [], manifest: { bytes: Buffer.from('<html>'), mediaType: MANIFEST } },
      /v1-esgztoc, which cannot be had/,
    ],
    [
      'that has no layers',
      { tocs: [], manifest: { bytes: asJson({ schemaVersion: 2, layers: 7 }), mediaType: MANIFEST } },
      /v1-esgztoc, which cannot be had/,
    ],
    [
      'that is an index',
      { tocs: [], manifest: { bytes: asJson({ schemaVersion: 2, manifests: [] }), mediaType: INDEX } },
      /which is no single image/,
    ],
  ])('%s', async (_, served, reason) => {
    const { layer, asked, stderr } = await pullServed(served);
    expect(layer).toMatchObject({ way: 'whole', reason: expect.stringMatching(reason) });
    expect(stderr).not.toContain('INTERNAL');
    // Nobody waits for it: the layer can be had without.
    expect([1, 2]).toContain(asked);
  });
});

it('what a token of the registry is called does not get into the reason', async () => {
  const secret = 'Bearer-0123456789abcdef';
  const body = JSON.stringify({ errors: [{ code: 'DENIED', message: `https://x.test/?token=${secret}` }] });
  const { layer, json, stderr } = await pullServed({
    tocs: [TRUE_TOC],
    faults: [{ kind: 'status', status: 403, on: /v1-esgztoc/, body }],
  });
  expect(layer).toMatchObject({ way: 'whole', reason: expect.stringContaining('cannot be had') });
  expect(json + stderr).not.toContain(secret);
});

it('a first pull says why the next one will not be able to share anything', async () => {
  const { layer, stderr } = await pullServed({ isCold: true });
  expect(layer).toMatchObject({ way: 'whole', reason: null });
  expect(stderr).toContain('is kept without its chunks: its TOC is in v1-esgztoc, which is not there');
});
