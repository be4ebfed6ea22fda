// Writes tar headers: ustar, with a pax header in front where an entry needs one. Pure, and the same input gives the same bytes.
// https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_01
import type { TarEntry, TarEntryKind } from './entry.ts';
import { BLOCK_SIZE } from './header.ts';
import type { SparseRegion } from './sparse.ts';

const TYPES: Readonly<Record<TarEntryKind, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  char: '3',
  block: '4',
  directory: '5',
  fifo: '6',
};
const NAME_BYTES = 100;
/** Largest numbers of fields of 8 and of 12 bytes in octal, with a NUL behind. */
const MAX_SHORT = 0o7777777;
const MAX_LONG = 0o77777777777;

/** `path` as it is to be written; a directory's gets its slash here. */
export type EntryToWrite = Omit<TarEntry, 'mtimeText'> & { readonly mtimeText?: string | undefined };

/** What all but the kind, the name and the size of an entry are where nothing is said. */
export const PLAIN_ENTRY = {
  linkPath: '',
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtime: 0,
  size: 0,
  deviceMajor: 0,
  deviceMinor: 0,
  xattrs: undefined,
} as const;

/**
 * All that stands in front of an entry's data: a pax header where one is needed, the header, and for a sparse file its map. `sparse`:
 * the regions that have data, in order; what follows are their bytes, then padding. Absent: the whole file follows.
 */
export function encodeEntry(entry: EntryToWrite, sparse?: readonly SparseRegion[]): Buffer {
  const path = entry.kind === 'directory' && !entry.path.endsWith('/') ? `${entry.path}/` : entry.path;
  const map = sparse && encodeMap(sparse, entry.size);
  const stored = sparse && map ? sparse.reduce((sum, { length }) => sum + length, map.length) : entry.size;
  const records = recordsOf({ ...entry, path }, { stored, isSparse: sparse !== undefined });
  const parts = [encodeHeader({ ...entry, path, size: stored }), ...(map ? [map] : [])];
  if (records === '') return Buffer.concat(parts);
  return Buffer.concat([encodePax(records), ...parts]);
}

function encodePax(records: string): Buffer {
  const body = Buffer.from(records, 'latin1');
  const pax = headerOf({ ...PLAIN_ENTRY, kind: 'file', path: 'PaxHeaders/entry', size: body.length }, 'x');
  return Buffer.concat([pax, body, Buffer.alloc(paddingOf(body.length))]);
}

/**
 * As encodeHeader, with a pax header in front where the name needs one. It is as long whatever the size is, which may be known later.
 */
export function encodeNamedHeader(entry: EntryToWrite): Buffer {
  const header = encodeHeader(entry);
  return entry.path.length > NAME_BYTES
    ? Buffer.concat([encodePax(encodeRecord('path', entry.path)), header])
    : header;
}

/** One block. What does not fit into it is cut or 0, but sizes and devices, which every reader takes in base 256. */
function encodeHeader(entry: EntryToWrite): Buffer {
  return headerOf(entry, TYPES[entry.kind]);
}

/** Zeros from the end of data of that size to the next block. */
export function paddingOf(size: number): number {
  return (BLOCK_SIZE - (size % BLOCK_SIZE)) % BLOCK_SIZE;
}

function headerOf(entry: EntryToWrite, type: string): Buffer {
  const block = Buffer.alloc(BLOCK_SIZE);
  block.write(entry.path.slice(0, NAME_BYTES), 0, 'latin1');
  writeNumber(block, 100, 8, entry.mode);
  writeNumber(block, 108, 8, entry.uid > MAX_SHORT ? 0 : entry.uid);
  writeNumber(block, 116, 8, entry.gid > MAX_SHORT ? 0 : entry.gid);
  writeNumber(block, 124, 12, entry.size);
  writeNumber(block, 136, 12, Math.min(Math.max(0, Math.floor(entry.mtime)), MAX_LONG));
  block.write(type, 156, 'latin1');
  block.write(entry.linkPath.slice(0, NAME_BYTES), 157, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  if (entry.kind === 'char' || entry.kind === 'block') {
    writeNumber(block, 329, 8, entry.deviceMajor);
    writeNumber(block, 337, 8, entry.deviceMinor);
  }
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** Octal, or base 256 where that has too few digits. */
function writeNumber(block: Buffer, start: number, length: 8 | 12, value: number): void {
  if (value <= (length === 8 ? MAX_SHORT : MAX_LONG)) {
    block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, start, 'latin1');
    return;
  }
  let left = value;
  for (let at = start + length - 1; at > start; at--) {
    block[at] = left % 256;
    left = Math.floor(left / 256);
  }
  block[start] = 0x80;
}

function recordsOf(entry: EntryToWrite, { stored, isSparse }: { stored: number; isSparse: boolean }): string {
  const records: [string, string][] = [];
  if (entry.path.length > NAME_BYTES) records.push(['path', entry.path]);
  if (entry.linkPath.length > NAME_BYTES) records.push(['linkpath', entry.linkPath]);
  if (stored > MAX_LONG) records.push(['size', String(stored)]);
  if (entry.uid > MAX_SHORT) records.push(['uid', String(entry.uid)]);
  if (entry.gid > MAX_SHORT) records.push(['gid', String(entry.gid)]);
  const mtime = entry.mtimeText ?? timeText(entry.mtime);
  if (!/^[0-9]{1,11}$/.test(mtime) || entry.mtime > MAX_LONG) records.push(['mtime', mtime]);
  if (isSparse)
    records.push(
      ['GNU.sparse.major', '1'],
      ['GNU.sparse.minor', '0'],
      ['GNU.sparse.name', entry.path],
      ['GNU.sparse.realsize', String(entry.size)],
    );
  const xattrs = [...(entry.xattrs ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, value] of xattrs)
    records.push([`SCHILY.xattr.${name}`, Buffer.from(value).toString('latin1')]);
  return records.map(([key, value]) => encodeRecord(key, value)).join('');
}

/** `<length> <key>=<value>\n`, where the length counts itself. */
function encodeRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length;
  while (length !== rest.length + String(length).length) length = rest.length + String(length).length;
  return `${length}${rest}`;
}

/** As precise as a double is, in decimal. */
function timeText(seconds: number): string {
  return Number.isInteger(seconds) ? String(seconds) : seconds.toFixed(9).replace(/0+$/, '');
}

/** Form 1.0. A hole at the end is marked by an empty region behind it: GNU tar makes the file no longer than its last one. */
function encodeMap(sparse: readonly SparseRegion[], size: number): Buffer {
  const last = sparse.at(-1);
  const end = last ? last.offset + last.length : 0;
  const all = end < size ? [...sparse, { offset: size, length: 0 }] : sparse;
  const lines = [all.length, ...all.flatMap(({ offset, length }) => [offset, length])];
  const text = Buffer.from(`${lines.join('\n')}\n`);
  return Buffer.concat([text, Buffer.alloc(paddingOf(text.length))]);
}
