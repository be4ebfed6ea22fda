// The table of contents as stargz-snapshotter writes it, into eStargz (gzip) and into zstd:chunked: from a document to chunks.
// https://github.com/containerd/stargz-snapshotter/blob/main/docs/estargz.md
import { MAX_INNER_OFFSET } from '../bytes/inner-offset.ts';
import { ChunkColumns } from './chunk-columns.ts';
import type { ChunkTable } from './chunk-table.ts';
import {
  type EntrySpan,
  entrySpans,
  isCount,
  isSha256,
  type PlacedEntry,
  type TocDocument,
  type TocFault,
  type UnusableToc,
  unusable,
} from './toc-document.ts';

/**
 * Offset and compressed size of a chunk are those of the member (a gzip member, a zstd frame) that holds it: what the member decodes
 * to is `innerOffsets[n]` other bytes, the chunk, and whatever comes before the next one: padding, tar headers, or other chunks.
 */
export interface StargzChunks {
  readonly kind: 'chunks';
  readonly table: ChunkTable;
  readonly innerOffsets: Float64Array;
}

/** `dataEnd`: members have to lie in [0, dataEnd) of the blob. Linear, and never throws for bad content. */
export function stargzChunksOf({ entries }: TocDocument, dataEnd: number): StargzChunks | UnusableToc {
  const columns = new MemberColumns(entries.length);
  for (const span of entrySpans(entries)) {
    if (!span) return unusable('its TOC holds a malformed entry');
    columns.beginEntry();
    const fault = addEntry(columns, span, dataEnd);
    if (fault) return unusable(fault);
  }
  return columns.finishMembers(dataEnd);
}

const NOT_LOCATED = 'its TOC holds a file whose chunks cannot be located';

function addEntry(columns: MemberColumns, span: EntrySpan, dataEnd: number): TocFault | undefined {
  const { type, size = 0, digest } = span.entries[span.at] as PlacedEntry;
  const split = span.next > span.at + 1;
  if (type !== 'reg') return split ? NOT_LOCATED : undefined;
  if (!isCount(size) || (size === 0 && split)) return NOT_LOCATED;
  if (size === 0) return undefined;
  let position = 0;
  for (let at = span.at; at < span.next; at++) {
    const entry = span.entries[at] as PlacedEntry;
    const { offset = 0, innerOffset = 0, chunkOffset = 0, chunkDigest = split ? undefined : digest } = entry;
    const chunkSize = chunkSizeOf(entry, size, position);
    if (chunkOffset !== position || chunkSize === undefined) return NOT_LOCATED;
    if (!isSha256(chunkDigest)) return 'its TOC gives no digest for a chunk';
    if (!isCount(offset) || !isCount(innerOffset) || offset >= dataEnd) return NOT_LOCATED;
    if (innerOffset > MAX_INNER_OFFSET) return 'its TOC holds a chunk that lies too deep in its member';
    if (!columns.add({ digest: chunkDigest, offset, innerOffset, size: chunkSize })) return NOT_LOCATED;
    position += chunkSize;
  }
  return position === size ? undefined : NOT_LOCATED;
}

/** The last chunk usually does not say its size, which is then the rest of the file. Nothing is stored of a chunk of no bytes. */
function chunkSizeOf({ chunkSize = 0 }: PlacedEntry, size: number, position: number): number | undefined {
  const rest = size - position;
  if (!isCount(chunkSize) || chunkSize > rest || rest === 0) return undefined;
  return chunkSize === 0 ? rest : chunkSize;
}

interface MemberChunk {
  readonly digest: string;
  readonly offset: number;
  readonly innerOffset: number;
  readonly size: number;
}

class MemberColumns extends ChunkColumns {
  readonly #innerOffsets: Float64Array;
  #count = 0;
  /** The member of the last chunk, and where the chunk ends in it. Every blob begins with a tar header. */
  #offset = 0;
  #innerEnd = 1;

  constructor(capacity: number) {
    super(capacity);
    this.#innerOffsets = new Float64Array(capacity);
  }

  /** false where the chunk does not lie behind the one before. */
  add({ digest, offset, innerOffset, size }: MemberChunk): boolean {
    const innerEnd = innerOffset + size;
    if (!Number.isSafeInteger(innerEnd)) return false;
    if (offset < this.#offset || (offset === this.#offset && innerOffset < this.#innerEnd)) return false;
    this.#innerOffsets[this.#count++] = innerOffset;
    this.push({ digest, start: offset, end: offset, size });
    this.#offset = offset;
    this.#innerEnd = innerEnd;
    return true;
  }

  /** A member ends where the next one begins, and only then is its size known. */
  finishMembers(dataEnd: number): StargzChunks {
    const table = this.finish();
    const { offsets, compressedSizes } = table;
    let next = dataEnd;
    for (let index = offsets.length - 1; index >= 0; index--) {
      const offset = offsets[index] as number;
      const following = offsets[index + 1];
      if (following !== undefined && following !== offset) next = following;
      compressedSizes[index] = next - offset;
    }
    return { kind: 'chunks', table, innerOffsets: this.#innerOffsets.slice(0, this.#count) };
  }
}
