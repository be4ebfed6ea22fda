// The pack file: chunks as they stand in their layers, then a table of them, then a trailer. Byte by byte in docs/formats.md.
import zlib from 'node:zlib';
import { MAX_INNER_OFFSET } from '../bytes/inner-offset.ts';
import { digestOf } from '../integrity/hash.ts';
import { digestHex } from '../oci/digest.ts';
import type { ChunkForm } from './pack-file.ts';
import {
  encodeTrailer,
  isBelievable,
  MIN_ENTRY_BYTES,
  PACK_VERSION,
  type PackTrailer,
} from './pack-trailer.ts';

/** Bytes of a whole number in a table. */
const INTEGER = 6;
/** Where each column of a table begins, in bytes times the number of entries. */
const START = { hex: 0, form: 32, gap: 33, compressedSize: 39, size: 45, innerOffset: 51 } as const;
/** Bytes of an entry, decoded: the last column is in version 2 only. */
const ENTRY_SIZE = START.innerOffset;
const WIDE_ENTRY_SIZE = START.innerOffset + INTEGER;
/** Of either version: what an entry takes in a table that does not compress at all. */
export const MAX_ENTRY_BYTES = WIDE_ENTRY_SIZE;

/** A whole number of a table is less. */
const MAX_ENTRY_SIZE = 2 ** (8 * INTEGER);
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
  if (isBelievable(entries.length, end)) return entries;
  return entries.filter(({ innerOffset = 0 }) => innerOffset === 0);
}

/** `entries`: in the order of compareEntries; frames may lie inside of blobs, and members in the same place. Returns table and trailer, to be written at `tableOffset`. */
export function encodeTable(entries: readonly PackEntry[], tableOffset: number): Buffer {
  const isWide = entries.some((entry) => FORMS.indexOf(storedForm(entry)) > 1);
  const columns = Buffer.alloc(entries.length * (isWide ? WIDE_ENTRY_SIZE : ENTRY_SIZE));
  let position = 0;
  entries.forEach((entry, index) => {
    const at = cells(entries.length, index);
    columns.write(entry.hex, at.hex, 'hex');
    columns[at.form] = FORMS.indexOf(storedForm(entry));
    columns.writeUIntLE(entry.offset - position, at.gap, INTEGER);
    columns.writeUIntLE(entry.compressedSize, at.compressedSize, INTEGER);
    columns.writeUIntLE(entry.size, at.size, INTEGER);
    if (isWide) columns.writeUIntLE(entry.innerOffset ?? 0, at.innerOffset, INTEGER);
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
    if (isAsItIs && columns.readUIntLE(cells(count, index).size, INTEGER) !== row.compressedSize)
      return false;
    if (isWide && columns.readUIntLE(cells(count, index).innerOffset, INTEGER) > MAX_INNER_OFFSET)
      return false;
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
    const at = cells(count, index);
    const hex = columns.toString('hex', at.hex, at.hex + START.form);
    const size = columns.readUIntLE(at.size, INTEGER);
    if (form !== 'member') yield { form, hex, offset, compressedSize, size };
    else {
      const innerOffset = columns.readUIntLE(at.innerOffset, INTEGER);
      yield { form: 'frame', hex, offset, compressedSize, size, innerOffset };
    }
  }
}

/** `position`: where the gap begins. `next`: where the gap of the row after it does. */
function readRow({ columns, count }: Rows, index: number, position: number) {
  const at = cells(count, index);
  const form = FORMS[columns[at.form] as number];
  const offset = position + columns.readUIntLE(at.gap, INTEGER);
  const compressedSize = columns.readUIntLE(at.compressedSize, INTEGER);
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

/** Where the entry stands in each column. */
function cells(count: number, index: number) {
  return {
    hex: index * START.form,
    form: count * START.form + index,
    gap: count * START.gap + index * INTEGER,
    compressedSize: count * START.compressedSize + index * INTEGER,
    size: count * START.size + index * INTEGER,
    innerOffset: count * START.innerOffset + index * INTEGER,
  };
}

function sha256Hex(bytes: Uint8Array): string {
  return digestHex(digestOf(bytes));
}

/** What a pack is called: equal chunks, equal key, whoever made it. */
export function packKey(entries: readonly PackEntry[]): string {
  const sorted = entries.map((entry) => `${storedForm(entry)} ${entry.hex}\n`).sort();
  return sha256Hex(Buffer.from(`v${PACK_VERSION}\n${sorted.join('')}`)).slice(0, 40);
}
