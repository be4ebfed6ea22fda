// From a name without a registry to the one image it stands for. Nobody is asked, and no list is tried in turn: whoever can
// push to one of several registries would decide what is pulled.
import { DOCKER_HUB } from '../oci/docker-hub.ts';
import { parseReference, type Reference, repositoryName } from '../oci/reference.ts';
import { invalidConfig, type Note } from './config-file.ts';
import type { RegistriesConf } from './registries-conf.ts';

/**
 * `reference`: what the short name means where no file says otherwise (Docker Hub).
 * Throws CONFIG_INVALID where files leave open what it means.
 */
export function resolveShortName(
  reference: Reference,
  shortName: string,
  conf: RegistriesConf,
  note: Note,
): Reference {
  const short = withoutTarget(shortName);
  const alias = conf.aliases.get(short);
  const found = alias?.name === undefined ? fromSearch(short, conf) : { name: alias.name, file: alias.file };
  if (!found) return reference;
  const { registry, repository } = parseReference(found.name);
  const resolved = { ...reference, registry, repository };
  const names = [resolved, reference].map(repositoryName);
  if (names[0] !== names[1])
    note(`${short} stands for ${names[0]}, because ${found.file} says so; it would be ${names[1]} elsewhere`);
  return resolved;
}

function fromSearch(short: string, conf: RegistriesConf): { name: string; file: string } | undefined {
  const { registries, file } = conf.search ?? { registries: [], file: '' };
  const [first, second] = registries;
  if (first === undefined) return undefined;
  if (second === undefined) return { name: `${first}/${short}`, file };
  if (registries.includes(DOCKER_HUB) && conf.shortNameMode !== 'enforcing') return undefined;
  throw invalidConfig(file, `it leaves open which of ${registries.join(', ')} ${short} is taken from`, {
    hint: `Write the image with its registry, as in ${first}/${short}.`,
  });
}

/** Without tag and digest. */
function withoutTarget(name: string): string {
  return name.replace(/@.*$/s, '').replace(/:[^/]*$/, '');
}
