// From a reference to the manifest and config of one platform, every byte verified.

import { PullError } from '../errors.ts';
import { checkLayerCount, type ImageConfig, MAX_IMAGE_CONFIG_BYTES, parseConfig } from '../oci/config.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { type Digest, isDigest } from '../oci/digest.ts';
import { type ImageManifest, parseManifest } from '../oci/manifest.ts';
import { layerCompression } from '../oci/media-type.ts';
import { formatPlatform, normalizePlatform, type Platform } from '../oci/platform.ts';
import { selectManifest } from '../oci/select-manifest.ts';
import type { ImageSource } from '../source/source.ts';

/** An index may name another index; more than this is no image anybody made on purpose. */
const MAX_INDEX_DEPTH = 4;

/** Compressed. No registry takes layers half as large. */
const MAX_LAYER_BYTES = 128 * 2 ** 30;
const MAX_IMAGE_BYTES = 256 * 2 ** 30;

export interface ResolvedImage {
  /** `registry/repository` */
  readonly repository: string;
  /** Of the platform's manifest. */
  readonly digest: Digest;
  /** Of the index the reference named, if it named one. */
  readonly indexDigest: Digest | undefined;
  /** `os/architecture[/variant]` as the config has it. */
  readonly platform: string;
  readonly manifest: ImageManifest;
  /** As the source has it. */
  readonly manifestBytes: Uint8Array;
  readonly config: ImageConfig;
  readonly configBytes: Uint8Array;
  /** What is odd about it and no reason to refuse it, in words. */
  readonly remark?: string;
}

/** `target`: what the source knows the image by, a tag or digest. Throws the source's errors, MANIFEST_INVALID, MEDIA_TYPE_UNSUPPORTED, PLATFORM_NOT_FOUND, DIGEST_MISMATCH, SIZE_MISMATCH. */
export async function resolveImage(
  source: ImageSource,
  target: string,
  platform: Platform,
): Promise<ResolvedImage> {
  const { digest, indexDigest, manifest, manifestBytes } = await findManifest(source, target, platform);
  checkLayers(manifest, source.name);
  const configBytes = await source.smallBlob(manifest.config, MAX_IMAGE_CONFIG_BYTES);
  const config = parseConfig(configBytes);
  checkLayerCount(manifest, config);
  if (indexDigest === undefined) checkPlatform(config, platform, source.name);
  const isOther = indexDigest !== undefined && !isFor(config, platform);
  return {
    repository: source.name,
    digest,
    indexDigest,
    platform: platformOf(config),
    manifest,
    manifestBytes,
    config,
    configBytes,
    ...(isOther
      ? { remark: `the index says ${formatPlatform(platform)}, the image itself ${platformOf(config)}` }
      : {}),
  };
}

function checkLayers({ layers }: ImageManifest, name: string): void {
  for (const { mediaType, digest, size } of layers) {
    layerCompression(mediaType);
    if (size > MAX_LAYER_BYTES) {
      throw new PullError(
        'LIMIT_EXCEEDED',
        `${name}: layer ${digest} has ${size} bytes, more than ${MAX_LAYER_BYTES}`,
      );
    }
  }
  const total = layers.reduce((sum, { size }) => sum + size, 0);
  if (total > MAX_IMAGE_BYTES)
    throw new PullError(
      'LIMIT_EXCEEDED',
      `${name}: the layers have ${total} bytes, more than ${MAX_IMAGE_BYTES}`,
    );
}

async function findManifest(source: ImageSource, named: string, platform: Platform) {
  let target = named;
  let expected: Descriptor | undefined;
  let indexDigest: Digest | undefined;
  for (let depth = 0; depth <= MAX_INDEX_DEPTH; depth++) {
    const raw = await source.manifest(target, expected);
    const by = isDigest(target) ? 'digest' : 'tag';
    const manifest = parseManifest(raw.bytes, raw.mediaType, `manifest ${target} of ${source.name}`, by);
    if (manifest.kind === 'image')
      return { digest: raw.digest, indexDigest, manifest, manifestBytes: raw.bytes };
    indexDigest ??= raw.digest;
    expected = selectManifest(manifest.manifests, platform);
    target = expected.digest;
  }
  throw new PullError(
    'MANIFEST_INVALID',
    `${source.name}: indexes are nested more than ${MAX_INDEX_DEPTH} deep`,
  );
}

/** A reference to a single manifest leaves no choice: unpacking another platform's files silently would only fail later. */
function checkPlatform(config: ImageConfig, wanted: Platform, name: string): void {
  if (isFor(config, wanted)) return;
  throw new PullError(
    'PLATFORM_NOT_FOUND',
    `${name} is for ${platformOf(config)} only, not for ${formatPlatform(wanted)}`,
    {
      hint: `Set \`platform\` to ${platformOf(config)}, or name an image that is built for ${formatPlatform(wanted)}.`,
    },
  );
}

function platformOf(config: ImageConfig): string {
  return formatPlatform({
    os: config.os,
    architecture: config.architecture,
    ...(config.variant ? { variant: config.variant } : {}),
  });
}

/** A config that does not say is for anybody. */
function isFor(config: ImageConfig, wanted: Platform): boolean {
  const { os, architecture } = normalizePlatform(config);
  const differs = (actual: string, expected: string) => actual !== 'unknown' && actual !== expected;
  return !differs(os, wanted.os) && !differs(architecture, wanted.architecture);
}
