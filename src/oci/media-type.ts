// Media types of manifests, configs and layers, and what they say about compression.
// https://github.com/opencontainers/image-spec/blob/main/media-types.md
import { PullError } from '../errors.ts';
import { quote } from './json.ts';

export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
export const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';
export const OCI_EMPTY = 'application/vnd.oci.empty.v1+json';
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
export const DOCKER_MANIFEST_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';
export const DOCKER_CONFIG = 'application/vnd.docker.container.image.v1+json';
const DOCKER_SCHEMA_1 = 'application/vnd.docker.distribution.manifest.v1+json';
const DOCKER_SCHEMA_1_SIGNED = 'application/vnd.docker.distribution.manifest.v1+prettyjws';

/** What a manifest request accepts. Some registries answer 404 unless all four are named. */
export const MANIFEST_MEDIA_TYPES: readonly string[] = [
  OCI_MANIFEST,
  OCI_INDEX,
  DOCKER_MANIFEST,
  DOCKER_MANIFEST_LIST,
];

/** MANIFEST_MEDIA_TYPES as the value of an Accept header. */
export const MANIFEST_ACCEPT: string = MANIFEST_MEDIA_TYPES.join(', ');

/** Lower case and without parameters: media types compare without regard to case. */
export function normalizeMediaType(mediaType: string): string {
  const [type = ''] = mediaType.split(';', 1);
  return type.trim().toLowerCase();
}

export function isIndexType(mediaType: string): boolean {
  const type = normalizeMediaType(mediaType);
  return type === OCI_INDEX || type === DOCKER_MANIFEST_LIST;
}

export function isImageManifestType(mediaType: string): boolean {
  const type = normalizeMediaType(mediaType);
  return type === OCI_MANIFEST || type === DOCKER_MANIFEST;
}

export function isSchema1Type(mediaType: string): boolean {
  const type = normalizeMediaType(mediaType);
  return type === DOCKER_SCHEMA_1 || type === DOCKER_SCHEMA_1_SIGNED;
}

export function isImageConfigType(mediaType: string): boolean {
  const type = normalizeMediaType(mediaType);
  return type === OCI_CONFIG || type === DOCKER_CONFIG;
}

export type LayerCompression = 'none' | 'gzip' | 'zstd';

const OCI_LAYER = /^application\/vnd\.oci\.image\.layer\.(?:nondistributable\.)?v1\.tar(?:\+(gzip|zstd))?$/;
const DOCKER_LAYER = /^application\/vnd\.docker\.image\.rootfs\.(?:foreign\.)?diff\.tar(?:\.(gzip|zstd))?$/;

/** May a registry leave it out? */
export function isForeignLayerType(mediaType: string): boolean {
  return /\.(?:foreign|nondistributable)\./.test(normalizeMediaType(mediaType));
}

/**
 * How a layer of this type is compressed by its own account. Types that forbid redistribution count as what they wrap.
 * Some Docker layers of the plain tar type are compressed all the same, so a reader should look at the first bytes.
 * Throws MEDIA_TYPE_UNSUPPORTED for encrypted layers and for what is no tar layer.
 */
export function layerCompression(mediaType: string): LayerCompression {
  const type = normalizeMediaType(mediaType);
  const match = OCI_LAYER.exec(type) ?? DOCKER_LAYER.exec(type);
  if (match) return match[1] === 'gzip' || match[1] === 'zstd' ? match[1] : 'none';
  throw unsupportedLayer(type);
}

function unsupportedLayer(type: string): PullError {
  const code = 'MEDIA_TYPE_UNSUPPORTED';
  if (type.endsWith('+encrypted'))
    return new PullError(code, `the layer is encrypted (media type ${quote(type)})`, {
      hint: 'Encrypted layers cannot be unpacked; push a decrypted copy of the image.',
    });
  if (type === 'application/vnd.in-toto+json' || type.startsWith('application/vnd.dev.cosign.'))
    return new PullError(code, `the layer is a signature or an attestation (media type ${quote(type)})`, {
      hint: 'The reference names what was signed about an image, not the image; name the image itself.',
    });
  return new PullError(code, `a layer of media type ${quote(type)} cannot be unpacked`);
}
