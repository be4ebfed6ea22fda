// Reading OCI layouts: https://github.com/opencontainers/image-spec/blob/main/image-layout.md
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Record<string, string>;
}

export interface Manifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

export interface Blob extends Descriptor {
  readonly path: string;
}

/** The media type of a manifest; https://github.com/opencontainers/image-spec/blob/main/media-types.md */
export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';

export function blobPath(layout: string, digest: string): string {
  return join(layout, 'blobs', digest.replace(':', '/'));
}

/** Descriptor of the manifest with a tag. */
export async function taggedManifest(layout: string, tag: string): Promise<Descriptor> {
  const index: { manifests: Descriptor[] } = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8'));
  const found = index.manifests.find(
    ({ annotations }) => annotations?.['org.opencontainers.image.ref.name'] === tag,
  );
  if (!found) throw new Error(`${layout} has no tag ${tag}`);
  return found;
}

/** The layers of a tagged image, lowest first. */
export async function layerBlobs(layout: string, tag: string): Promise<Blob[]> {
  const { digest } = await taggedManifest(layout, tag);
  const manifest: Manifest = JSON.parse(await readFile(blobPath(layout, digest), 'utf8'));
  return manifest.layers.map((layer) => ({ ...layer, path: blobPath(layout, layer.digest) }));
}
