// What both dialects of a table of contents have in common: a JSON document with a list of entries in tar order.
import { type Digest, isDigest } from '../oci/digest.ts';

/** Entries and chunks a TOC may list. */
export const MAX_TOC_ENTRIES = 1_000_000;

/** The members of a document that count. What the entries hold is not checked yet. */
export interface TocDocument {
  readonly kind: 'document';
  readonly entries: readonly unknown[];
  readonly tarSplitDigest: Digest | undefined;
}

/** The layer has to be fetched whole. `reason` goes on from "the layer is taken whole, because". */
export interface UnusableToc {
  readonly kind: 'unusable';
  readonly reason: TocFault;
}

export type TocFault =
  | 'its TOC is not JSON'
  | 'its TOC has an unknown version'
  | 'its TOC has no usable list of entries'
  | 'its TOC has a malformed tarSplitDigest'
  | 'its TOC holds a malformed entry'
  | 'its TOC holds a file whose chunks cannot be located'
  | 'its TOC holds a chunk that lies too deep in its member'
  | 'its TOC gives no digest for a chunk'
  | 'its TOC holds a name that is not UTF-8'
  | 'its TOC holds an entry with an impossible name, owner, time or attribute';

/** Members of an entry that say where its content lies; the names are the same in both dialects. */
export interface PlacedEntry {
  readonly type?: unknown;
  readonly size?: unknown;
  readonly digest?: unknown;
  readonly offset?: unknown;
  readonly endOffset?: unknown;
  readonly innerOffset?: unknown;
  readonly chunkSize?: unknown;
  readonly chunkOffset?: unknown;
  readonly chunkDigest?: unknown;
}

/** Entries [at, next) of a document: one of the archive, and the chunks that follow it. */
export interface EntrySpan {
  readonly entries: readonly unknown[];
  readonly at: number;
  readonly next: number;
}

const ENTRY_TYPES = new Set(['reg', 'dir', 'symlink', 'hardlink', 'char', 'block', 'fifo']);

/** Never throws for bad content. */
export function parseTocDocument(json: string): TocDocument | UnusableToc {
  let document: { version?: unknown; entries?: unknown; tarSplitDigest?: unknown } | null;
  try {
    document = JSON.parse(json) as typeof document;
  } catch {
    return unusable('its TOC is not JSON');
  }
  if (typeof document !== 'object' || document === null || document.version !== 1)
    return unusable('its TOC has an unknown version');
  const entries = document.entries ?? [];
  if (!Array.isArray(entries) || entries.length > MAX_TOC_ENTRIES)
    return unusable('its TOC has no usable list of entries');
  const { tarSplitDigest } = document;
  if (tarSplitDigest !== undefined && !isSha256(tarSplitDigest))
    return unusable('its TOC has a malformed tarSplitDigest');
  return { kind: 'document', entries, tarSplitDigest };
}

/** Every entry of the archive in order, or undefined in place of one that is none. */
export function* entrySpans(entries: readonly unknown[]): Generator<EntrySpan | undefined> {
  for (let at = 0, next = 0; at < entries.length; at = next) {
    next = at + 1;
    while ((entries[next] as PlacedEntry | null | undefined)?.type === 'chunk') next++;
    const type = (entries[at] as PlacedEntry | null | undefined)?.type;
    yield typeof type === 'string' && ENTRY_TYPES.has(type) ? { entries, at, next } : undefined;
  }
}

export function unusable(reason: TocFault): UnusableToc {
  return { kind: 'unusable', reason };
}

export function isSha256(value: unknown): value is Digest {
  return typeof value === 'string' && value.startsWith('sha256:') && isDigest(value);
}

/** A number that can be a size or a place. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
