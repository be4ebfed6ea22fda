// Reading JSON that came from outside: only own properties count, ambiguous documents are refused.
import { PullError } from '../errors.ts';

export type JsonRecord = Readonly<Record<string, unknown>>;

/**
 * Parses a UTF-8 JSON document that must be an object.
 * Throws LIMIT_EXCEEDED above `maxBytes`, MANIFEST_INVALID for anything malformed or ambiguous.
 */
export function parseJsonObject(bytes: Uint8Array, what: string, maxBytes: number): JsonRecord {
  if (bytes.length > maxBytes)
    throw new PullError('LIMIT_EXCEEDED', `${what}: ${bytes.length} bytes exceed the limit of ${maxBytes}`);
  const text = decodeUtf8(bytes, what);
  const value = parseText(text, what);
  if (!isJsonRecord(value)) throw new PullError('MANIFEST_INVALID', `${what}: not a JSON object`);
  const twice = findRepeatedKey(text);
  if (twice !== undefined)
    throw new PullError('MANIFEST_INVALID', `${what}: an object has the key ${quote(twice)} twice`, {
      hint: 'Tools disagree about which of the two counts, so the document is refused.',
    });
  return value;
}

export function isJsonRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An own property, with null counted as absent because Go writes null for an empty list or map. */
export function field(record: JsonRecord, key: string): unknown {
  return Object.hasOwn(record, key) ? (record[key] ?? undefined) : undefined;
}

/** An optional string property; `what` names the record in the MANIFEST_INVALID error. */
export function stringField(record: JsonRecord, key: string, what: string): string | undefined {
  const value = field(record, key);
  if (value === undefined || typeof value === 'string') return value;
  throw new PullError('MANIFEST_INVALID', `${what}: "${key}" is not a string`);
}

/** An optional list property; absent and null read as empty. */
export function arrayField(record: JsonRecord, key: string, what: string): readonly unknown[] {
  const value = field(record, key) ?? [];
  if (Array.isArray(value)) return value;
  throw new PullError('MANIFEST_INVALID', `${what}: "${key}" is not a list`);
}

const MAX_QUOTED_LENGTH = 300;

/** Foreign text for a message: one line, quoted, without control characters, not endless. */
export function quote(text: string): string {
  const short = text.length > MAX_QUOTED_LENGTH ? `${text.slice(0, MAX_QUOTED_LENGTH)}…` : text;
  return JSON.stringify(short).replace(
    /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function decodeUtf8(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new PullError('MANIFEST_INVALID', `${what}: not valid UTF-8`, { cause });
  }
}

function parseText(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PullError('MANIFEST_INVALID', `${what}: not valid JSON`, { cause });
  }
}

/**
 * A key that stands twice in one object of a valid JSON text: JSON.parse takes the last one, other readers do not.
 * At the top level keys that differ only in case count as the same, because Go reads them so.
 */
function findRepeatedKey(text: string): string | undefined {
  const open: Set<string>[] = [];
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '{') open.push(new Set());
    else if (char === '}') open.pop();
    else if (char === '"') {
      const end = endOfString(text, at);
      const keys = isBeforeColon(text, end) ? open.at(-1) : undefined;
      if (keys) {
        const key: string = JSON.parse(text.slice(at, end));
        const name = open.length === 1 ? key.toUpperCase().toLowerCase() : key;
        if (keys.has(name)) return key;
        keys.add(name);
      }
      at = end - 1;
    }
  }
  return undefined;
}

/** One past the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

function isBeforeColon(text: string, start: number): boolean {
  const colon = /[ \t\n\r]*:/y;
  colon.lastIndex = start;
  return colon.test(text);
}
