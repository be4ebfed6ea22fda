// eStargz images whose tables of contents are in a second image: the fixture as the tool wrote it, and images that lie about it.
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { digestOf } from '../../src/integrity/hash.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { fixtureImage } from './fixture-image.ts';
import { readLayoutBlob, readLayoutManifest, readTags } from './oci-layout.ts';
import { gzipFooter } from './stargz-layer.ts';
import { footerOf } from './stored-chunks.ts';
import { END, padded, tarHeader } from './tar-builder.ts';

const GOLDEN = fileURLToPath(new URL('../fixtures/esgztoc', import.meta.url));
export const TAGS = ['v1', 'v2'] as const;
const LAYER_DIGEST = 'containerd.io/snapshot/stargz/layer.digest';
const OCI = 'application/vnd.oci.image';

/**
 * A layout with v1, v2, v1-esgztoc and v2-esgztoc, as the converter of stargz-snapshotter 0.19.1 made it (the one behind
 * `--estargz-external-toc` of ctr-remote and nerdctl, chunks of 1,000,000 bytes) of the fixture in gzip. Manifests, configs and TOCs are what it wrote; its
 * layers, which the manifests name by digest, are those of the eStargz fixture with another end.
 */
export function writeExternalLayout(directory: string): void {
  cpSync(GOLDEN, directory, { recursive: true });
  for (const tag of TAGS) {
    const inside = fixtureImage(tag, 'estargz');
    const outside = readLayoutManifest(GOLDEN, readTags(GOLDEN).get(tag)?.digest ?? '').layers ?? [];
    for (const [index, layer] of inside.layers.entries()) {
      const blob = withoutToc(inside.bytes(layer));
      if (digestOf(blob) !== outside[index]?.digest) throw new Error(`layer ${index} of ${tag} is another`);
      putBlob(directory, blob);
    }
  }
}

function withoutToc(blob: Buffer): Buffer {
  const footer = footerOf(blob);
  if (footer.kind !== 'estargz') throw new Error(`the footer is ${footer.kind}`);
  return Buffer.concat([blob.subarray(0, footer.dataEnd), gzipFooter('external', 0)]);
}

/** Of the fixture: the TOC of a layer of `tag`, by number. */
export function goldenToc(tag: string, layer: number): { readonly digest: string; readonly bytes: Buffer } {
  const image = readLayoutManifest(GOLDEN, readTags(GOLDEN).get(tag)?.digest ?? '');
  const tocs = readLayoutManifest(GOLDEN, readTags(GOLDEN).get(`${tag}-esgztoc`)?.digest ?? '').layers ?? [];
  const wanted = image.layers?.[layer]?.digest;
  const found = tocs.find(({ annotations }) => annotations?.[LAYER_DIGEST] === wanted);
  if (!found) throw new Error(`${tag} has no TOC for layer ${layer}`);
  return { digest: found.digest, bytes: readLayoutBlob(GOLDEN, found.digest) };
}

function putBlob(directory: string, bytes: Uint8Array): { digest: Digest; size: number } {
  const digest = digestOf(bytes);
  writeFileSync(join(directory, 'blobs/sha256', digest.slice('sha256:'.length)), bytes);
  return { digest, size: bytes.length };
}

/** The JSON of a TOC as the tool stores it. */
export function tocBlob(json: string): Buffer {
  const header = tarHeader({ name: 'stargz.index.json', body: json, mode: 0, mtime: 0 });
  return gzipSync(Buffer.concat([header, padded(json), END]));
}

export interface TocLayer {
  /** Digest of the layer whose TOC it is; undefined: it does not say. */
  readonly of: Digest | undefined;
  readonly blob: Uint8Array;
  /** What is different about its descriptor. */
  readonly edit?: Partial<Descriptor>;
}

/** Adds a TOC image to a layout that is there; `manifest`: what stands in its place. */
export function addTocImage(
  directory: string,
  tag: string,
  tocs: readonly TocLayer[],
  manifest?: { readonly bytes: Uint8Array; readonly mediaType: string },
): void {
  const layers = tocs.map(({ of, blob, edit }) => {
    const annotations = of === undefined ? {} : { annotations: { [LAYER_DIGEST]: of } };
    return { mediaType: `${OCI}.layer.v1.tar+gzip`, ...putBlob(directory, blob), ...annotations, ...edit };
  });
  const config = { mediaType: `${OCI}.config.v1+json`, ...putBlob(directory, Buffer.from('{}')) };
  const mediaType = manifest?.mediaType ?? `${OCI}.manifest.v1+json`;
  const made = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers }));
  const entry = {
    mediaType,
    ...putBlob(directory, manifest?.bytes ?? made),
    annotations: { 'org.opencontainers.image.ref.name': tag },
  };
  const path = join(directory, 'index.json');
  const index = JSON.parse(readFileSync(path, 'utf8')) as { manifests: object[] };
  writeFileSync(path, JSON.stringify({ ...index, manifests: [...index.manifests, entry] }));
}
