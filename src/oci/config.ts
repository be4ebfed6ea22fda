// Image configs: the platform and the uncompressed digests of the layers.
// https://github.com/opencontainers/image-spec/blob/main/config.md
import { PullError } from '../errors.ts';
import { type Digest, parseDigest } from './digest.ts';
import { arrayField, field, isJsonRecord, parseJsonObject, quote, stringField } from './json.ts';
import { type ImageManifest, MAX_LAYERS } from './manifest.ts';

export const MAX_IMAGE_CONFIG_BYTES = 4 * 1024 * 1024;

export interface ImageConfig {
  /** As written, not normalised; `unknown` where the config does not say. */
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  /** Digests of the layers' uncompressed tar streams, lowest layer first. */
  readonly diffIds: readonly Digest[];
}

/** Throws MANIFEST_INVALID, MEDIA_TYPE_UNSUPPORTED (a root file system not made of layers) or LIMIT_EXCEEDED. */
export function parseConfig(bytes: Uint8Array, what = 'the image config'): ImageConfig {
  const document = parseJsonObject(bytes, what, MAX_IMAGE_CONFIG_BYTES);
  const variant = stringField(document, 'variant', what);
  return {
    os: stringField(document, 'os', what) || 'unknown',
    architecture: stringField(document, 'architecture', what) || 'unknown',
    ...(variant ? { variant } : {}),
    diffIds: parseDiffIds(field(document, 'rootfs'), what),
  };
}

function parseDiffIds(rootfs: unknown, what: string): readonly Digest[] {
  if (!isJsonRecord(rootfs)) throw new PullError('MANIFEST_INVALID', `${what}: has no "rootfs"`);
  const type = stringField(rootfs, 'type', what) ?? '';
  if (type !== 'layers')
    throw new PullError('MEDIA_TYPE_UNSUPPORTED', `${what}: a root file system of type ${quote(type)}`);
  const entries = arrayField(rootfs, 'diff_ids', what);
  if (entries.length > MAX_LAYERS)
    throw new PullError(
      'LIMIT_EXCEEDED',
      `${what}: ${entries.length} layers exceed the limit of ${MAX_LAYERS}`,
      {
        hint: 'No sound image needs so many.',
      },
    );
  return entries.map((entry, index) => parseDiffId(entry, `${what}, diff_id ${index + 1}`));
}

function parseDiffId(entry: unknown, what: string): Digest {
  if (typeof entry !== 'string') throw new PullError('MANIFEST_INVALID', `${what}: not a string`);
  return parseDigest(entry, what);
}

/** Every layer needs its diffId and every diffId its layer. Throws MANIFEST_INVALID. */
export function checkLayerCount(manifest: Pick<ImageManifest, 'layers'>, config: ImageConfig): void {
  const [layers, diffIds] = [manifest.layers.length, config.diffIds.length];
  if (layers === diffIds) return;
  throw new PullError(
    'MANIFEST_INVALID',
    `the manifest lists ${layers} layers, but the image config has ${diffIds} diff_ids`,
  );
}
