// A head: the small cache entry that lists the packs of one image. Written last, so that what it lists exists.
import { isPackKey } from './keys.ts';

const HEAD_VERSION = 1;
/** A head read back is untrusted: MAX_PACKS packs of about 120 bytes each are far below this. */
export const MAX_HEAD_BYTES = 64 * 1024;
/** 16 GiB in packs of 128 MiB; a restore makes one request for each. */
export const MAX_PACKS = 128;
/** A pack holds at least one chunk, and a plain layer is one chunk, so a pack may be as large as the largest layer. */
export const MAX_PACK_BYTES = 16 * 1024 ** 3;

export interface HeadPack {
  /** Content-derived key of the pack, 40 hex digits. */
  readonly key: string;
  /** File size in bytes. */
  readonly size: number;
  /** Bytes of it that the image uses. */
  readonly liveBytes: number;
}

export interface Head {
  /** Digest of the platform's manifest. */
  readonly manifestDigest: string;
  readonly packs: readonly HeadPack[];
}

export function formatHead(head: Head): string {
  const packs = head.packs.map(({ key, size, liveBytes }) => ({ key, size, liveBytes }));
  return `${JSON.stringify({ version: HEAD_VERSION, manifestDigest: head.manifestDigest, packs })}\n`;
}

/** The head in these untrusted bytes, or undefined where anything about them is not as formatHead writes it. */
export function parseHead(bytes: Uint8Array): Head | undefined {
  if (bytes.length > MAX_HEAD_BYTES) return undefined;
  try {
    return readHead(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch {
    return undefined;
  }
}

function readHead(value: unknown): Head | undefined {
  if (!isRecord(value) || value.version !== HEAD_VERSION) return undefined;
  const { manifestDigest, packs } = value;
  if (typeof manifestDigest !== 'string' || !/^[a-z0-9]{1,16}:[0-9a-f]{32,128}$/.test(manifestDigest))
    return undefined;
  if (!Array.isArray(packs) || packs.length > MAX_PACKS || !packs.every(isHeadPack)) return undefined;
  if (new Set(packs.map((pack) => pack.key)).size !== packs.length) return undefined;
  return {
    manifestDigest,
    packs: packs.map(({ key, size, liveBytes }) => ({ key, size, liveBytes })),
  };
}

/** Also the shape of a pack in the state handed from main to post. */
export function isHeadPack(value: unknown): value is HeadPack {
  if (!isRecord(value)) return false;
  const { key, size, liveBytes } = value;
  return (
    typeof key === 'string' &&
    isPackKey(key) &&
    isCount(size) &&
    size > 0 &&
    size <= MAX_PACK_BYTES &&
    isCount(liveBytes) &&
    liveBytes <= size
  );
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
