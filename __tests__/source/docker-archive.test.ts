import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parseDigest } from '../../src/oci/digest.ts';
import { parseSeed } from '../../src/oci/image-name.ts';
import { type ImageManifest, parseManifest } from '../../src/oci/manifest.ts';
import { openLocalSource } from '../../src/source/local-source.ts';
import { type Files, json, sha256, toTar } from '../support/local-images.ts';
import { rejected } from '../support/pull-error.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const temporary = temporaryDirectories();
const { signal } = new AbortController();

const LAYER = Buffer.from(toTar({ file: Buffer.from('content') }));
const DIFF_ID = `sha256:${sha256(LAYER)}`;
const GZIP = gzipSync(LAYER);

function config(architecture = 'amd64', diffIds: readonly string[] = [DIFF_ID]): Buffer {
  return json({ os: 'linux', architecture, rootfs: { type: 'layers', diff_ids: diffIds } });
}

function write(files: Files): string {
  const path = join(temporary(), 'image.tar');
  writeFileSync(path, toTar(files));
  return path;
}

function one(layer: string, files: Files, tags: readonly string[] | null = ['app:v1']): Files {
  const manifest = [{ Config: 'c.json', RepoTags: tags, Layers: [layer] }];
  return { 'c.json': config(), 'manifest.json': json(manifest), ...files };
}

const open = (files: Files, rest = '') =>
  openLocalSource(parseSeed(`docker-archive:${write(files)}${rest}`), { signal });

async function manifestOf(files: Files, rest = ''): Promise<ImageManifest> {
  const { bytes, mediaType } = await (await open(files, rest)).manifest('');
  const manifest = parseManifest(bytes, mediaType);
  if (manifest.kind !== 'image') throw new Error('an index');
  return manifest;
}

describe('an archive of docker save', () => {
  it('gives a manifest for it, with the config and the layer by their digests', async () => {
    const source = await open(one('id/layer.tar', { 'id/layer.tar': LAYER }));
    const raw = await source.manifest('');
    expect(raw.digest).toBe(`sha256:${sha256(raw.bytes)}`);
    const manifest = parseManifest(raw.bytes, raw.mediaType) as ImageManifest;
    expect(manifest.config).toMatchObject({ digest: `sha256:${sha256(config())}`, size: config().length });
    expect(manifest.layers).toMatchObject([{ digest: DIFF_ID, size: LAYER.length }]);
    expect(Buffer.from(await source.smallBlob(manifest.config, 1 << 20))).toEqual(config());
    const again = await source.manifest(raw.digest);
    expect(Buffer.from(again.bytes)).toEqual(Buffer.from(raw.bytes));
    const [layer] = manifest.layers;
    if (!layer) throw new Error('no layer');
    expect(source.locate?.(layer)).toMatchObject({ size: LAYER.length });
    const { chunks } = await source.openBlob(layer, { start: 0, end: layer.size }, signal);
    expect(Buffer.concat(await Array.fromAsync(chunks))).toEqual(LAYER);
  });

  it.each<[what: string, files: Files, layer: string, digest: string]>([
    [
      'a link, as old Docker writes it',
      { 'x.tar': LAYER, 'id/layer.tar': '../x.tar' },
      'id/layer.tar',
      DIFF_ID,
    ],
    [
      'compressed, as go-containerregistry writes it',
      { 'x.tar.gz': GZIP },
      'x.tar.gz',
      `sha256:${sha256(GZIP)}`,
    ],
    [
      'named by its digest, as newer Docker writes it',
      { [`blobs/sha256/${sha256(GZIP)}`]: GZIP },
      `blobs/sha256/${sha256(GZIP)}`,
      `sha256:${sha256(GZIP)}`,
    ],
  ])('may hold a layer that is %s', async (_, files, layer, digest) => {
    const manifest = await manifestOf(one(layer, files));
    expect(manifest.layers).toMatchObject([{ digest }]);
    expect(manifest.layers[0]?.mediaType.endsWith('gzip')).toBe(layer !== 'id/layer.tar');
  });

  it('keeps a layer that is listed twice once', async () => {
    const files = {
      'x.tar': LAYER,
      'c.json': config('amd64', [DIFF_ID, DIFF_ID]),
      'manifest.json': json([{ Config: 'c.json', RepoTags: [], Layers: ['x.tar', 'x.tar'] }]),
    };
    expect((await manifestOf(files)).layers.map(({ digest }) => digest)).toEqual([DIFF_ID, DIFF_ID]);
  });

  const two: Files = {
    'x.tar': LAYER,
    'a.json': config('amd64'),
    'b.json': config('arm64'),
    'manifest.json': json([
      { Config: 'a.json', RepoTags: ['app:v1', 'docker.io/library/app:latest'], Layers: ['x.tar'] },
      { Config: 'b.json', RepoTags: ['localhost:5000/o/app:v2'], Layers: ['x.tar'] },
    ]),
  };

  it.each([
    [':app:v1', 'a'],
    [':docker.io/library/app:v1', 'a'],
    [':app', 'a'],
    [':localhost:5000/o/app:v2', 'b'],
    [':@1', 'b'],
  ])('gives the image of %s', async (rest, name) => {
    const manifest = await manifestOf(two, rest);
    expect(manifest.config.digest).toBe(`sha256:${sha256(two[`${name}.json`] as Buffer)}`);
  });

  it('that holds an image for several platforms under one tag is an index', async () => {
    const items = ['a.json', 'b.json'].map((Config) => ({ Config, RepoTags: ['app:v1'], Layers: ['x.tar'] }));
    const source = await open({ ...two, 'manifest.json': json(items) }, ':app:v1');
    const { bytes, mediaType } = await source.manifest('');
    const index = parseManifest(bytes, mediaType);
    expect(index).toMatchObject({
      kind: 'index',
      manifests: [{ platform: { architecture: 'amd64' } }, { platform: { architecture: 'arm64' } }],
    });
  });

  it.each([
    ['', '"app:v1", "localhost:5000/o/app:v2"'],
    [':app:v3', 'no image "app:v3"'],
  ])('refuses the choice %j, and names what there is', async (rest, says) => {
    const source = await open(two, rest);
    expect((await rejected('LAYOUT_INVALID', source.manifest(''))).message).toContain(says);
  });

  it.each<[what: string, files: Files, says: string]>([
    ['no manifest.json', { repositories: json({}) }, 'manifest.json'],
    ['a manifest.json that is no list', { 'manifest.json': json({}) }, 'not a list'],
    ['a manifest.json that is more than a list', { 'manifest.json': Buffer.from('[],"x":1') }, 'no list'],
    ['a manifest.json that is cut off', { 'manifest.json': Buffer.from('[{') }, 'not valid JSON'],
    ['an image that is no object', { 'manifest.json': json([1]) }, 'not an object'],
    ['an image without config', { 'manifest.json': json([{ Layers: [] }]) }, 'no config'],
    ['layers that are no names', { 'manifest.json': json([{ Config: 'c', Layers: [1] }]) }, 'no string'],
  ])('is refused with %s', async (_, files, says) => {
    expect((await rejected('LAYOUT_INVALID', open(files))).message).toContain(says);
  });

  it.each<[what: string, files: Files, says: string]>([
    ['lacks its config', { ...one('x.tar', { 'x.tar': LAYER }), 'c.json': '../../etc/passwd' }, '"c.json"'],
    ['lacks a layer', one('x.tar', {}), '"x.tar"'],
    [
      'has a config that is none',
      { ...one('x.tar', { 'x.tar': LAYER }), 'c.json': Buffer.from('[') },
      'not valid JSON',
    ],
    [
      'has more diff_ids than layers',
      { ...one('x.tar', { 'x.tar': LAYER }), 'c.json': config('amd64', [DIFF_ID, DIFF_ID]) },
      '2 diff_ids',
    ],
  ])('is refused when an image is asked for that %s', async (_, files, says) => {
    const source = await open(files);
    expect((await rejected('LAYOUT_INVALID', source.manifest(''))).message).toContain(says);
  });

  const HEX = sha256(config());
  it.each([
    `${HEX}.json`,
    `blobs/sha256/${HEX}`,
    `sha256:${HEX}`,
    HEX,
    'config.json',
    `dir/${'0'.repeat(64)}.json`,
  ])('may call its config %s', async (name) => {
    const items = [{ Config: name, RepoTags: [], Layers: ['x.tar'] }];
    const manifest = await manifestOf({ [name]: config(), 'x.tar': LAYER, 'manifest.json': json(items) });
    expect(manifest.config.digest).toBe(`sha256:${HEX}`);
  });

  it.each([`${HEX}.json`, `blobs/sha256/${HEX}`, `sha256:${HEX}`, HEX])(
    'is refused where its config is another than its name %s says',
    async (name) => {
      const items = [{ Config: name, RepoTags: [], Layers: ['x.tar'] }];
      const changed = config('arm64');
      const source = await open({ [name]: changed, 'x.tar': LAYER, 'manifest.json': json(items) });
      const error = await rejected('DIGEST_MISMATCH', source.manifest(''));
      expect(error.message).toContain(`"${name}"`);
      expect(error.message).toContain(sha256(changed));
      expect(error.hint).toContain('changed');
    },
  );

  it('is told from an archive of a layout, and the hint says what to write', async () => {
    const layout = { 'index.json': json({ manifests: [] }) };
    expect((await rejected('LAYOUT_INVALID', open(layout))).hint).toContain('oci-archive:');
    const image = parseSeed(`oci-archive:${write(one('x.tar', { 'x.tar': LAYER }))}`);
    expect((await rejected('LAYOUT_INVALID', openLocalSource(image, { signal }))).hint).toContain(
      'docker-archive:',
    );
  });

  it('that holds no blob of a digest says so', async () => {
    const source = await open(one('x.tar', { 'x.tar': LAYER }));
    const digest = parseDigest(`sha256:${'0'.repeat(64)}`, 'test');
    expect((await rejected('LAYOUT_INVALID', source.manifest(digest))).message).toContain(digest);
  });
});
