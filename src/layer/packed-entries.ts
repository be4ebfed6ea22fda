// Entries of a table of contents on their way from thread to thread: one piece of memory instead of a hundred thousand objects.
import v8 from 'node:v8';
import type { TarEntry } from '../tar/entry.ts';
import type { TocEntry } from './toc-entries.ts';

/** What packEntries makes. Only ever read by this program, from its own memory. */
export type PackedEntries = Uint8Array;

type Row = [
  TarEntry['kind'],
  string,
  string,
  ...numbers: [number, number, number, number, number, number, number],
  TarEntry['xattrs'],
  number,
  number,
  string | undefined,
];

/** Without those that are no part of the image. */
export function packEntries(entries: readonly TocEntry[]): PackedEntries {
  const rows = entries.filter(({ isOwn }) => !isOwn).map(toRow);
  const packed = v8.serialize(rows);
  return new Uint8Array(packed);
}

export function unpackEntries(packed: PackedEntries): TocEntry[] {
  return (v8.deserialize(packed) as Row[]).map(toEntry);
}

function toRow({ entry, firstChunk, endChunk, contentDigest }: TocEntry): Row {
  const { kind, path, linkPath, mode, uid, gid, mtime, size, deviceMajor, deviceMinor, xattrs } = entry;
  return [
    kind,
    path,
    linkPath,
    mode,
    uid,
    gid,
    mtime,
    size,
    deviceMajor,
    deviceMinor,
    xattrs,
    firstChunk,
    endChunk,
    contentDigest,
  ];
}

function toEntry(row: Row): TocEntry {
  const [kind, path, linkPath, mode, uid, gid, mtime, size, deviceMajor, deviceMinor, xattrs] = row;
  const entry = { kind, path, linkPath, mode, uid, gid, mtime, size, deviceMajor, deviceMinor, xattrs };
  const contentDigest = row[13] === undefined ? {} : { contentDigest: row[13] };
  return { entry, firstChunk: row[11], endChunk: row[12], isOwn: false, ...contentDigest };
}
