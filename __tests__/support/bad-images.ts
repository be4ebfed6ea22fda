// Images with one thing wrong with them, as layouts on disk.
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface BadImage {
  /** Bytes of the one layer, an uncompressed tar. */
  readonly layer?: Uint8Array;
  /** Instead of what the layer is. */
  readonly mediaType?: string;
  /** Laid over the manifest. */
  readonly manifest?: Readonly<Record<string, unknown>>;
}

/** An image for linux/amd64 under the tag v1. Returns its name, `oci:DIR:v1`. */
export function writeBadImage(directory: string, { layer, mediaType, manifest }: BadImage): string {
  mkdirSync(join(directory, 'blobs/sha256'), { recursive: true });
  const put = (content: Uint8Array | object) => {
    const bytes = content instanceof Uint8Array ? content : Buffer.from(JSON.stringify(content));
    const hex = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(join(directory, 'blobs/sha256', hex), bytes);
    return { digest: `sha256:${hex}`, size: bytes.length };
  };
  const blob = put(layer ?? Buffer.alloc(1024));
  const rootfs = { type: 'layers', diff_ids: [blob.digest] };
  const config = put({ os: 'linux', architecture: 'amd64', rootfs });
  const image = put({
    schemaVersion: 2,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
    layers: [{ mediaType: mediaType ?? 'application/vnd.oci.image.layer.v1.tar', ...blob }],
    ...manifest,
  });
  const entry = {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    ...image,
    annotations: { 'org.opencontainers.image.ref.name': 'v1' },
  };
  writeFileSync(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(directory, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
  return `oci:${directory}:v1`;
}
