// Names of images beside the one that a command is about. Pure.
import { PullError } from '../errors.ts';
import { type Digest, digestFault, isDigest } from '../oci/digest.ts';
import { type ImageName, LOCAL_TRANSPORTS, parseImageName } from '../oci/image-name.ts';
import { parseReference, repositoryName } from '../oci/reference.ts';
import { toAbsolute } from './options.ts';

/** `text`: a tag or a digest in the same place, or a whole name. Throws REFERENCE_INVALID. */
export function otherImage(image: ImageName, text: string, cwd: string): ImageName {
  const digest = digestIn(text);
  if (digest === undefined && isWholeName(image, text)) return toAbsolute(parseImageName(text), cwd);
  if (image.kind === 'registry') {
    const name = repositoryName(image.reference);
    return { ...image, reference: parseReference(digest ? `${name}@${digest}` : `${name}:${text}`) };
  }
  const { kind, path } = image;
  return digest ? { kind, path, digest } : { kind, path, name: text };
}

/** A word alone: a tag, or a name of Docker Hub. */
const WORD = /^\w[\w.-]*$/;

/**
 * The image that `first` is compared with: a whole name, or a tag or digest in the same place. A word alone is a tag, but a name where
 * the first is a word alone too: `debian ubuntu`. Throws REFERENCE_INVALID.
 */
export function secondImage(first: string, text: string, cwd: string): ImageName {
  const isInPlace = digestIn(text) !== undefined || (WORD.test(text) && !WORD.test(first));
  return isInPlace
    ? otherImage(toAbsolute(parseImageName(first), cwd), text, cwd)
    : toAbsolute(parseImageName(text), cwd);
}

/** With or without the @ that stands before it in references. Throws REFERENCE_INVALID for one that is none. */
function digestIn(text: string): Digest | undefined {
  const [, digest] = /^@?(sha(?:256|512):.*)$/s.exec(text) ?? [];
  if (digest === undefined || isDigest(digest)) return digest;
  throw new PullError('REFERENCE_INVALID', digestFault(digest));
}

/** In a layout and an archive images may have any names, those with slashes and colons as well. */
function isWholeName({ kind }: ImageName, text: string): boolean {
  const isLocal = LOCAL_TRANSPORTS.some((transport) => text.startsWith(`${transport}:`));
  return isLocal || text.startsWith('docker://') || (kind === 'registry' && /[/:]/.test(text));
}
