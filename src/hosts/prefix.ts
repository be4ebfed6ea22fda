// Which [[registry]] table speaks for a name, and what the name becomes at a location.
import { quote } from '../oci/json.ts';
import { parseReference, repositoryName } from '../oci/reference.ts';
import { invalidConfig } from './config-file.ts';
import type { RegistriesConf, RegistryTable } from './registries-conf.ts';

/** The table with the longest prefix that fits `name` (`registry/repository`). */
export function findRegistryTable(conf: RegistriesConf, name: string): RegistryTable | undefined {
  const fitting = [...conf.registries.values()].filter(({ prefix }) => matchPrefix(name, prefix) > 0);
  // containers/image walks the tables sorted by prefix and keeps the first of the longest.
  fitting.sort((a, b) => b.prefix.length - a.prefix.length || (a.prefix < b.prefix ? -1 : 1));
  return fitting[0];
}

/** How much of `name` the prefix stands for, in characters; 0: it does not fit. */
export function matchPrefix(name: string, prefix: string): number {
  const domain = prefix.startsWith('*.') ? prefix.slice(1) : undefined;
  const start = domain === undefined ? (name.startsWith(prefix) ? 0 : -1) : name.indexOf(domain);
  if (start < 0 || name.slice(0, start).includes('/')) return 0;
  const end = start + (domain ?? prefix).length;
  // A colon too: containers/image lets "example.com" stand for "example.com:5000" as well.
  return end === name.length || ':/@'.includes(name.charAt(end)) ? end : 0;
}

/** `name` with `location` in place of the table's prefix. Throws CONFIG_INVALID where that is no name. */
export function rewriteName(name: string, table: RegistryTable, location: string) {
  if (location === '') return parseReference(name);
  const text = `${location}${name.slice(matchPrefix(name, table.prefix))}`;
  const reference = tryParse(text);
  if (!reference || repositoryName(reference) !== text)
    throw invalidConfig(
      table.file,
      `the location ${quote(location)} makes ${quote(text)} of ${name}, which is not registry/repository`,
    );
  return reference;
}

function tryParse(text: string) {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}
