import { describe, expect, it } from 'vitest';
import * as types from '../../src/oci/media-type.ts';
import { thrown } from '../support/pull-error.ts';

const OCI = 'application/vnd.oci.image.layer';
const DOCKER = 'application/vnd.docker.image.rootfs';

describe('layerCompression', () => {
  it.each([
    [`${OCI}.v1.tar`, 'none'],
    [`${OCI}.v1.tar+gzip`, 'gzip'],
    [`${OCI}.v1.tar+zstd`, 'zstd'],
    [`${OCI}.nondistributable.v1.tar`, 'none'],
    [`${OCI}.nondistributable.v1.tar+gzip`, 'gzip'],
    [`${OCI}.nondistributable.v1.tar+zstd`, 'zstd'],
    [`${DOCKER}.diff.tar`, 'none'],
    [`${DOCKER}.diff.tar.gzip`, 'gzip'],
    [`${DOCKER}.diff.tar.zstd`, 'zstd'],
    [`${DOCKER}.foreign.diff.tar`, 'none'],
    [`${DOCKER}.foreign.diff.tar.gzip`, 'gzip'],
    [`${OCI.toUpperCase()}.V1.Tar+GZip`, 'gzip'],
    [` ${OCI}.v1.tar+zstd ; charset=utf-8`, 'zstd'],
  ])('reads %s as %s', (mediaType, compression) => {
    expect(types.layerCompression(mediaType)).toBe(compression);
  });

  it.each([
    '',
    'application/octet-stream',
    `${OCI}.v1.tar+bzip2`,
    `${OCI}.v1.tar.gzip`,
    `${OCI}.v2.tar+gzip`,
    `${OCI}.v1.tar+gzip+zstd`,
    `x${OCI}.v1.tar`,
    `${DOCKER}.diff.tar+gzip`,
    types.OCI_EMPTY,
    types.OCI_CONFIG,
    'application/vnd.erofs.layer.v1',
  ])('refuses "%s"', (mediaType) => {
    thrown('MEDIA_TYPE_UNSUPPORTED', () => types.layerCompression(mediaType));
  });

  it('tells encrypted layers, signatures and unknown types apart', () => {
    const hints = [
      `${OCI}.v1.tar+gzip+encrypted`,
      'application/vnd.in-toto+json',
      'application/vnd.unknown',
    ].map((mediaType) => thrown('MEDIA_TYPE_UNSUPPORTED', () => types.layerCompression(mediaType)).hint);
    expect(new Set(hints).size).toBe(3);
    const cosign = 'application/vnd.dev.cosign.simplesigning.v1+json';
    expect(thrown('MEDIA_TYPE_UNSUPPORTED', () => types.layerCompression(cosign)).hint).toBe(hints[1]);
  });
});

describe('manifest types', () => {
  it('accepts exactly the four current ones', () => {
    expect(types.MANIFEST_ACCEPT.split(', ').sort()).toEqual([
      'application/vnd.docker.distribution.manifest.list.v2+json',
      'application/vnd.docker.distribution.manifest.v2+json',
      'application/vnd.oci.image.index.v1+json',
      'application/vnd.oci.image.manifest.v1+json',
    ]);
  });

  it('sorts every accepted type into indexes and image manifests', () => {
    for (const type of types.MANIFEST_MEDIA_TYPES)
      expect(types.isIndexType(type)).not.toBe(types.isImageManifestType(type));
    expect(types.isIndexType('Application/vnd.oci.image.INDEX.v1+json; x=y')).toBe(true);
    expect(types.isSchema1Type('application/vnd.docker.distribution.manifest.v1+prettyjws')).toBe(true);
    expect(types.isImageConfigType(types.OCI_EMPTY)).toBe(false);
  });
});
