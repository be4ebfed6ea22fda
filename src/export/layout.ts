// Image layouts, in a directory or an archive. https://github.com/opencontainers/image-spec/blob/main/image-layout.md
import { digestOf } from '../integrity/hash.ts';
import { OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from '../oci/media-type.ts';
import type { ImageOutput, StoredDocument } from '../unpack/output.ts';
import { type Exporter, type ExporterOptions, NOTHING_SKIPPED } from './exporter.ts';
import { type ImageFiles, json, putFile } from './image-files.ts';
import { createLayerFiles, type LayerFiles } from './layer-files.ts';

const PLAIN_LAYER = 'application/vnd.oci.image.layer.v1.tar';
const REF_NAME = 'org.opencontainers.image.ref.name';
/** What containerd goes by, and Docker since it uses that: the whole reference. https://github.com/containerd/containerd/blob/main/core/images/annotations.go */
const CONTAINERD_NAME = 'io.containerd.image.name';

/** `keepsManifest`: what comes are the layers as they are stored, otherwise their tar streams, and the manifest is made anew. */
export function createLayoutExporter(
  { output, layers, limits }: ExporterOptions,
  files: ImageFiles,
  keepsManifest: boolean,
): Exporter {
  const digests = layers.map(({ digest, diffId }) => (keepsManifest ? digest : diffId));
  const layerFiles = createLayerFiles(files, digests.map(blobPath), limits);
  return {
    ...layerFiles,
    finish: () => {
      const manifest = keepsManifest ? output.manifest : newManifest(output, digests, layerFiles.sizes);
      for (const { digest, bytes } of [output.config, manifest]) putFile(files, blobPath(digest), bytes);
      putFile(files, 'index.json', json(indexOf(manifest, output)));
      putFile(files, 'oci-layout', json({ imageLayoutVersion: '1.0.0' }));
      files.finish();
      return { skipped: NOTHING_SKIPPED };
    },
    abort: () => files.abort(),
  };
}

function blobPath(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}

/** The config stays as it is, byte for byte: it names the layers by their tar streams. */
function newManifest(
  { config }: ImageOutput,
  diffIds: readonly string[],
  sizes: LayerFiles['sizes'],
): StoredDocument {
  const bytes = json({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: { mediaType: OCI_CONFIG, digest: config.digest, size: config.bytes.length },
    layers: diffIds.map((digest) => ({
      mediaType: PLAIN_LAYER,
      digest,
      size: sizes.get(blobPath(digest)) ?? 0,
    })),
  });
  return { bytes, digest: digestOf(bytes), mediaType: OCI_MANIFEST };
}

function indexOf({ mediaType, digest, bytes }: StoredDocument, { tag, fullName }: ImageOutput) {
  const names = { ...(fullName ? { [CONTAINERD_NAME]: fullName } : {}), ...(tag ? { [REF_NAME]: tag } : {}) };
  const annotations = Object.keys(names).length === 0 ? {} : { annotations: names };
  const manifest = { mediaType, digest, size: bytes.length, ...annotations };
  return { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [manifest] };
}
