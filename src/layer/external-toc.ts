// eStargz whose table of contents is in another image: one small layer there for each layer here.
// https://github.com/containerd/stargz-snapshotter/blob/main/docs/estargz.md#external-toc
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { MAX_METADATA_BYTES } from './annotations.ts';

/** The other image has the same repository, and the same tag with this behind it. An image named by digest has none. */
export const EXTERNAL_TOC_SUFFIX = '-esgztoc';
const LAYER_DIGEST = 'containerd.io/snapshot/stargz/layer.digest';

/**
 * The layer of that image that holds the TOC of layer `digest`: a gzip member as in eStargz, for tocOfMember. What vouches for the
 * TOC is the digest of its JSON in the manifest of the layer itself, not this image.
 */
export function findExternalToc(layers: readonly Descriptor[], digest: Digest): Descriptor | undefined {
  return layers.find(
    ({ annotations, size }) => annotations[LAYER_DIGEST] === digest && size <= MAX_METADATA_BYTES,
  );
}
