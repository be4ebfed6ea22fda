// The entries of a table of contents as entries of the archive, for extraction without the tar stream. Held to what the tar reader
// asks of headers. Both dialects use the same members, but stargz-snapshotter rounds times to seconds.
import type { TarEntry, TarEntryKind } from '../tar/entry.ts';
import { MAX_EXTENDED_HEADER } from '../tar/limits.ts';
import type { LayerToc } from './layer-toc.ts';
import { isStargzOwnName } from './stargz-names.ts';
import { parseTime, parseXattrs } from './toc-attributes.ts';
import { entrySpans, isCount, isSha256, type TocFault, type UnusableToc, unusable } from './toc-document.ts';

export interface TocEntry {
  readonly entry: TarEntry;
  /** A file's content: chunks [firstChunk, endChunk) of the table. None for everything else. */
  readonly firstChunk: number;
  readonly endChunk: number;
  /** sha256 of all of a file, in hexadecimal, where it has several chunks and the TOC says so. */
  readonly contentDigest?: string;
  /** A landmark of stargz-snapshotter, which is no part of the image. */
  readonly isOwn: boolean;
}

export interface TocEntries {
  readonly kind: 'entries';
  readonly entries: readonly TocEntry[];
}

const KINDS: ReadonlyMap<unknown, TarEntryKind> = new Map([
  ['reg', 'file'],
  ['dir', 'directory'],
  ['symlink', 'symlink'],
  ['hardlink', 'hardlink'],
  ['char', 'char'],
  ['block', 'block'],
  ['fifo', 'fifo'],
]);
/** 2^32-1 means "no change" to chown(2). */
const MAX_ID = 2 ** 32 - 2;
const MAX_DEVICE_NUMBER = 2 ** 32 - 1;
/** Both dialects put U+FFFD where a name was no UTF-8, so what the name was is lost. A surrogate stands alone. */
const LOST_BYTES = /[\ufffd\p{Surrogate}]/u;
const IMPOSSIBLE = 'its TOC holds an entry with an impossible name, owner, time or attribute';

/** In the order of the archive. Linear, and never throws for bad content. */
export function tocEntries({ document, dialect, table }: LayerToc): TocEntries | UnusableToc {
  const entries: TocEntry[] = [];
  for (const span of entrySpans(document.entries)) {
    if (!span) return unusable('its TOC holds a malformed entry');
    const entry = parseEntry(span.entries[span.at] as RawEntry);
    if (typeof entry === 'string') return unusable(entry);
    const firstChunk = table.firstChunk[entries.length] ?? 0;
    const endChunk = table.firstChunk[entries.length + 1] ?? firstChunk;
    const isOwn = dialect === 'stargz' && entry.kind === 'file' && isStargzOwnName(entry.path);
    const contentDigest = endChunk - firstChunk > 1 ? digestOfAll(span.entries[span.at] as RawEntry) : {};
    entries.push({ entry, firstChunk, endChunk, isOwn, ...contentDigest });
  }
  return { kind: 'entries', entries };
}

function digestOfAll({ digest }: RawEntry): { contentDigest?: string } {
  return isSha256(digest) ? { contentDigest: digest.slice('sha256:'.length) } : {};
}

interface RawEntry {
  readonly digest?: unknown;
  readonly type?: unknown;
  readonly name?: unknown;
  readonly linkName?: unknown;
  readonly mode?: unknown;
  readonly uid?: unknown;
  readonly gid?: unknown;
  readonly size?: unknown;
  readonly modtime?: unknown;
  readonly devMajor?: unknown;
  readonly devMinor?: unknown;
  readonly xattrs?: unknown;
}

/** Members that are absent are zero. As in a tar archive, only files have a size, only links a target, only devices a number. */
function parseEntry(raw: RawEntry): TarEntry | TocFault {
  const { mode = 0, uid = 0, gid = 0, size = 0 } = raw;
  const kind = KINDS.get(raw.type);
  const isLink = kind === 'symlink' || kind === 'hardlink';
  const isDevice = kind === 'char' || kind === 'block';
  const path = parseName(raw.name);
  const linkPath = isLink ? parseName(raw.linkName ?? '') : '';
  if (path === LOST || linkPath === LOST) return 'its TOC holds a name that is not UTF-8';
  const { devMajor: deviceMajor = 0, devMinor: deviceMinor = 0 } = isDevice ? raw : {};
  const mtime = parseTime(raw.modtime);
  const xattrs = parseXattrs(raw.xattrs);
  if (kind === undefined || path === undefined || linkPath === undefined) return IMPOSSIBLE;
  if (mtime === undefined || xattrs === 'malformed' || !isCount(mode)) return IMPOSSIBLE;
  if (!isAtMost(uid, MAX_ID) || !isAtMost(gid, MAX_ID)) return IMPOSSIBLE;
  if (!isAtMost(deviceMajor, MAX_DEVICE_NUMBER) || !isAtMost(deviceMinor, MAX_DEVICE_NUMBER))
    return IMPOSSIBLE;
  return {
    kind,
    path,
    linkPath,
    mode: mode & 0o7777,
    uid,
    gid,
    mtime,
    // A number: otherwise its chunks would not have been found.
    size: kind === 'file' ? (size as number) : 0,
    deviceMajor,
    deviceMinor,
    xattrs,
  };
}

function isAtMost(value: unknown, most: number): value is number {
  return isCount(value) && value <= most;
}

const LOST = Symbol('a name that is not UTF-8');

/** One UTF-16 unit a byte, as in a TarEntry; undefined for what can be no name. */
function parseName(value: unknown): string | typeof LOST | undefined {
  if (typeof value !== 'string' || value.includes('\0')) return undefined;
  if (LOST_BYTES.test(value)) return LOST;
  const bytes = Buffer.from(value);
  return bytes.length > MAX_EXTENDED_HEADER ? undefined : bytes.toString('latin1');
}
