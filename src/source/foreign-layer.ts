// Layers that may not be passed on, so that registries need not hold them: Windows' base layers, once.
// https://github.com/opencontainers/image-spec/blob/main/layer.md#non-distributable-layers
import { PullError } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { quote } from '../oci/json.ts';
import { isForeignLayerType } from '../oci/media-type.ts';

/** The error, in other words where a foreign layer is not in the registry: nobody has lost it. `name`: the source. */
export function explainForeign(error: unknown, { digest, mediaType }: Descriptor, name: string): unknown {
  if (!(error instanceof PullError) || error.code !== 'NOT_FOUND' || !isForeignLayerType(mediaType))
    return error;
  return new PullError(
    'MEDIA_TYPE_UNSUPPORTED',
    `${name} does not hold the layer ${digest}, a foreign one (media type ${quote(mediaType)})`,
    {
      hint: 'Foreign layers lie at the "urls" in the manifest, and are not fetched from there. Push the image to a registry together with them, as docker does with allow-nondistributable-artifacts.',
      cause: error,
    },
  );
}
