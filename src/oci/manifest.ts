// Manifests and indexes: which documents are accepted and what of them the pull needs.
// https://github.com/opencontainers/image-spec/blob/main/manifest.md and image-index.md
import { PullError } from '../errors.ts';
import { type Descriptor, parseDescriptor } from './descriptor.ts';
import { arrayField, field, type JsonRecord, parseJsonObject, quote, stringField } from './json.ts';
import {
  DOCKER_MANIFEST,
  isImageConfigType,
  isImageManifestType,
  isIndexType,
  isSchema1Type,
  normalizeMediaType,
  OCI_EMPTY,
  OCI_INDEX,
  OCI_MANIFEST,
} from './media-type.ts';

/** What registries and other clients hold a manifest to. */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;
export const MAX_LAYERS = 1000;
export const MAX_INDEX_ENTRIES = 10_000;

export interface ImageIndex {
  readonly kind: 'index';
  readonly mediaType: string;
  readonly manifests: readonly Descriptor[];
}

export interface ImageManifest {
  readonly kind: 'image';
  readonly mediaType: string;
  readonly config: Descriptor;
  /** Lowest layer first. The same blob may stand in it twice. */
  readonly layers: readonly Descriptor[];
}

export type Manifest = ImageIndex | ImageManifest;

/** By what the document was found: a tag, which proves nothing, or its digest, so that it cannot have been meant as another one. */
export type FoundBy = 'tag' | 'digest';

/**
 * Reads an index or an image manifest. `mediaType` is what the source called the document, empty if it called it nothing;
 * a name that fits no manifest (a plain `application/json`) is not held against it. What it calls itself counts, and by tag
 * the two must not differ. `what` names it in messages.
 * Throws MANIFEST_INVALID, MEDIA_TYPE_UNSUPPORTED (schema 1, artifacts) or LIMIT_EXCEEDED.
 */
export function parseManifest(
  bytes: Uint8Array,
  mediaType: string,
  what = 'the manifest',
  by: FoundBy = 'tag',
): Manifest {
  const document = parseJsonObject(bytes, what, MAX_MANIFEST_BYTES);
  const type = resolveType(document, { given: normalizeMediaType(mediaType), by, what });
  if (isIndexType(type)) return parseIndex(document, type, what);
  if (isImageManifestType(type)) return parseImage(document, type, what);
  throw new PullError(
    'MEDIA_TYPE_UNSUPPORTED',
    `${what}: ${quote(type)} is not an image or an index of images`,
  );
}

function resolveType(
  document: JsonRecord,
  { given, by, what }: { given: string; by: FoundBy; what: string },
): string {
  const own = normalizeMediaType(stringField(document, 'mediaType', what) ?? '');
  checkSchema(document, own || given, what);
  const has = (key: string) => field(document, key) !== undefined;
  if (has('manifests') && (has('config') || has('layers')))
    throw new PullError('MANIFEST_INVALID', `${what}: both an index and an image manifest`, {
      hint: 'Tools disagree about what such a document means, so it is refused.',
    });
  const givenIsManifest = isIndexType(given) || isImageManifestType(given);
  if (by === 'tag' && own && givenIsManifest && own !== given)
    throw new PullError(
      'MANIFEST_INVALID',
      `${what}: calls itself ${quote(own)} but was served as ${quote(given)}`,
    );
  if (own || givenIsManifest) return own || given;
  return has('manifests') ? OCI_INDEX : OCI_MANIFEST;
}

function checkSchema(document: JsonRecord, mediaType: string, what: string): void {
  const version = field(document, 'schemaVersion');
  if (version === 1 || isSchema1Type(mediaType) || field(document, 'fsLayers') !== undefined)
    throw new PullError(
      'MEDIA_TYPE_UNSUPPORTED',
      `${what}: a Docker schema 1 manifest, a format given up in 2017`,
      {
        hint: 'Pull and push the image with a current tool, which writes a current manifest.',
      },
    );
  if (version !== undefined && version !== 2)
    throw new PullError('MANIFEST_INVALID', `${what}: its schemaVersion is not 2`);
}

function parseIndex(document: JsonRecord, mediaType: string, what: string): ImageIndex {
  if (field(document, 'config') !== undefined || field(document, 'layers') !== undefined)
    throw new PullError('MANIFEST_INVALID', `${what}: an image manifest under the media type of an index`);
  const entries = arrayField(document, 'manifests', what);
  checkLimit(entries.length, MAX_INDEX_ENTRIES, `${what}: ${entries.length} entries`);
  const manifests = entries.map((entry, index) => parseDescriptor(entry, `${what}, entry ${index + 1}`));
  return { kind: 'index', mediaType, manifests };
}

function parseImage(document: JsonRecord, mediaType: string, what: string): ImageManifest {
  if (field(document, 'manifests') !== undefined)
    throw new PullError('MANIFEST_INVALID', `${what}: an index under the media type of an image manifest`);
  const artifactType = stringField(document, 'artifactType', what);
  if (field(document, 'config') === undefined)
    throw artifactType
      ? artifact(artifactType, what)
      : new PullError('MANIFEST_INVALID', `${what}: has no config`);
  const config = parseDescriptor(field(document, 'config'), `${what}, config`);
  if (!isConfigOfImage(config.mediaType, mediaType)) throw artifact(artifactType || config.mediaType, what);
  const entries = arrayField(document, 'layers', what);
  checkLimit(entries.length, MAX_LAYERS, `${what}: ${entries.length} layers`);
  const layers = entries.map((entry, index) => parseDescriptor(entry, `${what}, layer ${index + 1}`));
  if (!Number.isSafeInteger(layers.reduce((sum, layer) => sum + layer.size, 0)))
    throw new PullError('MANIFEST_INVALID', `${what}: the sizes of the layers add up to no safe number`);
  return { kind: 'image', mediaType, config, layers };
}

/** Docker up to 1.11 pushed image configs under such types. https://github.com/distribution/distribution/issues/1621 */
const EARLY_DOCKER_CONFIGS: readonly string[] = ['application/octet-stream', 'application/json', 'text/html'];

function isConfigOfImage(configType: string, manifestType: string): boolean {
  if (isImageConfigType(configType)) return true;
  return manifestType === DOCKER_MANIFEST && EARLY_DOCKER_CONFIGS.includes(configType);
}

function artifact(type: string, what: string): PullError {
  const name = type === OCI_EMPTY ? 'an artifact' : `an artifact of type ${quote(type)}`;
  return new PullError('MEDIA_TYPE_UNSUPPORTED', `${what}: ${name}, not a container image`, {
    hint: 'Only container images have a root file system; name an image.',
  });
}

function checkLimit(count: number, limit: number, what: string): void {
  if (count <= limit) return;
  throw new PullError('LIMIT_EXCEEDED', `${what} exceed the limit of ${limit}`, {
    hint: 'No sound image needs so many.',
  });
}
