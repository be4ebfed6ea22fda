// Where configuration lies on this machine, in the search order of containers/image and Docker.
// https://github.com/containers/image/blob/main/docs/containers-registries.conf.5.md
import { join } from 'node:path';
import type { HostSettings } from './host-settings.ts';

/** A file or directory, and whether it is the user's own: of these, unreadable ones are only noted. */
export interface Place {
  readonly path: string;
  readonly own: boolean;
}

export interface RegistriesPlaces {
  /** The first that exists counts. */
  readonly main: readonly Place[];
  /** `main` was named by the environment, so it must exist. */
  readonly named: boolean;
  /** Of files of equal name, the one in the first directory counts. */
  readonly dropIns: readonly Place[];
  /** Read last; must exist. */
  readonly override: string | undefined;
  /** What podman remembers of its questions about short names. */
  readonly shortNames: Place;
}

export function registriesPlaces(settings: HostSettings): RegistriesPlaces {
  const { env } = settings;
  const named = env.CONTAINERS_REGISTRIES_CONF || undefined;
  const own = { path: join(userDirectory(settings), 'containers/registries.conf'), own: true };
  const system = systemDirectories(settings).map((path) => join(path, 'registries.conf'));
  const dropIns = [
    { path: `${own.path}.d`, own: true },
    ...system.flatMap((path) => dropInDirectories(path, '.conf', settings.uid)),
  ];
  return {
    main: named ? [{ path: named, own: false }] : [own, ...system.map((path) => ({ path, own: false }))],
    named: named !== undefined,
    dropIns: named ? [] : dropIns,
    override: env.CONTAINERS_REGISTRIES_CONF_OVERRIDE || undefined,
    shortNames: shortNamesPlace(settings),
  };
}

/** Directories of which one may hold a directory of certificates for a host; the first that does counts. */
export function certificatePlaces(settings: HostSettings): readonly string[] {
  const { root = '/', uid } = settings;
  const rootless = (uid ?? 0) > 0 ? [join(userDirectory(settings), 'docker/certs.d')] : [];
  return [
    join(userDirectory(settings), 'containers/certs.d'),
    ...systemDirectories(settings).flatMap((path) =>
      dropInDirectories(join(path, 'certs'), '', uid).map((place) => place.path),
    ),
    ...rootless,
    join(root, 'etc/docker/certs.d'),
  ];
}

/** Docker's `daemon.json`; the first that exists counts. */
export function daemonPlaces(settings: HostSettings): readonly string[] {
  const { root = '/', uid } = settings;
  const rootless = (uid ?? 0) > 0 ? [join(userDirectory(settings), 'docker/daemon.json')] : [];
  return [...rootless, join(root, 'etc/docker/daemon.json')];
}

/** `NAME.conf` → `NAME.conf.d`, and the directories for root alone or for other users alone. */
function dropInDirectories(file: string, extension: string, uid: number | undefined): readonly Place[] {
  const stem = file.slice(0, file.length - extension.length);
  const rootless = (uid ?? 0) > 0;
  const special = `${stem}.${rootless ? 'rootless' : 'rootful'}${extension}.d`;
  const paths = [`${file}.d`, special, ...(rootless ? [join(special, String(uid))] : [])];
  return paths.map((path) => ({ path, own: false }));
}

function shortNamesPlace({ env, home, uid, root = '/' }: HostSettings): Place {
  const cache = uid === 0 ? join(root, 'var/cache') : env.XDG_CACHE_HOME || join(home, '.cache');
  return { path: join(cache, 'containers/short-name-aliases.conf'), own: true };
}

function systemDirectories({ root = '/' }: HostSettings): readonly string[] {
  return [join(root, 'etc/containers'), join(root, 'usr/share/containers')];
}

function userDirectory({ env, home }: HostSettings): string {
  return env.XDG_CONFIG_HOME || join(home, '.config');
}
