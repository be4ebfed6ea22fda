// Writes an OCI image layout of built layers, so that the test registry can serve it.
import { hash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface BuiltLayer {
  readonly blob: Uint8Array;
  readonly mediaType: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Digest of the tar stream, as the config names it. */
  readonly diffId: string;
}

/** One image under `tag`, for Linux. */
export function writeLayout(
  directory: string,
  tag: string,
  layers: readonly BuiltLayer[],
  architecture = 'amd64',
): void {
  mkdirSync(join(directory, 'blobs/sha256'), { recursive: true });
  const put = (content: Uint8Array | object) => {
    const bytes = content instanceof Uint8Array ? content : Buffer.from(JSON.stringify(content));
    const hex = hash('sha256', bytes, 'hex');
    writeFileSync(join(directory, 'blobs/sha256', hex), bytes);
    return { digest: `sha256:${hex}`, size: bytes.length };
  };
  const diffIds = layers.map(({ diffId }) => diffId);
  const config = put({ os: 'linux', architecture, rootfs: { type: 'layers', diff_ids: diffIds } });
  const manifest = put({
    schemaVersion: 2,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
    layers: layers.map(({ blob, mediaType, annotations }) => ({ mediaType, ...put(blob), annotations })),
  });
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const annotations = { 'org.opencontainers.image.ref.name': tag };
  writeFileSync(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(
    join(directory, 'index.json'),
    JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType, ...manifest, annotations }] }),
  );
}
