import { describe, expect, it } from 'vitest';
import { MAX_METADATA_BYTES } from '../../src/layer/annotations.ts';
import { findExternalToc } from '../../src/layer/external-toc.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { sampleDigest } from '../support/descriptors.ts';

function tocLayer(seed: number, of: string | undefined, size = 100): Descriptor {
  const named = of === undefined ? {} : { 'containerd.io/snapshot/stargz/layer.digest': of };
  const annotations = Object.assign(Object.create(null), named) as Record<string, string>;
  return {
    mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
    digest: sampleDigest(seed),
    size,
    annotations,
  };
}

describe('findExternalToc', () => {
  const layers = [tocLayer(1, undefined), tocLayer(2, sampleDigest(11)), tocLayer(3, sampleDigest(12))];

  it('finds the layer that names the other one', () => {
    expect(findExternalToc(layers, sampleDigest(12))?.digest).toBe(sampleDigest(3));
  });

  it('finds none where none names it', () => {
    expect(findExternalToc(layers, sampleDigest(13))).toBeUndefined();
    expect(findExternalToc([], sampleDigest(12))).toBeUndefined();
  });

  it('does not take one that is too large', () => {
    const of = sampleDigest(11);
    expect(findExternalToc([tocLayer(2, of, MAX_METADATA_BYTES)], of)).toBeDefined();
    expect(findExternalToc([tocLayer(2, of, MAX_METADATA_BYTES + 1)], of)).toBeUndefined();
  });
});
