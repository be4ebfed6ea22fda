// The table of contents of a zstd:chunked layer: from JSON to a ChunkTable. Pure.
// Unless it is trusted (`verify: toc`) it is only a locator and an index for deduplication: what is unpacked comes from the tar stream then,
// checked by its diffId.
import type { Digest } from '../oci/digest.ts';
import { type Chunk, ChunkColumns } from './chunk-columns.ts';
import type { ChunkTable } from './chunk-table.ts';
import {
  type EntrySpan,
  entrySpans,
  isCount,
  isSha256,
  type PlacedEntry,
  type TocDocument,
  type UnusableToc,
  unusable,
} from './toc-document.ts';

/** Decoded size of a TOC. A string in V8 holds at most 512 MiB. */
export const MAX_TOC_SIZE = 256 << 20;

export type ParsedToc =
  | { readonly kind: 'toc'; readonly table: ChunkTable; readonly tarSplitDigest: Digest | undefined }
  /** Not usable; the layer has to be fetched whole. */
  | UnusableToc;

/** Of zstd:chunked. `dataEnd`: chunks have to lie in [0, dataEnd) of the blob. Never throws for bad content. */
export function chunksOf({ entries, tarSplitDigest }: TocDocument, dataEnd: number): ParsedToc {
  const columns = new OrderedColumns(entries.length);
  for (const span of entrySpans(entries)) {
    if (!span) return unusable('its TOC holds a malformed entry');
    columns.beginEntry();
    const isFile = (entries[span.at] as PlacedEntry).type === 'reg';
    const located = isFile ? addFile(columns, span, dataEnd) : span.next === span.at + 1;
    if (!located) return unusable('its TOC holds a file whose chunks cannot be located');
  }
  return { kind: 'toc', table: columns.finish(), tarSplitDigest };
}

/** A file's own entry is its first chunk, unless it has only one: then chunk fields are absent. false where it cannot be located. */
function addFile(columns: OrderedColumns, file: EntrySpan, dataEnd: number): boolean {
  const { size = 0, offset: start, endOffset: end, digest } = file.entries[file.at] as PlacedEntry;
  const split = file.next > file.at + 1;
  if (!isCount(size)) return false;
  if (size === 0) return !split;
  if (!isCount(start) || !isCount(end) || end > dataEnd) return false;
  if (split && isSplitSound(file, end, size)) return addSplit(columns, file, end);
  return isSha256(digest) && columns.add({ digest, start, end, size });
}

/** Do the chunks of a file follow one another without a gap and add up to the file? If not, the file as a whole may still do. */
function isSplitSound(file: EntrySpan, fileEnd: number, fileSize: number): boolean {
  let position = 0;
  for (let at = file.at; at < file.next; at++) {
    const {
      offset: start,
      chunkSize: size,
      chunkDigest: digest,
      chunkOffset = 0,
    } = file.entries[at] as PlacedEntry;
    const end = chunkEnd(file, at, fileEnd);
    if (!isCount(start) || !isCount(end) || start >= end || !isCount(size) || !isSha256(digest)) return false;
    if (chunkOffset !== position) return false;
    position += size;
  }
  return position === fileSize;
}

function addSplit(columns: OrderedColumns, file: EntrySpan, fileEnd: number): boolean {
  for (let at = file.at; at < file.next; at++) {
    const { offset, chunkSize, chunkDigest } = file.entries[at] as PlacedEntry;
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

function chunkEnd(file: EntrySpan, at: number, fileEnd: number): unknown {
  return at + 1 < file.next ? (file.entries[at + 1] as PlacedEntry).offset : fileEnd;
}

class OrderedColumns extends ChunkColumns {
  #end = 0;

  /** false where the chunk does not lie behind the one before: every writer lists files as they lie in the blob. */
  add(chunk: Chunk): boolean {
    if (chunk.start < this.#end || chunk.start >= chunk.end) return false;
    this.push(chunk);
    this.#end = chunk.end;
    return true;
  }
}
