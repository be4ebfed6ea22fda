// Parses pax extended headers, strictly: what is malformed is refused, because lenient readers disagree about what follows.
// https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_03
//
// Not by class `Pax` of the npm package tar: it skips malformed lines, decodes values as UTF-8 text or numbers, and knows no xattrs.
import { PullError } from '../errors.ts';
import { showName } from './entry.ts';
import { MAX_SPARSE_REGIONS, MAX_XATTR_BYTES } from './limits.ts';

/** What a pax header says about the entry that follows. Absent: not mentioned, or taken back by an empty value. */
export interface PaxRecords {
  readonly path: string | undefined;
  readonly linkPath: string | undefined;
  readonly size: number | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly mtime: number | undefined;
  /** With at most nine digits behind the point; undefined for whole seconds. */
  readonly mtimeText?: string | undefined;
  readonly xattrs: ReadonlyMap<string, Uint8Array> | undefined;
  /** Values of the `GNU.sparse.*` records, without the prefix. */
  readonly sparse: ReadonlyMap<string, string>;
  /** Offsets and lengths in turn, from sparse format 0.0, which repeats its keys. */
  readonly sparseNumbers: readonly string[];
}

const XATTR_PREFIX = 'SCHILY.xattr.';
const NO_RECORDS: ReadonlyMap<string, string> = new Map();
const SPARSE_PREFIX = 'GNU.sparse.';
const SPARSE_OFFSET = `${SPARSE_PREFIX}offset`;
const SPARSE_LENGTH = `${SPARSE_PREFIX}numbytes`;
/** No record is longer than its header, see MAX_EXTENDED_HEADER. */
const MAX_LENGTH_DIGITS = 7;

/** Throws TAR_INVALID for malformed records, LIMIT_EXCEEDED for attributes or sparse maps beyond their limits. */
export function parsePax(bytes: Buffer): PaxRecords {
  // As a latin1 string, a UTF-16 unit is a byte, and searching is ten times faster than in a Buffer.
  const text = bytes.toString('latin1');
  const values = new Map<string, string>();
  const sparseNumbers: string[] = [];
  for (let at = 0; at < text.length; ) {
    const { key, value, end } = recordAt(text, at);
    if (key === SPARSE_OFFSET || key === SPARSE_LENGTH) addSparseNumber(sparseNumbers, key, value);
    else if (value === '') values.delete(key);
    else values.set(key, value);
    at = end;
  }
  return {
    path: nameIn(values, 'path'),
    linkPath: nameIn(values, 'linkpath'),
    size: integerIn(values, 'size'),
    uid: integerIn(values, 'uid'),
    gid: integerIn(values, 'gid'),
    mtime: timeIn(values, 'mtime'),
    ...fractionIn(values.get('mtime')),
    xattrs: xattrsIn(values),
    sparse: sparseIn(values),
    sparseNumbers,
  };
}

/** `<length> <key>=<value>\n`, where the length is decimal and counts the whole record. */
function recordAt(text: string, start: number): { key: string; value: string; end: number } {
  const space = text.indexOf(' ', start);
  const length = space - start > MAX_LENGTH_DIGITS ? undefined : decimal(text.slice(start, space));
  const end = start + (length ?? 0);
  if (space < 0 || length === undefined || end > text.length || text[end - 1] !== '\n')
    throw malformed('a record has a wrong length');
  const equals = text.indexOf('=', space + 1);
  if (equals <= space + 1 || equals >= end - 1) throw malformed('a record is no key and value');
  const key = text.slice(space + 1, equals);
  if (key.includes('\0')) throw malformed('a key holds a NUL');
  return { key, value: text.slice(equals + 1, end - 1), end };
}

function addSparseNumber(numbers: string[], key: string, value: string): void {
  const expected = numbers.length % 2 === 0 ? SPARSE_OFFSET : SPARSE_LENGTH;
  if (key !== expected) throw malformed('its sparse regions are out of order');
  if (numbers.length >= 2 * MAX_SPARSE_REGIONS)
    throw new PullError('LIMIT_EXCEEDED', `a sparse file has more than ${MAX_SPARSE_REGIONS} regions`);
  numbers.push(value);
}

function nameIn(values: ReadonlyMap<string, string>, key: string): string | undefined {
  const value = values.get(key);
  if (value?.includes('\0')) throw malformed(`${key} holds a NUL`);
  return value === undefined ? undefined : detach(value);
}

/** A copy, because a slice would keep the whole header in memory for as long as the entry is known. */
export function detach(slice: string): string {
  return Buffer.from(slice, 'latin1').toString('latin1');
}

function integerIn(values: ReadonlyMap<string, string>, key: string): number | undefined {
  const text = values.get(key);
  if (text === undefined) return undefined;
  const value = decimal(text);
  if (value === undefined) throw malformed(`${key} is no usable number`);
  return value;
}

/** A non-negative decimal number, digits only, no larger than a safe integer. */
export function decimal(text: string): number | undefined {
  const value = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Seconds with an optional fraction. A fraction that a double would round up to the next second stays below it. */
function timeIn(values: ReadonlyMap<string, string>, key: string): number | undefined {
  const text = values.get(key);
  if (text === undefined) return undefined;
  const [, sign, whole, fraction] = /^(-?)([0-9]+)(?:\.([0-9]*))?$/.exec(text) ?? [];
  const seconds = Number(whole);
  if (!Number.isSafeInteger(seconds)) throw malformed(`${key} is no usable time`);
  const exact = Number(`${seconds}.${fraction || '0'}`);
  const kept = Math.floor(exact) === seconds ? exact : seconds + 0.999_999;
  return sign === '-' ? -kept : kept;
}

/** Of a time that `timeIn` has taken. */
function fractionIn(text = ''): { mtimeText?: string } {
  const [, seconds, fraction = ''] = /^(-?[0-9]+)\.([0-9]{1,9})/.exec(text) ?? [];
  return seconds === undefined || /^0*$/.test(fraction)
    ? {}
    : { mtimeText: detach(`${seconds}.${fraction}`) };
}

function xattrsIn(values: ReadonlyMap<string, string>): ReadonlyMap<string, Uint8Array> | undefined {
  let xattrs: Map<string, Uint8Array> | undefined;
  let total = 0;
  for (const [key, value] of values) {
    if (!key.startsWith(XATTR_PREFIX)) continue;
    const name = key.slice(XATTR_PREFIX.length);
    if (name === '') throw malformed('an extended attribute has no name');
    total += value.length;
    if (total > MAX_XATTR_BYTES)
      throw new PullError(
        'LIMIT_EXCEEDED',
        `an entry has more than ${MAX_XATTR_BYTES} bytes of extended attributes, the last one is ${showName(name)}`,
      );
    xattrs ??= new Map();
    xattrs.set(detach(name), unpooled(value));
  }
  return xattrs;
}

/** Memory of its own: a small Buffer from the pool would keep a whole slab alive for as long as the attribute is known. */
function unpooled(value: string): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(value.length);
  bytes.write(value, 'latin1');
  return bytes;
}

function sparseIn(values: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  let sparse: Map<string, string> | undefined;
  for (const [key, value] of values) {
    if (!key.startsWith(SPARSE_PREFIX)) continue;
    sparse ??= new Map();
    sparse.set(key.slice(SPARSE_PREFIX.length), value);
  }
  return sparse ?? NO_RECORDS;
}

function malformed(reason: string): PullError {
  return new PullError('TAR_INVALID', `a pax header is malformed: ${reason}`);
}
