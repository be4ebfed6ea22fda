// Reads an OCI image layout directory: enough to serve it or to push it.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const REF_NAME = 'org.opencontainers.image.ref.name';

export interface LayoutDescriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Record<string, string>;
}

/** The fields of an index or a manifest that lead to other blobs. */
export interface LayoutManifest {
  readonly mediaType?: string;
  readonly manifests?: readonly LayoutDescriptor[];
  readonly config?: LayoutDescriptor;
  readonly layers?: readonly LayoutDescriptor[];
}

/** Path of a blob in the layout; undefined if the name is not a digest or the blob is absent. */
export function blobPath(layout: string, digest: string): string | undefined {
  const match = /^([a-z0-9]+):([0-9a-f]+)$/.exec(digest);
  if (!match) return undefined;
  const path = join(layout, 'blobs', String(match[1]), String(match[2]));
  return existsSync(path) ? path : undefined;
}

export function readLayoutBlob(layout: string, digest: string): Buffer {
  const path = blobPath(layout, digest);
  if (!path) throw new Error(`${layout} holds no blob ${digest}`);
  return readFileSync(path);
}

export function readLayoutManifest(layout: string, digest: string): LayoutManifest {
  return JSON.parse(readLayoutBlob(layout, digest).toString());
}

/** The descriptors of index.json by tag. */
export function readTags(layout: string): Map<string, LayoutDescriptor> {
  const index: LayoutManifest = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'));
  const tags = new Map<string, LayoutDescriptor>();
  for (const descriptor of index.manifests ?? []) {
    const tag = descriptor.annotations?.[REF_NAME];
    if (tag) tags.set(tag, descriptor);
  }
  return tags;
}
