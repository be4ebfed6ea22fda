import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/integrity/hash.ts';
import { checkLayerCount, parseConfig } from '../../src/oci/config.ts';
import { digestHex } from '../../src/oci/digest.ts';
import { MAX_INDEX_ENTRIES, MAX_LAYERS, MAX_MANIFEST_BYTES, parseManifest } from '../../src/oci/manifest.ts';
import * as types from '../../src/oci/media-type.ts';
import { descriptorJson, jsonBytes } from '../support/descriptors.ts';
import { thrown } from '../support/pull-error.ts';

const LAYER = descriptorJson('application/vnd.oci.image.layer.v1.tar+gzip');
const CONFIG = descriptorJson(types.OCI_CONFIG);
const IMAGE = { schemaVersion: 2, config: CONFIG, layers: [LAYER] };
const INDEX = { schemaVersion: 2, manifests: [descriptorJson(types.OCI_MANIFEST)] };

const parse = (json: unknown, mediaType = '') => parseManifest(jsonBytes(json), mediaType);
const refuse = (code: Parameters<typeof thrown>[0], json: unknown, mediaType = '') =>
  thrown(code, () => parse(json, mediaType));

describe('what a document is', () => {
  it.each([
    ['its own type', { ...IMAGE, mediaType: types.OCI_MANIFEST }, '', 'image', types.OCI_MANIFEST],
    ['the type it was served as', IMAGE, types.DOCKER_MANIFEST, 'image', types.DOCKER_MANIFEST],
    ['both', { ...INDEX, mediaType: types.OCI_INDEX }, types.OCI_INDEX, 'index', types.OCI_INDEX],
    [
      'a type in other case with parameters',
      INDEX,
      'Application/vnd.OCI.image.index.v1+json; charset=utf-8',
      'index',
      types.OCI_INDEX,
    ],
    [
      'its own type under a plain one',
      { ...INDEX, mediaType: types.DOCKER_MANIFEST_LIST },
      'application/json',
      'index',
      types.DOCKER_MANIFEST_LIST,
    ],
    ['the structure of an image', IMAGE, '', 'image', types.OCI_MANIFEST],
    ['the structure of an index', INDEX, 'application/octet-stream', 'index', types.OCI_INDEX],
  ])('is known by %s', (_, json, mediaType, kind, resolved) => {
    expect(parse(json, mediaType)).toMatchObject({ kind, mediaType: resolved });
  });

  it.each([
    ['its own type', { ...IMAGE, mediaType: types.OCI_MANIFEST }, types.OCI_INDEX, types.OCI_MANIFEST],
    ['its description', IMAGE, types.DOCKER_MANIFEST, types.DOCKER_MANIFEST],
    ['its structure', IMAGE, '', types.OCI_MANIFEST],
  ])('that was found by its digest is known by %s', (_, json, mediaType, resolved) => {
    expect(parseManifest(jsonBytes(json), mediaType, 'it', 'digest')).toMatchObject({
      kind: 'image',
      mediaType: resolved,
    });
  });

  it.each([
    ['both kinds at once', { ...IMAGE, ...INDEX }, ''],
    ['both kinds, typed', { ...IMAGE, ...INDEX, mediaType: types.OCI_INDEX }, types.OCI_INDEX],
    ['an index with a config', { ...INDEX, config: CONFIG }, ''],
    ['an index with layers', { ...INDEX, layers: [] }, types.OCI_INDEX],
    ['an image with a list of manifests', { ...IMAGE, manifests: [] }, types.OCI_MANIFEST],
    ['an image served as an index', IMAGE, types.OCI_INDEX],
    ['an index served as an image', INDEX, types.OCI_MANIFEST],
    ['a type that contradicts', { ...IMAGE, mediaType: types.OCI_MANIFEST }, types.OCI_INDEX],
    ['a sibling type that contradicts', { ...IMAGE, mediaType: types.OCI_MANIFEST }, types.DOCKER_MANIFEST],
    [
      'layers beside Layers',
      `{"schemaVersion":2,"config":${JSON.stringify(CONFIG)},"layers":[],"Layers":[]}`,
      '',
    ],
    ['a type that is no text', { ...IMAGE, mediaType: 2 }, ''],
  ])('refuses %s', (_, json, mediaType) => {
    refuse('MANIFEST_INVALID', json, mediaType);
  });

  it.each([
    ['the version', { schemaVersion: 1, name: 'x' }, ''],
    ['fsLayers', { fsLayers: [], history: [] }, ''],
    ['its type', { schemaVersion: 2 }, 'application/vnd.docker.distribution.manifest.v1+prettyjws'],
    ['its own type', { mediaType: 'application/vnd.docker.distribution.manifest.v1+json' }, ''],
  ])('refuses Docker schema 1, known by %s, under its name', (_, json, mediaType) => {
    expect(refuse('MEDIA_TYPE_UNSUPPORTED', json, mediaType).message).toContain('schema 1');
  });

  it.each([
    ['no object', []],
    ['an empty object', {}],
    ['a later schema', { ...IMAGE, schemaVersion: 3 }],
    ['a schema in a text', { ...IMAGE, schemaVersion: '2' }],
    ['layers that are no list', { ...IMAGE, layers: { length: 0 } }],
    ['manifests that are no list', { ...INDEX, manifests: 'x' }],
    ['a config that is no descriptor', { ...IMAGE, config: [] }],
    ['an image without a config', { schemaVersion: 2, layers: [LAYER] }],
    ['a null config', { ...IMAGE, config: null }],
    [
      'sizes that add up to no safe number',
      { ...IMAGE, layers: Array(2).fill({ ...LAYER, size: Number.MAX_SAFE_INTEGER }) },
    ],
  ])('refuses %s', (_, json) => {
    refuse('MANIFEST_INVALID', json);
  });

  it('names the layer that is malformed', () => {
    const layers = [LAYER, { ...LAYER, size: -1 }];
    expect(refuse('MANIFEST_INVALID', { ...IMAGE, layers }).message).toContain('layer 2');
  });

  it('reads null lists as empty, as Go writes them', () => {
    expect(parse({ ...IMAGE, layers: null, manifests: null })).toMatchObject({ kind: 'image', layers: [] });
    expect(parse({ manifests: null, mediaType: types.OCI_INDEX })).toMatchObject({
      kind: 'index',
      manifests: [],
    });
  });
});

describe('artifacts', () => {
  const empty = descriptorJson(types.OCI_EMPTY, { size: 2 });

  it.each([
    [
      'an empty config',
      { ...IMAGE, config: empty, artifactType: 'application/vnd.example' },
      'application/vnd.example',
    ],
    [
      'no config',
      { schemaVersion: 2, artifactType: 'application/vnd.example', layers: [] },
      'application/vnd.example',
    ],
    [
      'a config of its own',
      { ...IMAGE, config: descriptorJson('application/vnd.cncf.helm.config.v1+json') },
      'helm',
    ],
    ['an untyped config', { ...IMAGE, config: descriptorJson('application/octet-stream') }, 'octet-stream'],
  ])('are refused under their type: %s', (_, json, type) => {
    const { message } = refuse('MEDIA_TYPE_UNSUPPORTED', json);
    expect(message).toContain('artifact');
    expect(message).toContain(type);
  });

  it('of another document type are refused', () => {
    refuse('MEDIA_TYPE_UNSUPPORTED', {
      mediaType: 'application/vnd.oci.artifact.manifest.v1+json',
      blobs: [],
    });
  });

  it('are not images that carry an artifactType', () => {
    expect(parse({ ...IMAGE, artifactType: 'application/vnd.example' })).toMatchObject({ kind: 'image' });
  });

  it('are not images that an early Docker pushed', () => {
    const config = descriptorJson('application/octet-stream');
    const json = { ...IMAGE, mediaType: types.DOCKER_MANIFEST, config };
    expect(parse(json)).toMatchObject({ kind: 'image', config: { mediaType: 'application/octet-stream' } });
  });
});

describe('limits', () => {
  it('refuses a document that is too long, before it is parsed', () => {
    thrown('LIMIT_EXCEEDED', () => parseManifest(new Uint8Array(MAX_MANIFEST_BYTES + 1), ''));
  });

  it('allows so many layers and no more', () => {
    const withLayers = (count: number) => ({ ...IMAGE, layers: Array(count).fill(LAYER) });
    expect(parse(withLayers(MAX_LAYERS))).toMatchObject({ kind: 'image' });
    refuse('LIMIT_EXCEEDED', withLayers(MAX_LAYERS + 1));
  });

  it('allows so many entries of an index and no more', () => {
    const withEntries = (count: number) => ({ manifests: Array(count).fill(descriptorJson('x')) });
    expect(parse(withEntries(MAX_INDEX_ENTRIES))).toMatchObject({ kind: 'index' });
    refuse('LIMIT_EXCEEDED', withEntries(MAX_INDEX_ENTRIES + 1));
  });
});

const FIXTURES = join(import.meta.dirname, '../fixtures/image');
const FORMATS = readdirSync(FIXTURES, { withFileTypes: true }).filter((it) => it.isDirectory());

describe.each(FORMATS.map((it) => it.name))('the %s fixture', (format) => {
  const blob = (hex: string) => readFileSync(join(FIXTURES, format, 'blobs/sha256', hex));
  const index = parseManifest(readFileSync(join(FIXTURES, format, 'index.json')), '');
  const entries = index.kind === 'index' ? index.manifests : [];

  it('is an index of two tags', () => {
    const tags = entries.map((it) => it.annotations['org.opencontainers.image.ref.name']);
    expect(tags).toEqual(['v1', 'v2']);
  });

  it.each(entries.map((it) => [it.annotations['org.opencontainers.image.ref.name'], it] as const))(
    'has a sound manifest and config for %s',
    (_, entry) => {
      const bytes = blob(digestHex(entry.digest));
      expect([digestOf(bytes), bytes.length]).toEqual([entry.digest, entry.size]);
      const manifest = parseManifest(bytes, entry.mediaType);
      if (manifest.kind !== 'image') throw new Error('not an image');
      const config = parseConfig(blob(digestHex(manifest.config.digest)));
      expect(config).toMatchObject({ os: 'linux', architecture: 'amd64' });
      checkLayerCount(manifest, config);
      const family = format === 'estargz' ? 'gzip' : format.split('-')[0];
      const compressions = manifest.layers.map((layer) => types.layerCompression(layer.mediaType));
      expect(new Set(compressions)).toEqual(new Set([family]));
      const annotated = manifest.layers.every((layer) => Object.keys(layer.annotations).length > 0);
      expect(annotated).toBe(format === 'estargz' || format.startsWith('zstd-chunked'));
    },
  );
});
