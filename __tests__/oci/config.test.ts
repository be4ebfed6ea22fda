import { describe, expect, it } from 'vitest';
import { checkLayerCount, MAX_IMAGE_CONFIG_BYTES, parseConfig } from '../../src/oci/config.ts';
import { parseDescriptor } from '../../src/oci/descriptor.ts';
import { MAX_LAYERS } from '../../src/oci/manifest.ts';
import { descriptorJson, jsonBytes, sampleDigest } from '../support/descriptors.ts';
import { thrown } from '../support/pull-error.ts';

const rootfs = (diffIds: unknown, type: unknown = 'layers') => ({ type, diff_ids: diffIds });
const CONFIG = { os: 'linux', architecture: 'arm64', rootfs: rootfs([sampleDigest(1), sampleDigest(2)]) };
const parse = (json: unknown) => parseConfig(jsonBytes(json));

describe('parseConfig', () => {
  it('reads the platform and the diffIds in order', () => {
    expect(parse({ ...CONFIG, variant: 'v8', config: { Env: [] }, history: [] })).toEqual({
      os: 'linux',
      architecture: 'arm64',
      variant: 'v8',
      diffIds: [sampleDigest(1), sampleDigest(2)],
    });
  });

  it('reads an image without layers', () => {
    expect(parse({ ...CONFIG, rootfs: rootfs(null) }).diffIds).toEqual([]);
  });

  it('calls a platform unknown that is not given', () => {
    expect(parse({ rootfs: rootfs([]), os: '' })).toMatchObject({ os: 'unknown', architecture: 'unknown' });
  });

  it.each([
    ['no object', []],
    ['no rootfs', { os: 'linux', architecture: 'amd64' }],
    ['a rootfs in a list', { ...CONFIG, rootfs: [] }],
    ['diff_ids that are no list', { ...CONFIG, rootfs: rootfs({}) }],
    ['a diff_id that is no text', { ...CONFIG, rootfs: rootfs([5]) }],
    ['a diff_id that is no digest', { ...CONFIG, rootfs: rootfs(['sha256:x']) }],
    ['an operating system that is no text', { ...CONFIG, os: 5 }],
  ])('refuses %s', (_, json) => {
    thrown('MANIFEST_INVALID', () => parse(json));
  });

  it.each(['layers+base', '', null])('refuses a root file system of type %s', (type) => {
    thrown('MEDIA_TYPE_UNSUPPORTED', () => parse({ ...CONFIG, rootfs: rootfs([], type) }));
  });

  it('refuses what is too long or too much', () => {
    thrown('LIMIT_EXCEEDED', () => parseConfig(new Uint8Array(MAX_IMAGE_CONFIG_BYTES + 1)));
    const many = Array(MAX_LAYERS + 1).fill(sampleDigest(1));
    thrown('LIMIT_EXCEEDED', () => parse({ ...CONFIG, rootfs: rootfs(many) }));
  });
});

describe('checkLayerCount', () => {
  const layer = parseDescriptor(descriptorJson('x'), 'layer');

  it('accepts a diffId for each layer and refuses any other count', () => {
    const config = parse(CONFIG);
    expect(() => checkLayerCount({ layers: [layer, layer] }, config)).not.toThrow();
    for (const layers of [[], [layer], [layer, layer, layer]])
      thrown('MANIFEST_INVALID', () => checkLayerCount({ layers }, config));
  });
});
