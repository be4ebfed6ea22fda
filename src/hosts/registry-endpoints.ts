// The endpoints that a [[registry]] table of registries.conf gives to an image.
import { type Reference, repositoryName } from '../oci/reference.ts';
import type { Endpoint } from './endpoint.ts';
import { findRegistryTable, rewriteName } from './prefix.ts';
import type { MirrorTable, RegistriesConf, RegistryTable } from './registries-conf.ts';

/**
 * Its mirrors in the order of the file, and its location last unless that is blocked: a blocked registry with mirrors is how
 * OpenShift writes that only these may be asked. Throws CONFIG_INVALID where a location makes no name.
 */
export function registryEndpoints(
  reference: Reference,
  table: RegistryTable,
  conf: RegistriesConf,
): readonly Endpoint[] {
  const blocked = blockingTable(repositoryName(reference), conf) !== undefined;
  const mirrors = table.mirrors
    .filter(({ pullFrom }) => pullFrom !== 'tag-only' || reference.digest === undefined)
    .map((mirror) => endpoint(reference, table, mirror, servesTags(mirror, blocked)));
  return blocked ? mirrors : [...mirrors, endpoint(reference, table, table, true)];
}

/** The table that forbids to ask the registry of `name` itself, by its prefix or by its location. */
export function blockingTable(name: string, conf: RegistriesConf): RegistryTable | undefined {
  const table = findRegistryTable(conf, name);
  if (!table || table.blocked) return table;
  const place = repositoryName(rewriteName(name, table, table.location));
  const other = findRegistryTable(conf, place);
  return other?.blocked ? other : undefined;
}

/**
 * Whoever says what a tag means chooses the image. In containers/image every mirror may, unless it is digest-only; here only
 * one of which the file says so in words, or where nobody else is left to ask.
 */
function servesTags({ pullFrom }: MirrorTable, primaryBlocked: boolean): boolean {
  if (primaryBlocked) return pullFrom !== 'digest-only';
  return pullFrom === 'all' || pullFrom === 'tag-only';
}

function endpoint(
  reference: Reference,
  table: RegistryTable,
  { location, insecure }: { readonly location: string; readonly insecure: boolean },
  tags: boolean,
): Endpoint {
  const { registry, repository } = rewriteName(repositoryName(reference), table, location);
  const same = registry === reference.registry && repository === reference.repository;
  const source = same ? {} : { source: table.file };
  return { registry, repository, headers: {}, serves: { tags, digests: true }, insecure, ...source };
}
