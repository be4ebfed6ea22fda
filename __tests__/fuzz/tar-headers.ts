// Changes headers of a tar stream, checksum and all.
import { type PaxRecord, padded, paxRecord } from '../support/tar-builder.ts';
import { replace } from './byte-edits.ts';

export const FIELDS = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  type: [156, 1],
  linkName: [157, 100],
  magic: [257, 8],
  major: [329, 8],
  minor: [337, 8],
  prefix: [345, 155],
  sparse: [386, 97],
  isExtended: [482, 1],
  realSize: [483, 12],
} as const;
export type FieldName = keyof typeof FIELDS;

/** Blocks with a right checksum. */
export function headersOf(bytes: Buffer): number[] {
  const headers: number[] = [];
  for (let at = 0; at + 512 <= bytes.length; at += 512) {
    const written = bytes.toString('latin1', at + 148, at + 154);
    if (/^[0-7]{6}$/.test(written) && Number.parseInt(written, 8) === sumOf(bytes.subarray(at, at + 512)))
      headers.push(at);
  }
  return headers;
}

function sumOf(block: Uint8Array): number {
  let sum = 8 * 0x20;
  for (const [index, byte] of block.entries()) if (index < 148 || index >= 156) sum += byte;
  return sum;
}

export function withField(
  bytes: Buffer,
  header: number,
  { field, value }: { field: FieldName; value: Uint8Array },
): Buffer {
  const copy = Buffer.from(bytes);
  const [start, length] = FIELDS[field];
  // A number that is longer than its field is cut at its front, as base-256 numbers of 8 bytes are.
  const cut =
    length === 8 && value.length === 12 ? Buffer.concat([value.subarray(0, 1), value.subarray(5)]) : value;
  copy.fill(0, header + start, header + start + length);
  copy.set(cut.subarray(0, length), header + start);
  return withChecksum(copy, header);
}

function withChecksum(bytes: Buffer, header: number): Buffer {
  const sum = sumOf(bytes.subarray(header, header + 512));
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, header + 148, 'latin1');
  return bytes;
}

/** Adds a record to a pax header; in front of another header goes a new one. Its length may be wrong. */
export function withRecord(
  bytes: Buffer,
  header: number,
  { record, lengthError }: { record: PaxRecord; lengthError: number },
): Buffer {
  const [key, value] = record;
  const good = paxRecord([Buffer.from(key), Buffer.from(value)]);
  const added = lengthError === 0 ? good : withLength(good, lengthError);
  const isPax = bytes.toString('latin1', header + 156, header + 157) === 'x';
  const size = isPax ? Number.parseInt(bytes.toString('latin1', header + 124, header + 135), 8) || 0 : 0;
  const old = bytes.subarray(header + 512, header + 512 + size);
  const head = Buffer.from(bytes.subarray(header, header + 512));
  if (!isPax) head.write('x', 156, 'latin1');
  const body = Buffer.concat([isPax ? old : Buffer.alloc(0), added]);
  head.write(`${body.length.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  const blocks = Buffer.concat([withChecksum(head, 0), padded(body)]);
  return replace(bytes, header, isPax ? 512 + padded(old).length : 0, blocks);
}

function withLength(record: Buffer, error: number): Buffer {
  const space = record.indexOf(0x20);
  const length = Math.max(0, Number(record.toString('latin1', 0, space)) + error);
  return Buffer.concat([Buffer.from(String(length)), record.subarray(space)]);
}
