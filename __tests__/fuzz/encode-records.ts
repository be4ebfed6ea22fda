// What pax records say of an entry.
import type { PaxRecord } from '../support/tar-builder.ts';
import type { LayerEntry } from './entry.ts';

/** Bytes of the name fields of a header. */
export const NAME_FIELD = 100;
export const SECOND = 1_000_000_000n;

export function attributeRecords(entry: LayerEntry): PaxRecord[] {
  const { mtimeNs, xattrs, uid, gid, encoding } = entry;
  const records: PaxRecord[] = [['mtime', timeText(mtimeNs)]];
  if (encoding.decoys) records.push(['uid', String(uid)], ['gid', String(gid)]);
  for (const [name, value] of xattrs) records.push([latin1(`SCHILY.xattr.${name}`), value]);
  return records;
}

function timeText(ns: bigint): string {
  const size = ns < 0n ? -ns : ns;
  const fraction = String(size % SECOND)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${ns < 0n ? '-' : ''}${size / SECOND}${fraction === '' ? '' : `.${fraction}`}`;
}

export function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}
