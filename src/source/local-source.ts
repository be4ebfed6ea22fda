// An image in a directory or file of this machine, as an ImageSource. Layers are read where they lie.
import { statSync } from 'node:fs';
import { PullError } from '../errors.ts';
import { type Digest, isDigest } from '../oci/digest.ts';
import { formatLocalImage, type LocalImage } from '../oci/image-name.ts';
import { quote } from '../oci/json.ts';
import { openArchive } from './archive.ts';
import { openDockerArchive } from './docker-archive.ts';
import { isDockerArchive } from './docker-manifest.ts';
import { type FileTree, openDirectory, realPath } from './file-tree.ts';
import { isLayout, openLayout } from './layout.ts';
import type { LocalContext } from './local-context.ts';
import { streamFile } from './local-file.ts';
import {
  findBlob,
  type LocalImages,
  missing,
  pickImage,
  readManifest,
  readVerified,
} from './local-images.ts';
import type { ImageSource } from './source.ts';

export type { LocalContext } from './local-context.ts';

/**
 * `image`: with an absolute path. `manifest('')` of the source is the image's own manifest or index; a tag or digest names another
 * one beside it. Throws LAYOUT_INVALID for what is absent, malformed or of another kind; LIMIT_EXCEEDED, DISK_FULL, ABORTED.
 */
export async function openLocalSource(image: LocalImage, context: LocalContext): Promise<ImageSource> {
  const images = await openLocalImages(image, context);
  return {
    name: formatLocalImage({ kind: image.kind, path: image.path }),
    requests: 0,
    manifest: async (target, expected) => {
      if (expected) return readManifest(images, expected);
      const wanted = target || image.digest || image.name;
      if (wanted === undefined || !isDigest(wanted)) return pickImage(images, wanted);
      return readManifest(images, await describeDigest(images, wanted));
    },
    smallBlob: (descriptor, maxBytes) => readVerified(images, descriptor, maxBytes),
    openBlob: async (descriptor, range, signal) => {
      const file = findBlob(images, descriptor);
      if (!file) throw missing(images, descriptor.digest);
      return { range, chunks: streamFile(file, range, signal) };
    },
    locate: (descriptor) => {
      const file = findBlob(images, descriptor);
      if (!file) throw missing(images, descriptor.digest);
      return { ...file, digest: descriptor.digest };
    },
    close: () => images.close(),
  };
}

/** Throws as openLocalSource. The caller closes it. */
export async function openLocalImages(image: LocalImage, context: LocalContext): Promise<LocalImages> {
  const tree = await openTree(image, context);
  try {
    if (
      image.kind === 'docker-archive' ||
      (image.kind === 'path' && !isLayout(tree) && isDockerArchive(tree))
    )
      return await openDockerArchive(tree, context);
    return await openLayout(tree);
  } catch (error) {
    await tree.close();
    throw error;
  }
}

/** Throws LAYOUT_INVALID where there is nothing at its path. */
export function checkThere({ path, name }: LocalImage): string {
  const hint = `Check the path; what stands behind the colon, ${quote(name ?? '')}, was read as a tag.`;
  return realPath(path, name === undefined ? undefined : hint);
}

async function openTree(image: LocalImage, context: LocalContext): Promise<FileTree> {
  const { kind, path } = image;
  const isDirectory = statSync(checkThere(image)).isDirectory();
  if (kind === 'oci' && !isDirectory)
    throw new PullError('LAYOUT_INVALID', `${path} is a file and no directory`, {
      hint: `A layout in an archive is named oci-archive:${path}`,
    });
  if (kind.endsWith('-archive') && isDirectory)
    throw new PullError('LAYOUT_INVALID', `${path} is a directory and no archive`, {
      hint: `A layout in a directory is named oci:${path}`,
    });
  return isDirectory ? openDirectory(path) : openArchive(path, context);
}

/** A digest of the index has a media type there; others are told by their content. */
async function describeDigest(images: LocalImages, digest: Digest) {
  const entry = images.entries.find(({ id }) => id === digest);
  return entry ? entry.describe() : { digest, mediaType: '' };
}
