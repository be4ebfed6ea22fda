// Puts an entry together from its header and from what came before it: pax records and GNU long names.
import { PullError } from '../errors.ts';
import { showName, type TarEntry, type TarEntryKind } from './entry.ts';
import { type Block, decodeDevice, type TarHeader } from './header.ts';
import type { Preface } from './preface.ts';

const KINDS: Readonly<Record<string, TarEntryKind>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'char',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
};
/** 2^32-1 means "no change" to chown(2). */
const MAX_ID = 2 ** 32 - 2;
const MAX_DEVICE_NUMBER = 2 ** 32 - 1;
const NO_DEVICE = { major: 0, minor: 0 };

/**
 * GNU's long names win over pax records, as in Go's archive/tar.
 * Throws TAR_INVALID for types that are none of a file system's, and for numbers no file system takes.
 */
export function buildEntry(header: TarHeader, preface: Preface, block: Block): TarEntry {
  const { pax } = preface;
  const path = preface.longName ?? pax?.path ?? header.name;
  const kind = kindOf(header.type, path);
  const device = kind === 'char' || kind === 'block' ? decodeDevice(block) : NO_DEVICE;
  if (device.major > MAX_DEVICE_NUMBER || device.minor > MAX_DEVICE_NUMBER)
    throw new PullError('TAR_INVALID', `the device numbers of ${showName(path)} are too large`);
  return {
    kind,
    path,
    linkPath:
      kind === 'symlink' || kind === 'hardlink' ? (preface.longLink ?? pax?.linkPath ?? header.linkName) : '',
    mode: header.mode & 0o7777,
    uid: checkId(pax?.uid ?? header.uid, path),
    gid: checkId(pax?.gid ?? header.gid, path),
    mtime: pax?.mtime ?? header.mtime,
    ...(pax?.mtimeText === undefined ? {} : { mtimeText: pax.mtimeText }),
    size: kind === 'file' ? (pax?.size ?? header.size) : 0,
    deviceMajor: device.major,
    deviceMinor: device.minor,
    xattrs: pax?.xattrs,
  };
}

/** V7 archives have no type for directories but a slash at the end of the name. Like Go, this reads type `0` as written. */
function kindOf(type: string, path: string): TarEntryKind {
  if (type === '\0' && path.endsWith('/')) return 'directory';
  const kind = KINDS[type];
  if (kind !== undefined) return kind;
  throw new PullError(
    'TAR_INVALID',
    `the tar entry ${showName(path)} has the unknown type ${showName(type)}`,
  );
}

function checkId(id: number, path: string): number {
  if (id > MAX_ID) throw new PullError('TAR_INVALID', `the owner ${id} of ${showName(path)} is too large`);
  return id;
}
