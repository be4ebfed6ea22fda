// The pack file: chunks as they stand in their layers, then a table of them, then a trailer. Byte by byte in docs/formats.md.
import zlib from 'node:zlib';
import { MAX_INNER_OFFSET } from '../bytes/inner-offset.ts';
import { digestOf } from '../integrity/hash.ts';
import type { ChunkForm } from './pack-file.ts';

/** Of the directory, the cache entries, and packs that hold frames and blobs only. */
export const PACK_VERSION = 1;
/**
 * Of packs that hold anything newer: their table has a column more. A program that knows only version 1 takes them for no packs,
 * and fetches what is in them.
 */
const WIDE_PACK_VERSION = 2;
/** magic 8, version 4, count 4, table offset 8, table length 8, sha256 of the table 32. */
export const TRAILER_SIZE = 64;
const MAGIC = Buffer.from('OCIPULL\n');
/** Chunks in one pack; the table of that many takes 90 MB. */
export const MAX_PACK_ENTRIES = 2_000_000;
/** Stored bytes of a table: what that many entries take if none of it compresses, and some room. */
const MAX_TABLE_BYTES = 128 << 20;
/** By entry: digest 32, form 1, gap 6, compressed size 6, size 6, and in version 2 inner offset 6. */
const ENTRY_SIZE = 51;
const WIDE_ENTRY_SIZE = 57;
/** Stored bytes of an entry, on average, that a table is believed for; small packs are given some slack. */
const MIN_ENTRY_BYTES = 8;
const MIN_SLACK = 4096;
/** Six bytes hold less. */
const MAX_ENTRY_SIZE = 2 ** 48;
/** By their number in a table. member: a frame with an inner offset. */
const FORMS = ['frame', 'blob', 'member', 'part'] as const;
type StoredForm = (typeof FORMS)[number];

export interface PackEntry {
  readonly form: ChunkForm;
  /** sha256 as lowercase hex, without the algorithm. */
  readonly hex: string;
  readonly offset: number;
  /** Stored bytes. */
  readonly compressedSize: number;
  /** Bytes after decoding; for a blob and a part equal to compressedSize. */
  readonly size: number;
  /**
   * For a chunk in stored bytes, one gzip member or zstd frame, that hold more than it: they decode to so many other bytes, the chunk,
   * and whatever else. Absent for frames that decode to the chunk and nothing else.
   */
  readonly innerOffset?: number;
}

function storedForm({ form, innerOffset }: PackEntry): StoredForm {
  return innerOffset === undefined ? form : 'member';
}

export interface PackTrailer {
  readonly count: number;
  readonly tableOffset: number;
  readonly tableLength: number;
  readonly tableDigest: string;
  readonly isWide: boolean;
}

/** Can a table tell of it? Of what stands in real layers it can; a table of contents that lies may list anything. */
export function isStorable({ form, compressedSize, size, innerOffset = 0 }: PackEntry): boolean {
  const fits = size < MAX_ENTRY_SIZE && innerOffset <= MAX_INNER_OFFSET;
  return fits && (form === 'blob' || compressedSize >= MIN_ENTRY_BYTES);
}

/**
 * Those that a table is believed for: many chunks may share the bytes of one member. `end`: of the pack's data. What is left out is
 * fetched again when it is wanted.
 */
export function believableEntries(entries: readonly PackEntry[], end: number): readonly PackEntry[] {
  if (entries.length * MIN_ENTRY_BYTES <= end + MIN_SLACK) return entries;
  return entries.filter(({ innerOffset = 0 }) => innerOffset === 0);
}

/** `entries`: in the order of compareEntries; frames may lie inside of blobs, and members in the same place. Returns table and trailer, to be written at `tableOffset`. */
export function encodeTable(entries: readonly PackEntry[], tableOffset: number): Buffer {
  const isWide = entries.some((entry) => FORMS.indexOf(storedForm(entry)) > 1);
  const columns = Buffer.alloc(entries.length * (isWide ? WIDE_ENTRY_SIZE : ENTRY_SIZE));
  let position = 0;
  entries.forEach((entry, index) => {
    columns.write(entry.hex, index * 32, 'hex');
    const at = column(entries.length, index);
    columns[at.form] = FORMS.indexOf(storedForm(entry));
    columns.writeUIntLE(entry.offset - position, at.gap, 6);
    columns.writeUIntLE(entry.compressedSize, at.compressedSize, 6);
    columns.writeUIntLE(entry.size, at.size, 6);
    if (isWide) columns.writeUIntLE(entry.innerOffset ?? 0, at.innerOffset, 6);
    position = afterEntry({ ...entry, form: storedForm(entry) });
  });
  const table = zlib.zstdCompressSync(columns);
  return Buffer.concat([table, encodeTrailer({ count: entries.length, tableOffset, isWide }, table)]);
}

/** The order of a table. */
export function compareEntries(a: PackEntry, b: PackEntry): number {
  const byForm = FORMS.indexOf(storedForm(b)) - FORMS.indexOf(storedForm(a));
  return a.offset - b.offset || byForm || (a.innerOffset ?? 0) - (b.innerOffset ?? 0);
}

interface Place {
  readonly form: StoredForm | undefined;
  readonly offset: number;
  readonly compressedSize: number;
}

/** Where the gap to the next entry begins: frames may follow one another inside of a blob. */
function afterEntry({ form, offset, compressedSize }: Place): number {
  return form === 'frame' ? offset + compressedSize : offset;
}

function encodeTrailer(
  { count, tableOffset, isWide }: { count: number; tableOffset: number; isWide: boolean },
  table: Buffer,
): Buffer {
  const trailer = Buffer.alloc(TRAILER_SIZE);
  MAGIC.copy(trailer, 0);
  trailer.writeUInt32LE(isWide ? WIDE_PACK_VERSION : PACK_VERSION, 8);
  trailer.writeUInt32LE(count, 12);
  trailer.writeBigUInt64LE(BigInt(tableOffset), 16);
  trailer.writeBigUInt64LE(BigInt(table.length), 24);
  trailer.write(sha256Hex(table), 32, 'hex');
  return trailer;
}

/** undefined for anything that is no trailer of a whole pack of this version and this size. */
export function decodeTrailer(trailer: Buffer, fileSize: number): PackTrailer | undefined {
  if (trailer.length !== TRAILER_SIZE || trailer.compare(MAGIC, 0, 8, 0, 8) !== 0) return undefined;
  const version = trailer.readUInt32LE(8);
  if (version !== PACK_VERSION && version !== WIDE_PACK_VERSION) return undefined;
  const count = trailer.readUInt32LE(12);
  const tableOffset = Number(trailer.readBigUInt64LE(16));
  const tableLength = Number(trailer.readBigUInt64LE(24));
  // A zstd frame has at least nine bytes, and there are few smaller blobs: a table cannot be much longer than its chunks.
  if (
    count > MAX_PACK_ENTRIES ||
    count * MIN_ENTRY_BYTES > tableOffset + MIN_SLACK ||
    tableLength > MAX_TABLE_BYTES
  )
    return undefined;
  if (tableOffset + tableLength + TRAILER_SIZE !== fileSize) return undefined;
  const tableDigest = trailer.toString('hex', 32, 64);
  return { count, tableOffset, tableLength, tableDigest, isWide: version === WIDE_PACK_VERSION };
}

/** undefined for a table that is damaged or points out of the pack. */
export function decodeTable(table: Buffer, trailer: PackTrailer): PackTable | undefined {
  if (sha256Hex(table) !== trailer.tableDigest) return undefined;
  const { count, isWide } = trailer;
  const columns = decompressTable(table, count * (isWide ? WIDE_ENTRY_SIZE : ENTRY_SIZE));
  if (!columns) return undefined;
  const rows = { columns, count, isWide };
  if (!isSound(rows, trailer.tableOffset)) return undefined;
  let blobs: readonly PackEntry[] | undefined;
  return {
    count,
    end: trailer.tableOffset,
    get blobs() {
      blobs ??= [...readRows(rows, ['blob'])];
      return blobs;
    },
    frames: () => readRows(rows, ['frame', 'member']),
    others: () => readRows(rows, ['frame', 'member', 'part']),
    all: () => readRows(rows, FORMS),
  };
}

/** Most pulls look for a few blobs only, and there may be tens of thousands of frames. */
export interface PackTable {
  readonly count: number;
  /** Of the chunks' bytes: where the table begins. */
  readonly end: number;
  readonly blobs: readonly PackEntry[];
  frames(): Iterable<PackEntry>;
  /** Frames and parts. */
  others(): Iterable<PackEntry>;
  /** Ascending by offset, as are the others. */
  all(): Iterable<PackEntry>;
}

interface Rows {
  readonly columns: Buffer;
  readonly count: number;
  readonly isWide: boolean;
}

/** Is every form known, every blob and part as long as it is, no chunk too deep, and does every entry end before the pack's data does? */
function isSound(rows: Rows, end: number): boolean {
  const { columns, count, isWide } = rows;
  let position = 0;
  for (let index = 0; index < count; index++) {
    const row = readRow(rows, index, position);
    if (row.form === undefined || row.offset + row.compressedSize > end) return false;
    if (!isWide && row.form !== 'frame' && row.form !== 'blob') return false;
    const isAsItIs = row.form === 'blob' || row.form === 'part';
    if (isAsItIs && columns.readUIntLE(column(count, index).size, 6) !== row.compressedSize) return false;
    if (isWide && columns.readUIntLE(column(count, index).innerOffset, 6) > MAX_INNER_OFFSET) return false;
    position = row.next;
  }
  return true;
}

function* readRows(rows: Rows, wanted: readonly StoredForm[]): Generator<PackEntry> {
  const { columns, count } = rows;
  let position = 0;
  for (let index = 0; index < count; index++) {
    const { form, offset, compressedSize, next } = readRow(rows, index, position);
    position = next;
    if (form === undefined || !wanted.includes(form)) continue;
    const hex = columns.toString('hex', index * 32, index * 32 + 32);
    const at = column(count, index);
    const size = columns.readUIntLE(at.size, 6);
    if (form !== 'member') yield { form, hex, offset, compressedSize, size };
    else {
      const innerOffset = columns.readUIntLE(at.innerOffset, 6);
      yield { form: 'frame', hex, offset, compressedSize, size, innerOffset };
    }
  }
}

/** `position`: where the gap begins. `next`: where the gap of the row after it does. */
function readRow({ columns, count }: Rows, index: number, position: number) {
  const at = column(count, index);
  const form = FORMS[columns[at.form] as number];
  const offset = position + columns.readUIntLE(at.gap, 6);
  const compressedSize = columns.readUIntLE(at.compressedSize, 6);
  return { form, offset, compressedSize, next: afterEntry({ form, offset, compressedSize }) };
}

/** Written by encodeTable as one frame, so node's decoder loses nothing; a forged table is bounded by its count. */
function decompressTable(table: Buffer, size: number): Buffer | undefined {
  try {
    const columns = zlib.zstdDecompressSync(table, { maxOutputLength: Math.max(1, size) });
    return columns.length === size ? columns : undefined;
  } catch {
    return undefined;
  }
}

function column(count: number, index: number) {
  return {
    form: count * 32 + index,
    gap: count * 33 + index * 6,
    compressedSize: count * 39 + index * 6,
    size: count * 45 + index * 6,
    innerOffset: count * 51 + index * 6,
  };
}

function sha256Hex(bytes: Uint8Array): string {
  return digestOf(bytes).slice('sha256:'.length);
}

/** What a pack is called: equal chunks, equal key, whoever made it. */
export function packKey(entries: readonly PackEntry[]): string {
  const sorted = entries.map((entry) => `${storedForm(entry)} ${entry.hex}\n`).sort();
  return sha256Hex(Buffer.from(`v${PACK_VERSION}\n${sorted.join('')}`)).slice(0, 40);
}
