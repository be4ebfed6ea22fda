// The table of contents of a zstd:chunked layer: from JSON to a ChunkTable. Pure.
// The TOC is only a locator and an index for deduplication; what is unpacked comes from the tar stream, checked by its diffId.
import type { Digest } from '../oci/digest.ts';
import { isDigest } from '../oci/digest.ts';
import { type ChunkTable, DIGEST_BYTES } from './chunk-table.ts';

/** Entries and chunks a TOC may list. */
export const MAX_TOC_ENTRIES = 10_000_000;
/** Decoded size of a TOC. A string in V8 holds at most 512 MiB. */
export const MAX_TOC_SIZE = 384 << 20;

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

interface Chunk {
  digest: string;
  start: number;
  end: number;
  size: number;
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
  const chunks: Chunk[] = [];
  const firstChunk: number[] = [];
  for (let at = 0; at < entries.length; ) {
    const entry = entries[at] as Entry;
    const next = nextEntry(entries, at);
    if (!isEntry(entry)) return unusable('its TOC holds a malformed entry');
    firstChunk.push(chunks.length);
    const found =
      entry.type === 'reg'
        ? fileChunks(entries.slice(at, next) as Entry[], dataEnd)
        : next === at + 1
          ? []
          : undefined;
    if (!found || !follows(chunks.at(-1), found[0]))
      return unusable('its TOC holds a file whose chunks cannot be located');
    for (const chunk of found) chunks.push(chunk);
    at = next;
  }
  firstChunk.push(chunks.length);
  return {
    kind: 'toc',
    table: toTable(chunks, firstChunk),
    tarSplitDigest: tarSplitDigest as Digest | undefined,
  };
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

/** Every writer lists files as they lie in the blob; ranges that overlap would be fetched twice. */
function follows(last: Chunk | undefined, next: Chunk | undefined): boolean {
  return last === undefined || next === undefined || next.start >= last.end;
}

function nextEntry(entries: readonly unknown[], at: number): number {
  let next = at + 1;
  while ((entries[next] as Entry | null | undefined)?.type === 'chunk') next++;
  return next;
}

/** A file's own entry is its first chunk, unless it has only one: then chunk fields are absent. */
function fileChunks(group: readonly Entry[], dataEnd: number): Chunk[] | undefined {
  const [file] = group as [Entry];
  const size = file.size ?? 0;
  if (!isCount(size)) return undefined;
  if (size === 0) return group.length === 1 ? [] : undefined;
  const { offset: start, endOffset: end } = file;
  if (!isCount(start) || !isCount(end) || start >= end || end > dataEnd) return undefined;
  const parts = group.length > 1 ? splitFile(group, end, size) : undefined;
  if (parts) return parts;
  return isSha256(file.digest) ? [{ digest: file.digest, start, end, size }] : undefined;
}

/** The chunks of a file, if they follow one another without a gap and add up to the file. */
function splitFile(group: readonly Entry[], fileEnd: number, fileSize: number): Chunk[] | undefined {
  const parts: Chunk[] = [];
  let position = 0;
  for (const [index, entry] of group.entries()) {
    const { offset: start, chunkSize: size, chunkDigest: digest } = entry;
    const end = index + 1 < group.length ? (group[index + 1] as Entry).offset : fileEnd;
    if (!isCount(start) || !isCount(end) || start >= end || !isCount(size) || !isSha256(digest))
      return undefined;
    if ((entry.chunkOffset ?? 0) !== position) return undefined;
    parts.push({ digest, start, end, size });
    position += size;
  }
  return position === fileSize ? parts : undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function toTable(chunks: readonly Chunk[], firstChunk: readonly number[]): ChunkTable {
  const digests = new Uint8Array(chunks.length * DIGEST_BYTES);
  const bytes = Buffer.from(digests.buffer);
  chunks.forEach((chunk, index) => {
    bytes.write(chunk.digest.slice('sha256:'.length), index * DIGEST_BYTES, 'hex');
  });
  return {
    digests,
    offsets: Float64Array.from(chunks, (chunk) => chunk.start),
    compressedSizes: Float64Array.from(chunks, (chunk) => chunk.end - chunk.start),
    sizes: Float64Array.from(chunks, (chunk) => chunk.size),
    firstChunk: Uint32Array.from(firstChunk),
  };
}
