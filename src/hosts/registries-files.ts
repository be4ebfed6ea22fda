// registries.conf and its drop-ins, brought together.
import { basename, join } from 'node:path';
import { invalidConfig, listDirectory, type Note, readConfigFile } from './config-file.ts';
import type { HostSettings } from './host-settings.ts';
import { type Place, registriesPlaces } from './places.ts';
import {
  mergeRegistriesConf,
  NO_REGISTRIES,
  parseRegistriesConf,
  type RegistriesConf,
} from './registries-conf.ts';

/** Throws CONFIG_INVALID. */
export async function loadRegistriesConf(settings: HostSettings, note: Note): Promise<RegistriesConf> {
  const places = registriesPlaces(settings);
  const main = await firstFile(places.main, note);
  if (!main && places.named) throw absent(places.main[0]?.path ?? '', 'CONTAINERS_REGISTRIES_CONF');
  const files = [...(main ? [main] : []), ...(await dropIns(places.dropIns, note))];
  if (places.override) {
    const last = await firstFile([{ path: places.override, own: false }], note);
    if (!last) throw absent(places.override, 'CONTAINERS_REGISTRIES_CONF_OVERRIDE');
    files.push(last);
  }
  const conf = files.map(({ bytes, path }) => parseRegistriesConf(bytes, path));
  const merged = conf.reduce(mergeRegistriesConf, NO_REGISTRIES);
  const remembered = await firstFile([places.shortNames], note);
  if (!remembered) return merged;
  const { aliases } = parseRegistriesConf(remembered.bytes, remembered.path);
  return mergeRegistriesConf(merged, { ...NO_REGISTRIES, aliases });
}

interface Found {
  readonly path: string;
  readonly bytes: Uint8Array;
}

async function firstFile(places: readonly Place[], note: Note): Promise<Found | undefined> {
  for (const { path, own } of places) {
    const bytes = await readConfigFile(path, own ? note : undefined);
    if (bytes) return { path, bytes };
  }
  return undefined;
}

/** In the order of their names; of equal names the one that stands in the first directory. */
async function dropIns(directories: readonly Place[], note: Note): Promise<readonly Found[]> {
  const chosen = new Map<string, Place>();
  for (const { path, own } of directories.toReversed()) {
    const names = (await listDirectory(path, own ? note : undefined)) ?? [];
    for (const name of names.filter((each) => each.endsWith('.conf')))
      chosen.set(name, { path: join(path, name), own });
  }
  const sorted = [...chosen.values()].sort((a, b) => (basename(a.path) < basename(b.path) ? -1 : 1));
  const found = await Promise.all(sorted.map((place) => firstFile([place], note)));
  return found.filter((each) => each !== undefined);
}

function absent(path: string, variable: string) {
  return invalidConfig(path, `${variable} names it, but it is not there`);
}
