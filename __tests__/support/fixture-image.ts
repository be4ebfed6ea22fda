// The fixture layouts and what a test needs to know about an image in them.
import { fileURLToPath } from 'node:url';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { type Digest, parseDigest } from '../../src/oci/digest.ts';
import { parseManifest } from '../../src/oci/manifest.ts';
import { readLayoutBlob, readTags } from './oci-layout.ts';

export type FixtureFormat =
  | 'gzip'
  | 'none'
  | 'zstd'
  | 'zstd-chunked'
  | 'zstd-chunked-legacy'
  | 'zstd-chunked-stargz'
  | 'estargz';

export function fixtureLayout(format: FixtureFormat): string {
  return fileURLToPath(new URL(`../fixtures/image/${format}`, import.meta.url));
}

export interface FixtureImage {
  readonly layout: string;
  readonly digest: Digest;
  readonly manifest: Buffer;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  /** Largest layer. */
  readonly layer: Descriptor;
  bytes(descriptor: Pick<Descriptor, 'digest'>): Buffer;
}

export function fixtureImage(tag = 'v1', format: FixtureFormat = 'zstd-chunked'): FixtureImage {
  const layout = fixtureLayout(format);
  const digest = parseDigest(String(readTags(layout).get(tag)?.digest), tag);
  const manifest = readLayoutBlob(layout, digest);
  const parsed = parseManifest(manifest, '');
  if (parsed.kind !== 'image') throw new Error(`${layout}:${tag} is an index`);
  const [layer] = parsed.layers.toSorted((a, b) => b.size - a.size);
  if (!layer) throw new Error(`${layout}:${tag} has no layer`);
  return { layout, digest, manifest, ...parsed, layer, bytes: (one) => readLayoutBlob(layout, one.digest) };
}
