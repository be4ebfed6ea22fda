import { describe, expect, it } from 'vitest';
import { parseDescriptor } from '../../src/oci/descriptor.ts';
import { OCI_MANIFEST } from '../../src/oci/media-type.ts';
import { descriptorJson, sampleDigest } from '../support/descriptors.ts';
import { thrown } from '../support/pull-error.ts';

describe('parseDescriptor', () => {
  it('reads the required fields alone', () => {
    expect(parseDescriptor(descriptorJson(OCI_MANIFEST), 'it')).toEqual({
      mediaType: OCI_MANIFEST,
      digest: sampleDigest(),
      size: 7,
      annotations: {},
    });
  });

  it('reads every field it knows', () => {
    const json = descriptorJson('Application/VND.x; a=b', {
      size: 0,
      annotations: { a: 'b' },
      artifactType: 'Application/Y',
      platform: {
        os: 'windows',
        architecture: 'amd64',
        variant: 'v2',
        'os.version': '10.0.17763.1',
        'os.features': ['win32k'],
      },
      urls: ['https://example.com/'],
      data: 'e30=',
    });
    expect(parseDescriptor(json, 'it')).toEqual({
      mediaType: 'application/vnd.x',
      digest: sampleDigest(),
      size: 0,
      annotations: { a: 'b' },
      artifactType: 'application/y',
      platform: {
        os: 'windows',
        architecture: 'amd64',
        variant: 'v2',
        osVersion: '10.0.17763.1',
        osFeatures: ['win32k'],
      },
    });
  });

  it.each([
    ['no object', []],
    ['null', null],
    ['a text', 'sha256:00'],
    ['no media type', descriptorJson('')],
    ['a media type that is no text', { ...descriptorJson('x'), mediaType: 5 }],
    ['no digest', { mediaType: 'x', size: 7 }],
    ['a short digest', descriptorJson('x', { digest: 'sha256:abc' })],
    ['a digest in a list', descriptorJson('x', { digest: [sampleDigest()] })],
    ['no size', { mediaType: 'x', digest: sampleDigest() }],
    ['a negative size', descriptorJson('x', { size: -1 })],
    ['a broken size', descriptorJson('x', { size: 1.5 })],
    ['a size in a text', descriptorJson('x', { size: '7' })],
    ['a size beyond what is exact', descriptorJson('x', { size: Number.MAX_SAFE_INTEGER + 1 })],
    ['annotations in a list', descriptorJson('x', { annotations: ['a'] })],
    ['an annotation that is no text', descriptorJson('x', { annotations: { a: 1 } })],
    ['a platform that is no object', descriptorJson('x', { platform: 'linux/amd64' })],
    ['an operating system that is no text', descriptorJson('x', { platform: { os: 1, architecture: 'a' } })],
    ['fields from a prototype', JSON.parse(`{"__proto__":${JSON.stringify(descriptorJson('x'))}}`)],
  ])('refuses %s', (_, json) => {
    expect(thrown('MANIFEST_INVALID', () => parseDescriptor(json, 'layer 3')).message).toContain('layer 3');
  });

  it.each([
    ['null', null],
    ['an empty object', {}],
    ['empty texts', { os: '', architecture: '' }],
    ['half a platform', { os: 'linux' }],
  ])('reads %s as no platform', (_, platform) => {
    expect(parseDescriptor(descriptorJson('x', { platform }), 'it')).not.toHaveProperty('platform');
  });

  it('passes over features that are no texts', () => {
    const platform = { os: 'linux', architecture: 'amd64', 'os.features': [{ toString: 5 }, 'erofs'] };
    expect(parseDescriptor(descriptorJson('x', { platform }), 'it').platform?.osFeatures).toEqual(['erofs']);
  });

  it('keeps annotations apart from what objects inherit', () => {
    const json = JSON.parse(
      `{"mediaType":"x","digest":"${sampleDigest()}","size":1,"annotations":{"__proto__":"odd"}}`,
    );
    const { annotations } = parseDescriptor(json, 'it');
    expect(Object.getPrototypeOf(annotations)).toBeNull();
    expect(annotations.toString).toBeUndefined();
    expect(Object.entries(annotations)).toEqual([['__proto__', 'odd']]);
  });
});
