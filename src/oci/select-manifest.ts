// Which entry of an index is the image for a platform.
// https://github.com/opencontainers/image-spec/blob/main/image-index.md
import { PullError } from '../errors.ts';
import type { Descriptor } from './descriptor.ts';
import { quote } from './json.ts';
import { isImageConfigType, isImageManifestType, isIndexType } from './media-type.ts';
import { formatPlatform, normalizePlatform, type Platform } from './platform.ts';

const ATTESTATION_ANNOTATION = 'vnd.docker.reference.type';
export const ZSTD_ANNOTATION = 'io.github.containers.compression.zstd';
const MAX_LISTED = 20;
const MAX_NAME_LENGTH = 100;

/**
 * The best entry for `wanted`: the same platform, then lower variants of the same architecture, then an entry that
 * names no platform. Of several for one platform the first, but a zstd twin before it. Never falls to another
 * architecture and never chooses an attestation. The entry may itself be an index, into which the caller descends.
 * Throws PLATFORM_NOT_FOUND with a list of what there is.
 */
export function selectManifest(manifests: readonly Descriptor[], wanted: Platform): Descriptor {
  const target = normalizePlatform(wanted);
  for (const variant of acceptableVariants(target)) {
    const found = manifests.filter((entry) => matches(entry, target, variant));
    const best = found.find((entry) => entry.annotations[ZSTD_ANNOTATION] === 'true') ?? found[0];
    if (best) return best;
  }
  const last = manifests.find(hasNoPlatform);
  if (last) return last;
  throw notFound(manifests, target);
}

/** Variants that run on the wanted platform, best first; '' is the plain architecture. */
function acceptableVariants({ architecture, variant = '' }: Platform): readonly string[] {
  if (architecture === 'arm64') return arm64Variants(variant);
  const version = Number(/^v(\d{1,2})$/.exec(variant)?.[1]);
  if (architecture === 'amd64' && version > 1) return [...countDown('v', version, 2), ''];
  if (architecture === 'arm') return version > 5 ? countDown('v', version, 5) : [variant];
  return variant === '' ? [''] : [variant, ''];
}

/** Armv9.x includes all of Armv8.(x+5), up to the last of the eighth line, 8.9. */
function arm64Variants(variant: string): readonly string[] {
  const [, major, digits = '0'] = /^v([89])(?:\.(\d{1,2}))?$/.exec(variant || 'v8') ?? [];
  if (major === undefined) return [variant, ''];
  const minor = Number(digits);
  if (major === '8') return [...countDown('v8.', minor, 1), ''];
  return [...countDown('v9.', minor, 1), 'v9', ...countDown('v8.', Math.min(minor + 5, 9), 1), ''];
}

function countDown(prefix: string, from: number, to: number): readonly string[] {
  return Array.from({ length: Math.max(from - to + 1, 0) }, (_, index) => `${prefix}${from - index}`);
}

function matches(entry: Descriptor, wanted: Platform, variant: string): boolean {
  if (!entry.platform || isAttestation(entry)) return false;
  const offered = normalizePlatform(entry.platform);
  return (
    offered.os === wanted.os &&
    offered.architecture === wanted.architecture &&
    (offered.variant ?? '') === variant &&
    matchesOsVersion(offered, wanted) &&
    (offered.osFeatures ?? []).every((feature) => wanted.osFeatures?.includes(feature))
  );
}

/** Windows images run on hosts of the same build: the first three numbers of the version. */
function matchesOsVersion(offered: Platform, wanted: Platform): boolean {
  if (wanted.os !== 'windows' || !offered.osVersion || !wanted.osVersion) return true;
  const build = (version: string) => version.split('.').slice(0, 3).join('.');
  return build(offered.osVersion) === build(wanted.osVersion);
}

function isUnknown({ platform }: Descriptor): boolean {
  return platform?.os === 'unknown' || platform?.architecture === 'unknown';
}

/** BuildKit marks attestations by an annotation and by the platform unknown/unknown. */
export function isAttestation(entry: Descriptor): boolean {
  return ATTESTATION_ANNOTATION in entry.annotations || (isUnknown(entry) && !isIndexType(entry.mediaType));
}

/** May stand in for any platform: an image or a nested index that names none, and no artifact. */
function hasNoPlatform(entry: Descriptor): boolean {
  if (isAttestation(entry) || (entry.platform && !isUnknown(entry))) return false;
  if (entry.artifactType && !isImageConfigType(entry.artifactType)) return false;
  return isImageManifestType(entry.mediaType) || isIndexType(entry.mediaType);
}

function notFound(manifests: readonly Descriptor[], wanted: Platform): PullError {
  const images = manifests.filter((entry) => !isAttestation(entry));
  const names = [...new Set(images.map(describeEntry))];
  if (names.length === 0)
    return new PullError(
      'PLATFORM_NOT_FOUND',
      `no image for ${formatPlatform(wanted)}: the index lists no image`,
      {
        hint: 'Check that the reference names an image.',
      },
    );
  const listed = names.slice(0, MAX_LISTED).join(', ');
  const more = names.length > MAX_LISTED ? ` and ${names.length - MAX_LISTED} more` : '';
  return new PullError(
    'PLATFORM_NOT_FOUND',
    `no image for ${formatPlatform(wanted)}, only for ${listed}${more}`,
  );
}

function describeEntry(entry: Descriptor): string {
  if (entry.platform) return formatPlatform(normalizePlatform(entry.platform)).slice(0, MAX_NAME_LENGTH);
  return `no named platform (${quote(entry.artifactType ?? entry.mediaType)})`;
}
