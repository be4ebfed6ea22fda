// Names of images beside the one that a command is about. Pure.
import { isDigest } from '../oci/digest.ts';
import type { ImageName } from '../oci/image-name.ts';
import { parseReference, repositoryName } from '../oci/reference.ts';

/** The image of another tag or digest in the same place. Throws REFERENCE_INVALID. */
export function otherTag(image: ImageName, tag: string): ImageName {
  if (image.kind === 'registry') {
    const name = repositoryName(image.reference);
    return { ...image, reference: parseReference(isDigest(tag) ? `${name}@${tag}` : `${name}:${tag}`) };
  }
  const { kind, path } = image;
  return isDigest(tag) ? { kind, path, digest: tag } : { kind, path, name: tag };
}
