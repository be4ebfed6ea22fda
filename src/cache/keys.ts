// The keys under which heads and packs stand in the remote cache. Deterministic and content-derived, so that racing jobs
// compute the same key and "already exists" is the lock; lowercase, because the service compares without regard to case.
import { createHash } from 'node:crypto';
import type { HeadMatch, ImageIdentity } from './session.ts';

/** Version of the head and pack formats. Part of every entry's name, so a new format never meets old entries, whatever the prefix. */
const FORMAT = 'v1';

export const DEFAULT_CACHE_KEY_PREFIX = 'oci-pull-v1';

export const CACHE_SCOPES = ['image', 'repository'] as const;
/** Whose packs a pull may start from. image: those of its own repository of images. repository: all that this GitHub repository pulls. */
export type CacheScope = (typeof CACHE_SCOPES)[number];

const PREFIX = /^[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?$/;
const PACK_KEY = /^[0-9a-f]{40}$/;
const HEAD_TAIL = /^[0-9a-f]{16}-([0-9a-f]{32})-[0-9]{8}$/;
const DAY = /^[0-9]{8}$/;

/** The constant part of a head's identity. */
export const HEAD_NAME = `${FORMAT}-head`;

/** The constant part of a pack's identity; differs from pack to pack so that several can be transferred at once. */
export function packName(packKey: string): string {
  return `${FORMAT}-pack-${packKey}`;
}

/** 1 to 100 of `a-z 0-9 . _ -`, not beginning or ending with punctuation. */
export function isCacheKeyPrefix(text: string): boolean {
  return PREFIX.test(text);
}

export function isPackKey(text: string): boolean {
  return PACK_KEY.test(text);
}

/** `yyyymmdd` in UTC. A reservation that a killed job left behind blocks its key only until tomorrow. */
export function cacheDay(date: Date): string {
  return date.toISOString().slice(0, 10).replaceAll('-', '');
}

/** Lookup prefix for the newest head of this very image. */
export function exactHeadPrefix(prefix: string, image: ImageIdentity): string {
  return `${repositoryHeadPrefix(prefix, image)}${manifestPart(image)}-`;
}

/** Lookup prefix for the newest head of any image of the same repository and platform. */
export function repositoryHeadPrefix(prefix: string, image: ImageIdentity): string {
  return `${platformHeadPrefix(prefix, image)}${sha256(image.repository).slice(0, 16)}-`;
}

export function headKey(prefix: string, image: ImageIdentity, day: string): string {
  return exactHeadPrefix(prefix, image) + day;
}

/** Lookup prefix for a pack, whatever day it was saved on. */
export function packPrefix(prefix: string, packKey: string): string {
  return `${prefix}-pack-${packKey}-`;
}

export function packEntryKey(prefix: string, packKey: string, day: string): string {
  return packPrefix(prefix, packKey) + day;
}

/** Lookup prefix for the newest head of any image for this platform. */
function platformHeadPrefix(prefix: string, { platform }: Pick<ImageIdentity, 'platform'>): string {
  return `${prefix}-head-${platform.toLowerCase().replace(/[^a-z0-9]+/g, '-')}-`;
}

/** Lookup prefixes for a head that may help, the best first: one request. */
export function headPrefixes(prefix: string, image: ImageIdentity, scope: CacheScope): string[] {
  const own = [exactHeadPrefix(prefix, image), repositoryHeadPrefix(prefix, image)];
  return scope === 'repository' ? [...own, platformHeadPrefix(prefix, image)] : own;
}

/** What a returned key says about a head, or undefined if it is no head for this platform. */
export function matchHeadKey(
  key: string,
  prefix: string,
  image: ImageIdentity,
): { match: HeadMatch; manifestPart: string } | undefined {
  const wanted = platformHeadPrefix(prefix, image);
  const found = key.startsWith(wanted) ? HEAD_TAIL.exec(key.slice(wanted.length))?.[1] : undefined;
  if (found === undefined) return undefined;
  const isOwn = key.startsWith(repositoryHeadPrefix(prefix, image));
  const isExact = isOwn && found === manifestPart(image);
  return { match: isExact ? 'exact' : isOwn ? 'base' : 'other', manifestPart: found };
}

/** Is a returned key an entry of this pack? */
export function matchesPackKey(key: string, prefix: string, packKey: string): boolean {
  const wanted = packPrefix(prefix, packKey);
  return key.startsWith(wanted) && DAY.test(key.slice(wanted.length));
}

/** The first 32 hex digits of the manifest's sha256; other algorithms are hashed once more. */
export function manifestPart(image: Pick<ImageIdentity, 'manifestDigest'>): string {
  const hex = /^sha256:([0-9a-f]{64})$/.exec(image.manifestDigest)?.[1] ?? sha256(image.manifestDigest);
  return hex.slice(0, 32);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
