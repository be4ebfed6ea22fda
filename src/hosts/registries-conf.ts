// One registries.conf: its tables checked as containers/image checks them, and one laid over another.
// https://github.com/containers/image/blob/main/docs/containers-registries.conf.5.md
import { DOCKER_HUB, isDockerHub } from '../oci/docker-hub.ts';
import { quote } from '../oci/json.ts';
import { namesRegistry, parseReference, repositoryName } from '../oci/reference.ts';
import { invalidConfig } from './config-file.ts';
import { isText, parseToml, type TomlTable } from './toml.ts';

const PULL_FROM_MIRROR = ['all', 'digest-only', 'tag-only'] as const;
const SHORT_NAME_MODES = ['enforcing', 'permissive', 'disabled'] as const;

export interface MirrorTable {
  readonly location: string;
  readonly insecure: boolean;
  /** As written; undefined where the file is silent. */
  readonly pullFrom: (typeof PULL_FROM_MIRROR)[number] | undefined;
}

export interface RegistryTable {
  readonly prefix: string;
  /** Empty only beside a prefix with a wildcard: the name stays as it is. */
  readonly location: string;
  readonly insecure: boolean;
  readonly blocked: boolean;
  readonly mirrors: readonly MirrorTable[];
  readonly file: string;
}

export interface Alias {
  /** `registry/repository`; undefined where a later file took the alias back. */
  readonly name: string | undefined;
  readonly file: string;
}

export interface RegistriesConf {
  /** By prefix. */
  readonly registries: ReadonlyMap<string, RegistryTable>;
  readonly aliases: ReadonlyMap<string, Alias>;
  readonly search: { readonly registries: readonly string[]; readonly file: string } | undefined;
  readonly shortNameMode: (typeof SHORT_NAME_MODES)[number] | undefined;
}

export const NO_REGISTRIES: RegistriesConf = {
  registries: new Map(),
  aliases: new Map(),
  search: undefined,
  shortNameMode: undefined,
};

/** Throws CONFIG_INVALID. */
export function parseRegistriesConf(bytes: Uint8Array, file: string): RegistriesConf {
  const root = parseToml(bytes, file);
  refuseVersion1(root);
  const tables = root.tables('registry').map(parseRegistry);
  refuseConflicts(tables);
  const search = root.texts('unqualified-search-registries')?.map((text) => parseSearchRegistry(text, file));
  return {
    // Of equal prefixes in one file the first counts.
    registries: new Map(tables.toReversed().map((table) => [table.prefix, table])),
    aliases: parseAliases(root),
    search: search && { registries: search, file },
    shortNameMode: oneOf(root, 'short-name-mode', SHORT_NAME_MODES),
  };
}

/** `over` decides, table by table and alias by alias. */
export function mergeRegistriesConf(under: RegistriesConf, over: RegistriesConf): RegistriesConf {
  return {
    registries: new Map([...under.registries, ...over.registries]),
    aliases: new Map([...under.aliases, ...over.aliases]),
    search: over.search ?? under.search,
    shortNameMode: over.shortNameMode ?? under.shortNameMode,
  };
}

function refuseVersion1(root: TomlTable): void {
  const old = root.value('registries') === undefined ? undefined : root.table('registries');
  if (!['search', 'insecure', 'block'].some((key) => old?.value(key) !== undefined)) return;
  throw invalidConfig(root.file, 'it is in version 1 of the format ([registries.search] and the like)', {
    hint: 'Write it in version 2: unqualified-search-registries and [[registry]] tables, see containers-registries.conf(5).',
  });
}

function parseRegistry(table: TomlTable): RegistryTable {
  const location = parseLocation(table, 'location');
  const prefix = parseLocation(table, 'prefix') || location;
  const wildcard = prefix.startsWith('*.');
  if (!prefix) throw invalidConfig(table.file, 'a [[registry]] has neither prefix nor location');
  if (!location && !wildcard)
    throw invalidConfig(table.file, `the registry ${quote(prefix)} has no location`);
  if (wildcard && /[/@:]/.test(prefix))
    throw invalidConfig(table.file, `the prefix ${quote(prefix)} is not in the form *.example.com`);
  if (table.value('pull-from-mirror') !== undefined && table.text('pull-from-mirror') !== '')
    throw invalidConfig(
      table.file,
      `pull-from-mirror stands beside the registry ${quote(prefix)}, not its mirror`,
    );
  return {
    prefix,
    location,
    insecure: table.flag('insecure') ?? false,
    blocked: table.flag('blocked') ?? false,
    mirrors: parseMirrors(table, prefix),
    file: table.file,
  };
}

function parseMirrors(registry: TomlTable, prefix: string): readonly MirrorTable[] {
  const digestOnly = registry.flag('mirror-by-digest-only') ?? false;
  return registry.tables('mirror').map((table) => {
    const location = parseLocation(table, 'location');
    if (!location) throw invalidConfig(table.file, `a mirror of ${quote(prefix)} has no location`);
    const pullFrom = oneOf(table, 'pull-from-mirror', PULL_FROM_MIRROR);
    if (pullFrom && digestOnly)
      throw invalidConfig(
        table.file,
        `the registry ${quote(prefix)} has mirror-by-digest-only, and its mirror ${quote(location)} pull-from-mirror`,
        {
          hint: 'Leave out mirror-by-digest-only, and set pull-from-mirror = "digest-only" for each mirror.',
        },
      );
    return {
      location,
      insecure: table.flag('insecure') ?? false,
      pullFrom: digestOnly ? 'digest-only' : pullFrom,
    };
  });
}

function parseLocation(table: TomlTable, key: string): string {
  const text = table.text(key) ?? '';
  if (/^https?:\/\//.test(text))
    throw invalidConfig(table.file, `the ${key} ${quote(text)} has a scheme`, {
      hint: text.startsWith('https')
        ? 'Leave out "https://": it is asked by TLS anyway.'
        : 'Leave out "http://". Only if it really speaks no TLS, set insecure = true beside it.',
    });
  return text.replace(/\/+$/, '');
}

/** One location must not be both secure and insecure, or blocked and not: which of the two counted would be chance. */
function refuseConflicts(tables: readonly RegistryTable[]): void {
  const seen = new Map<string, RegistryTable>();
  for (const table of tables) {
    const place = table.location || table.prefix;
    const other = seen.get(place) ?? table;
    seen.set(place, other);
    for (const key of ['insecure', 'blocked'] as const) {
      if (table[key] !== other[key])
        throw invalidConfig(table.file, `${quote(place)} stands there with and without "${key}"`);
    }
  }
}

function parseSearchRegistry(text: string, file: string): string {
  const host = text.replace(/\/+$/, '');
  const name = parseName(`${host}/name`);
  if (!name || host.includes('/') || (name.registry === DOCKER_HUB && !isDockerHub(host)))
    throw invalidConfig(file, `${quote(text)} in unqualified-search-registries is not a registry host`);
  return name.registry;
}

function parseAliases(root: TomlTable): ReadonlyMap<string, Alias> {
  const entries = root.table('aliases')?.entries() ?? [];
  return new Map(entries.map(([short, value]) => [short, parseAlias(root.file, short, value)]));
}

function parseAlias(file: string, short: string, value: unknown): Alias {
  if (!isShortName(short)) throw invalidConfig(file, `the alias ${quote(short)} is not a short name`);
  if (!isText(value)) throw invalidConfig(file, `the alias ${quote(short)} is not a string`);
  if (value === '') return { name: undefined, file };
  const name = namesRegistry(value) ? parseName(value) : undefined;
  if (!name)
    throw invalidConfig(
      file,
      `the alias ${quote(short)} stands for ${quote(value)}, not for registry/repository`,
    );
  return { name: repositoryName(name), file };
}

function isShortName(text: string): boolean {
  return !namesRegistry(text) && parseName(text) !== undefined;
}

/** A name without tag and digest; undefined where it is something else. */
function parseName(text: string) {
  if (/@|:[^/]*$/.test(text)) return undefined;
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}

function oneOf<Value extends string>(table: TomlTable, key: string, values: readonly Value[]) {
  const text = table.text(key);
  const found = values.find((value) => value === text);
  if (text === undefined || text === '' || found) return found;
  throw invalidConfig(table.file, `${key} is ${quote(text)}, not ${values.join(', ')}`);
}
