// Times and extended attributes as a table of contents writes them.

import { isJsonRecord } from '../oci/json.ts';
import { MAX_XATTR_BYTES } from '../tar/limits.ts';

/** RFC 3339, with up to nine digits of a fraction. */
const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))$/;
/** Go's time.Time before it is set. */
const NO_TIME = '0001-01-01T00:00:00Z';
const NANOSECONDS = 1_000_000_000;

/** Seconds since the epoch, in the form of TarEntry.mtime. Absent is the epoch itself; undefined: no time. */
export function parseTime(value: unknown): number | undefined {
  if (value === undefined || value === null || value === '' || value === NO_TIME) return 0;
  const match = typeof value === 'string' ? TIME.exec(value) : null;
  if (!match) return undefined;
  const [, local = '', fraction = '', sign, hours, minutes] = match;
  const milliseconds = Date.parse(`${local}Z`);
  // Date.parse moves the 31st of a shorter month, and 24:00, to the day after.
  if (Number.isNaN(milliseconds) || !new Date(milliseconds).toISOString().startsWith(local)) return undefined;
  const offset = sign === undefined ? 0 : (sign === '-' ? -60 : 60) * (Number(hours) * 60 + Number(minutes));
  if (Number(hours ?? 0) > 23 || Number(minutes ?? 0) > 59) return undefined;
  return toSeconds(milliseconds / 1000 - offset, Number(fraction.padEnd(9, '0')));
}

/** The double that the tar reader makes of the same time: it reads decimal text, and never rounds up to the next second. */
function toSeconds(floor: number, nanoseconds: number): number {
  const isNegative = floor < 0 && nanoseconds > 0;
  const whole = isNegative ? -(floor + 1) : floor;
  const fraction = String(isNegative ? NANOSECONDS - nanoseconds : nanoseconds).padStart(9, '0');
  const exact = Number(`${whole}.${fraction}`);
  const kept = Math.trunc(exact) === whole ? exact : whole + 0.999_999;
  return isNegative ? -kept : kept;
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Names in the form of TarEntry.xattrs. Like a pax record, an attribute without a value is none. */
export function parseXattrs(value: unknown): ReadonlyMap<string, Uint8Array> | undefined | 'malformed' {
  if (value === undefined || value === null) return undefined;
  if (!isJsonRecord(value)) return 'malformed';
  let xattrs: Map<string, Uint8Array> | undefined;
  let total = 0;
  for (const [name, text] of Object.entries(value)) {
    if (text === '' || text === null) continue;
    if (typeof text !== 'string' || name === '' || /[\0\ufffd\p{Surrogate}]/u.test(name)) return 'malformed';
    if (text.length > 2 * MAX_XATTR_BYTES || !BASE64.test(text)) return 'malformed';
    const bytes = unpooled(text);
    total += bytes.length;
    if (total > MAX_XATTR_BYTES) return 'malformed';
    xattrs ??= new Map();
    xattrs.set(Buffer.from(name).toString('latin1'), bytes);
  }
  return xattrs;
}

/** Memory of its own: a small Buffer from the pool would keep a whole slab alive for as long as the attribute is known. */
function unpooled(base64: string): Uint8Array {
  const decoded = Buffer.from(base64, 'base64');
  const bytes = Buffer.allocUnsafeSlow(decoded.length);
  bytes.set(decoded);
  return bytes;
}
