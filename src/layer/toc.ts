// The table of contents of a zstd:chunked layer: from JSON to a ChunkTable. Pure.
// The TOC is only a locator and an index for deduplication; what is unpacked comes from the tar stream, checked by its diffId.
import type { Digest } from '../oci/digest.ts';
import { isDigest } from '../oci/digest.ts';
import { type ChunkTable, DIGEST_BYTES } from './chunk-table.ts';

/** Entries and chunks a TOC may list. */
export const MAX_TOC_ENTRIES = 1_000_000;
/** Decoded size of a TOC. A string in V8 holds at most 512 MiB. */
export const MAX_TOC_SIZE = 256 << 20;

export type ParsedToc =
  | { readonly kind: 'toc'; readonly table: ChunkTable; readonly tarSplitDigest: Digest | undefined }
  /** Not usable; the layer has to be fetched whole. */
  | { readonly kind: 'unusable'; readonly reason: string };

interface Entry {
  type?: unknown;
  size?: unknown;
  digest?: unknown;
  offset?: unknown;
  endOffset?: unknown;
  chunkSize?: unknown;
  chunkOffset?: unknown;
  chunkDigest?: unknown;
}

const ENTRY_TYPES = new Set(['reg', 'dir', 'symlink', 'hardlink', 'char', 'block', 'fifo', 'chunk']);

/** `dataEnd`: chunks have to lie in [0, dataEnd) of the blob. Never throws for bad content. */
export function parseToc(json: string, dataEnd: number): ParsedToc {
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
  const columns = new ChunkColumns(entries.length);
  for (let at = 0; at < entries.length; ) {
    const entry = entries[at] as Entry;
    const next = nextEntry(entries, at);
    if (!isEntry(entry)) return unusable('its TOC holds a malformed entry');
    columns.beginEntry();
    const located = entry.type === 'reg' ? addFile(columns, { entries, at, next }, dataEnd) : next === at + 1;
    if (!located) return unusable('its TOC holds a file whose chunks cannot be located');
    at = next;
  }
  return { kind: 'toc', table: columns.finish(), tarSplitDigest: tarSplitDigest as Digest | undefined };
}

function unusable(reason: string): ParsedToc {
  return { kind: 'unusable', reason };
}

function isSha256(value: unknown): value is Digest {
  return typeof value === 'string' && value.startsWith('sha256:') && isDigest(value);
}

function isEntry(entry: unknown): entry is Entry & { type: string } {
  const type = (entry as Entry | null)?.type;
  return typeof type === 'string' && type !== 'chunk' && ENTRY_TYPES.has(type);
}

function nextEntry(entries: readonly unknown[], at: number): number {
  let next = at + 1;
  while ((entries[next] as Entry | null | undefined)?.type === 'chunk') next++;
  return next;
}

/** Entries [at, next) of the TOC: a file and the chunks that follow it. */
interface FileEntries {
  readonly entries: readonly unknown[];
  readonly at: number;
  readonly next: number;
}

/** A file's own entry is its first chunk, unless it has only one: then chunk fields are absent. false where it cannot be located. */
function addFile(columns: ChunkColumns, file: FileEntries, dataEnd: number): boolean {
  const { size = 0, offset: start, endOffset: end, digest } = file.entries[file.at] as Entry;
  const split = file.next > file.at + 1;
  if (!isCount(size)) return false;
  if (size === 0) return !split;
  if (!isCount(start) || !isCount(end) || end > dataEnd) return false;
  if (split && isSplitSound(file, end, size)) return addSplit(columns, file, end);
  return isSha256(digest) && columns.add({ digest, start, end, size });
}

/** Do the chunks of a file follow one another without a gap and add up to the file? If not, the file as a whole may still do. */
function isSplitSound(file: FileEntries, fileEnd: number, fileSize: number): boolean {
  let position = 0;
  for (let at = file.at; at < file.next; at++) {
    const {
      offset: start,
      chunkSize: size,
      chunkDigest: digest,
      chunkOffset = 0,
    } = file.entries[at] as Entry;
    const end = chunkEnd(file, at, fileEnd);
    if (!isCount(start) || !isCount(end) || start >= end || !isCount(size) || !isSha256(digest)) return false;
    if (chunkOffset !== position) return false;
    position += size;
  }
  return position === fileSize;
}

function addSplit(columns: ChunkColumns, file: FileEntries, fileEnd: number): boolean {
  for (let at = file.at; at < file.next; at++) {
    const { offset, chunkSize, chunkDigest } = file.entries[at] as Entry;
    const end = chunkEnd(file, at, fileEnd);
    const chunk = {
      digest: chunkDigest as string,
      start: offset as number,
      end: end as number,
      size: chunkSize as number,
    };
    if (!columns.add(chunk)) return false;
  }
  return true;
}

function chunkEnd(file: FileEntries, at: number, fileEnd: number): unknown {
  return at + 1 < file.next ? (file.entries[at + 1] as Entry).offset : fileEnd;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Collects a ChunkTable in place: an object for each of 70,000 chunks would cost more memory than all that is needed afterwards. */
class ChunkColumns {
  readonly #digests: Buffer;
  readonly #offsets: Float64Array;
  readonly #compressedSizes: Float64Array;
  readonly #sizes: Float64Array;
  readonly #firstChunk: Uint32Array;
  #chunks = 0;
  #entries = 0;
  #end = 0;

  /** `capacity`: entries and chunks at most. */
  constructor(capacity: number) {
    this.#digests = Buffer.alloc(capacity * DIGEST_BYTES);
    this.#offsets = new Float64Array(capacity);
    this.#compressedSizes = new Float64Array(capacity);
    this.#sizes = new Float64Array(capacity);
    this.#firstChunk = new Uint32Array(capacity + 1);
  }

  beginEntry(): void {
    this.#firstChunk[this.#entries++] = this.#chunks;
  }

  /** false where the chunk does not lie behind the one before: every writer lists files as they lie in the blob. */
  add({ digest, start, end, size }: { digest: string; start: number; end: number; size: number }): boolean {
    if (start < this.#end || start >= end) return false;
    this.#digests.write(digest.slice('sha256:'.length), this.#chunks * DIGEST_BYTES, 'hex');
    this.#offsets[this.#chunks] = start;
    this.#compressedSizes[this.#chunks] = end - start;
    this.#sizes[this.#chunks] = size;
    this.#chunks++;
    this.#end = end;
    return true;
  }

  finish(): ChunkTable {
    this.#firstChunk[this.#entries] = this.#chunks;
    return {
      digests: new Uint8Array(this.#digests.subarray(0, this.#chunks * DIGEST_BYTES)),
      offsets: this.#offsets.slice(0, this.#chunks),
      compressedSizes: this.#compressedSizes.slice(0, this.#chunks),
      sizes: this.#sizes.slice(0, this.#chunks),
      firstChunk: this.#firstChunk.slice(0, this.#entries + 1),
    };
  }
}
