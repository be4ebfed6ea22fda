// TOML files, read field by field: unknown keys are ignored, values of a wrong type are refused.
import { parse, TomlError } from 'smol-toml';
import { isJsonRecord, type JsonRecord } from '../oci/json.ts';
import { decodeConfig, invalidConfig } from './config-file.ts';

/** One table. Keys are asked for in lower case and found in any, because the decoders of Go find them so. */
export interface TomlTable {
  readonly file: string;
  value(key: string): unknown;
  text(key: string): string | undefined;
  flag(key: string): boolean | undefined;
  texts(key: string): readonly string[] | undefined;
  table(key: string): TomlTable | undefined;
  tables(key: string): readonly TomlTable[];
  /** Names and values in the order of the file, names as they are written. */
  entries(): readonly (readonly [string, unknown])[];
}

/** Throws CONFIG_INVALID. */
export function parseToml(bytes: Uint8Array, file: string): TomlTable {
  const text = decodeConfig(bytes, file);
  try {
    return tomlTable(parse(text), file);
  } catch (error) {
    throw invalidConfig(file, syntaxFault(error));
  }
}

export function tomlTable(record: JsonRecord, file: string): TomlTable {
  const value = (key: string) => {
    const exact = Object.hasOwn(record, key) ? key : undefined;
    const name = exact ?? Object.keys(record).find((other) => other.toLowerCase() === key);
    return name === undefined ? undefined : record[name];
  };
  const typed = <Type>(key: string, what: string, is: (found: unknown) => found is Type) => {
    const found = value(key);
    if (found === undefined || is(found)) return found;
    throw invalidConfig(file, `"${key}" is not ${what}`);
  };
  return {
    file,
    value,
    text: (key) => typed(key, 'a string', isText),
    flag: (key) => typed(key, 'true or false', (found) => typeof found === 'boolean'),
    texts: (key) => typed(key, 'a list of strings', isTexts),
    table: (key) => {
      const found = typed(key, 'a table', isJsonRecord);
      return found && tomlTable(found, file);
    },
    tables: (key) => (typed(key, 'a list of tables', isTables) ?? []).map((each) => tomlTable(each, file)),
    entries: () => Object.entries(record),
  };
}

export function isText(value: unknown): value is string {
  return typeof value === 'string';
}

export function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isText);
}

function isTables(value: unknown): value is readonly JsonRecord[] {
  return Array.isArray(value) && value.every(isJsonRecord);
}

/** Without the lines around the fault that the parser quotes, and without it as a cause: they may hold a secret. */
function syntaxFault(error: unknown): string {
  if (!(error instanceof TomlError)) return 'it is not valid TOML';
  return `it is not valid TOML, at line ${error.line}, column ${error.column}`;
}
