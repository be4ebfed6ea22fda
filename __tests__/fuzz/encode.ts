// Writes layers as tar streams, in all the forms that archives in the wild have.
import type { ChunkedItem } from '../support/chunked-layer.ts';
import {
  END,
  globalPax,
  longLink,
  longName,
  type PaxRecord,
  pax,
  type TarItem,
  tarEntry,
} from '../support/tar-builder.ts';
import { attributeRecords, latin1, NAME_FIELD, SECOND } from './encode-records.ts';
import { sparseForm } from './encode-sparse.ts';
import { contentOf, type Ending, type LayerEntry, type Stack } from './entry.ts';

const TYPES = { directory: '5', symlink: '2', hardlink: '1', char: '3', block: '4', fifo: '6' } as const;
/** S_IFMT of the kinds. */
const TYPE_BITS = {
  file: 0o100000,
  hardlink: 0o100000,
  directory: 0o040000,
  symlink: 0o120000,
  char: 0o020000,
  block: 0o060000,
  fifo: 0o010000,
} as const;
const PREFIX_FIELD = 155;

export function tarsOf({ layers, endings }: Stack): Buffer[] {
  return layers.map((entries, index) => {
    const parts = entries
      .map(encodeEntry)
      .flatMap((item) => [item.before ?? Buffer.alloc(0), tarEntry(item)]);
    return Buffer.concat([...parts, endingOf(endings[index] ?? 'two-blocks', parts)]);
  });
}

/** What stands before an entry's own header, and the rest. */
export function encodeEntry(entry: LayerEntry): ChunkedItem {
  const plain = plainItem(entry);
  const sparse = entry.kind === 'file' ? sparseForm(entry) : undefined;
  const { global } = entry.encoding;
  const head = global ? [globalPax(['comment', 'about all that follows'])] : [];
  if (sparse) head.push(...sparse.before);
  else head.push(...recordsBefore(entry), ...longNames(entry, plain));
  return { ...plain, ...sparse?.item, before: Buffer.concat(head) };
}

function plainItem(entry: LayerEntry): TarItem {
  const { kind, encoding, mode } = entry;
  const isPax = needsPax(entry);
  const name = nameFields(entry, isPax);
  const isFile = kind === 'file';
  const isV7 = formatOf(entry) === 'v7';
  // V7 has no type for directories but the slash at the end of their name.
  const type = isFile ? encoding.fileType : isV7 && kind === 'directory' ? '\0' : TYPES[kind];
  const owner = isPax && encoding.decoys ? { uid: 0, gid: 0 } : { uid: entry.uid, gid: entry.gid };
  return {
    ...name,
    ...owner,
    type,
    linkName: kind === 'symlink' || kind === 'hardlink' ? latin1(entry.link).subarray(0, NAME_FIELD) : '',
    mode: encoding.typeBits ? mode | TYPE_BITS[kind] : mode,
    mtime: Number(floorSeconds(entry.mtimeNs)),
    device: entry.device,
    magic: isV7 ? 'v7' : formatOf(entry) === 'gnu' ? 'gnu' : 'ustar',
    checksum: encoding.signedChecksum ? 'signed' : 'unsigned',
    ...(isFile ? { body: contentOf(entry) } : { size: encoding.claimedSize }),
  };
}

/** The format that can hold the entry, the wanted one if possible. */
function formatOf(entry: LayerEntry): 'v7' | 'ustar' | 'gnu' | 'pax' {
  const { format } = entry.encoding;
  const isLong = entry.name.length > NAME_FIELD || entry.link.length > NAME_FIELD;
  if (needsPax(entry)) return 'pax';
  if (format === 'v7') {
    const isUnmarked = entry.kind === 'directory' && !entry.name.endsWith('/');
    return isLong ? 'gnu' : isUnmarked || entry.kind === 'char' || entry.kind === 'block' ? 'ustar' : 'v7';
  }
  return format;
}

/** Fractions of seconds and attributes are known to pax only; and a long name that ustar cannot split. */
function needsPax({ encoding, mtimeNs, xattrs, name, link }: LayerEntry): boolean {
  if (encoding.format === 'pax' || mtimeNs % SECOND !== 0n || xattrs.length > 0) return true;
  if (encoding.format !== 'ustar') return false;
  return link.length > NAME_FIELD || (name.length > NAME_FIELD && splitForPrefix(name) === undefined);
}

function nameFields(entry: LayerEntry, isPax: boolean): Pick<TarItem, 'name' | 'prefix'> {
  const { name } = entry;
  if (isPax && entry.encoding.decoys) return { name: `decoy${name.endsWith('/') ? '/' : ''}` };
  const split = name.length > NAME_FIELD && formatOf(entry) === 'ustar' ? splitForPrefix(name) : undefined;
  if (split) return { name: latin1(split.name), prefix: latin1(split.prefix) };
  return { name: latin1(name).subarray(0, NAME_FIELD) };
}

function splitForPrefix(name: string): { prefix: string; name: string } | undefined {
  for (let at = name.indexOf('/', 1); at > 0 && at <= PREFIX_FIELD; at = name.indexOf('/', at + 1)) {
    const rest = name.slice(at + 1);
    if (rest.length > 0 && rest.length <= NAME_FIELD) return { prefix: name.slice(0, at), name: rest };
  }
  return undefined;
}

function longNames(entry: LayerEntry, item: TarItem): Buffer[] {
  if (item.magic !== 'gnu') return [];
  const isLink = entry.kind === 'symlink' || entry.kind === 'hardlink';
  return [
    ...(isLink && entry.link.length > NAME_FIELD ? [longLink(latin1(entry.link))] : []),
    ...(entry.name.length > NAME_FIELD ? [longName(latin1(entry.name))] : []),
  ];
}

function recordsBefore(entry: LayerEntry): Buffer[] {
  if (!needsPax(entry)) return [];
  const records = attributeRecords(entry);
  const { kind, name, link, encoding } = entry;
  records.push(['path', latin1(name)]);
  if (kind === 'symlink' || kind === 'hardlink') records.push(['linkpath', latin1(link)]);
  if (!encoding.decoys) return [pax(...records)];
  const size: PaxRecord[] = kind === 'file' ? [['size', String(entry.size)]] : [];
  return [pax(...DECOYS, ...size, ...records)];
}

/** The last record of a key counts; an empty value takes it back. */
const DECOYS: PaxRecord[] = [
  ['path', 'another/decoy'],
  ['mtime', '17.5'],
  ['atime', '1700000000.25'],
  ['SCHILY.xattr.user.taken-back', 'x'],
  ['SCHILY.xattr.user.taken-back', ''],
  ['LIBARCHIVE.xattr.user.twin', 'eA=='],
  ['VENDOR.unknown', 'whatever'],
];

function endingOf(ending: Ending, parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  switch (ending) {
    case 'two-blocks':
      return END;
    case 'one-block':
      return Buffer.alloc(512);
    case 'none':
      return Buffer.alloc(0);
    case 'record':
      return Buffer.alloc(10_240 - (length % 10_240) + (10_240 - (length % 10_240) < 1024 ? 10_240 : 0));
    case 'garbage':
      return Buffer.concat([END, Buffer.from('not an archive any more')]);
  }
}

function floorSeconds(ns: bigint): bigint {
  return ns >= 0n || ns % SECOND === 0n ? ns / SECOND : ns / SECOND - 1n;
}
