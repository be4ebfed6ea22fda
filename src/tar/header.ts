// Decodes a 512-byte tar header (POSIX ustar, GNU, V7).
// https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_06
import { Header } from 'tar/header';
import { PullError } from '../errors.ts';
import { showName } from './entry.ts';

export const BLOCK_SIZE = 512;

export interface TarHeader {
  /** The type flag's character, '\0' included. */
  readonly type: string;
  readonly name: string;
  readonly linkName: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
}

/** Where a number stands, from the start of its block. */
export interface NumberField {
  readonly name: string;
  readonly start: number;
  readonly length: 8 | 12;
  readonly signed?: boolean;
}

const MODE: NumberField = { name: 'mode', start: 100, length: 8 };
const UID: NumberField = { name: 'uid', start: 108, length: 8 };
const GID: NumberField = { name: 'gid', start: 116, length: 8 };
const SIZE: NumberField = { name: 'size', start: 124, length: 12 };
const MTIME: NumberField = { name: 'mtime', start: 136, length: 12, signed: true };
const CHECKSUM: NumberField = { name: 'checksum', start: 148, length: 8 };
const DEVICE_MAJOR: NumberField = { name: 'device major', start: 329, length: 8 };
const DEVICE_MINOR: NumberField = { name: 'device minor', start: 337, length: 8 };
const TYPE = 156;
const MAGIC = 257;
const GNU_MAGIC = 'ustar  \0';

/** Memory for one block, seen as bytes and as words. */
export interface Block {
  readonly bytes: Buffer;
  readonly words: Uint32Array;
}

export function newBlock(): Block {
  const words = new Uint32Array(BLOCK_SIZE / 4);
  return { bytes: Buffer.from(words.buffer), words };
}

/** Is it all zero? Two such blocks end an archive. */
export function isZeroBlock({ words }: Block): boolean {
  return words.every((word) => word === 0);
}

/**
 * Throws TAR_INVALID for a wrong checksum and for numbers that are none.
 *
 * Class `Header` of the npm package tar is used for what is rare and hard, base-256 numbers, and not for the rest:
 * it decodes names as UTF-8, which merges distinct names; takes a type `0` with a trailing slash for a directory and
 * drops its size; stops octal numbers at the first odd character instead of refusing them; knows no signed checksum;
 * reads device numbers only behind the POSIX magic; and takes 7 µs a header and more where this takes 1.5 µs.
 */
export function decodeHeader(block: Block): TarHeader {
  verifyChecksum(block);
  const { bytes } = block;
  return {
    type: String.fromCharCode(bytes[TYPE] as number),
    name: nameOf(bytes),
    linkName: textAt(bytes, 157, 100),
    mode: numberAt(bytes, MODE),
    uid: numberAt(bytes, UID),
    gid: numberAt(bytes, GID),
    size: numberAt(bytes, SIZE),
    mtime: numberAt(bytes, MTIME),
  };
}

export function decodeDevice({ bytes }: Block): { major: number; minor: number } {
  return { major: numberAt(bytes, DEVICE_MAJOR), minor: numberAt(bytes, DEVICE_MINOR) };
}

export function isGnuHeader({ bytes }: Block): boolean {
  return bytes.toString('latin1', MAGIC, MAGIC + 8) === GNU_MAGIC;
}

/** Bytes up to the first NUL, one UTF-16 unit each. Not with indexOf of Buffer, which takes longer than all the rest. */
export function textAt(bytes: Buffer, start: number, length: number): string {
  let end = start;
  while (end < start + length && bytes[end] !== 0) end++;
  return end === start ? '' : bytes.toString('latin1', start, end);
}

/** A number of a header: octal, or base-256 where the first bit is set. Throws TAR_INVALID. */
export function numberAt(bytes: Buffer, field: NumberField): number {
  const isOctal = ((bytes[field.start] as number) & 0x80) === 0;
  const value = isOctal ? octalAt(bytes, field) : base256At(bytes, field);
  if (value !== undefined && Number.isSafeInteger(value) && (value >= 0 || field.signed)) return value;
  const name = showName(textAt(bytes, 0, 100));
  throw new PullError(
    'TAR_INVALID',
    `the tar header of ${name} has a ${field.name} that is no usable number`,
  );
}

/** Blanks or NULs, digits, then a blank, a NUL or the field's end. An empty field is 0. */
function octalAt(bytes: Buffer, { start, length }: NumberField): number | undefined {
  const end = start + length;
  let at = start;
  while (at < end && isBlank(bytes[at])) at++;
  let value = 0;
  for (; at < end && !isBlank(bytes[at]); at++) {
    const digit = (bytes[at] as number) - 0x30;
    if (digit < 0 || digit > 7) return undefined;
    value = value * 8 + digit;
  }
  return value;
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0;
}

/** Shows `Header` this one number, so that nothing else in the block can sway it, in a field of the same shape. */
function base256At(bytes: Buffer, field: NumberField): number | undefined {
  const shape = field.signed ? MTIME : field.length === SIZE.length ? SIZE : UID;
  const alone = Buffer.alloc(BLOCK_SIZE);
  bytes.copy(alone, shape.start, field.start, field.start + shape.length);
  try {
    const { uid, size, mtime } = new Header(alone);
    return shape === MTIME ? (mtime?.getTime() ?? Number.NaN) / 1000 : shape === SIZE ? size : uid;
  } catch {
    return undefined;
  }
}

/** The checksum counts its own field as blanks. Old writers summed signed bytes, so both sums are good. */
function verifyChecksum({ bytes, words }: Block): void {
  const wanted = numberAt(bytes, CHECKSUM);
  let sum = sumOfBytes(words) + CHECKSUM.length * 0x20;
  for (let at = CHECKSUM.start; at < CHECKSUM.start + CHECKSUM.length; at++) sum -= bytes[at] as number;
  if (sum === wanted) return;
  const negative = bytes.reduce((count, byte) => (byte > 127 ? count + 1 : count), 0);
  if (sum - negative * 256 !== wanted)
    throw new PullError('TAR_INVALID', `a tar header has the checksum ${sum}, not ${wanted} as it says`);
}

/** Adds two bytes of each word at a time, in lanes of 16 bits that 128 words do not fill. */
function sumOfBytes(words: Uint32Array): number {
  let even = 0;
  let odd = 0;
  for (let index = 0; index < words.length; index++) {
    const word = words[index] as number;
    even += word & 0xff00ff;
    odd += (word >>> 8) & 0xff00ff;
  }
  return (even & 0xffff) + (even >>> 16) + (odd & 0xffff) + (odd >>> 16);
}

/** Only the POSIX magic has a prefix; star's variant keeps times in the prefix's last 24 bytes. */
function nameOf(bytes: Buffer): string {
  const name = textAt(bytes, 0, 100);
  if (bytes[345] === 0 || bytes.toString('latin1', MAGIC, MAGIC + 6) !== 'ustar\0') return name;
  const isStar = bytes.toString('latin1', 508, 512) === 'tar\0';
  return `${textAt(bytes, 345, isStar ? 131 : 155)}/${name}`;
}
