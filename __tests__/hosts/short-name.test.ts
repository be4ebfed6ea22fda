import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findHosts } from '../../src/hosts/find-hosts.ts';
import { formatReference, parseReference } from '../../src/oci/reference.ts';
import { rejected } from '../support/pull-error.ts';
import { temporaryDirectories } from '../support/temporary.ts';
import { settingsFor } from './settings.ts';
import { writeFiles } from './skopeo.ts';

const directory = temporaryDirectories();
const CONF = 'etc/containers/registries.conf';
const DIGEST = `sha256:${'a'.repeat(64)}`;

async function resolve(name: string, conf: string, more: Readonly<Record<string, string>> = {}) {
  const machine = directory();
  writeFiles(machine, { [CONF]: conf, ...more });
  const found = await findHosts({ reference: parseReference(name), shortName: name }, settingsFor(machine));
  return {
    image: formatReference(found.reference),
    notes: found.notes.map((note) => note.replaceAll(machine, '')),
    asked: found.hosts.map((host) => `${host.registry}/${host.repository}`),
  };
}

const ALIASES = `[aliases]
ubuntu = "registry.test/base/ubuntu"
"library/alpine" = "localhost/alpine"
debian = "docker.io/library/debian"
fedora = "docker.io/fedora"
hub = "docker.io/else/where"
`;

describe('a short name', () => {
  it.each([
    ['busybox', '', 'docker.io/library/busybox:latest'],
    ['busybox', 'unqualified-search-registries = []', 'docker.io/library/busybox:latest'],
    ['busybox', 'unqualified-search-registries = ["one.test:5000"]', 'one.test:5000/busybox:latest'],
    ['team/app:1', 'unqualified-search-registries = ["one.test"]', 'one.test/team/app:1'],
    [`busybox@${DIGEST}`, 'unqualified-search-registries = ["one.test"]', `one.test/busybox@${DIGEST}`],
    ['busybox', 'unqualified-search-registries = ["docker.io"]', 'docker.io/library/busybox:latest'],
    [
      'busybox',
      'unqualified-search-registries = ["one.test", "index.docker.io"]',
      'docker.io/library/busybox:latest',
    ],
    ['ubuntu:24.04', ALIASES, 'registry.test/base/ubuntu:24.04'],
    [`ubuntu:1@${DIGEST}`, ALIASES, `registry.test/base/ubuntu:1@${DIGEST}`],
    ['library/ubuntu', ALIASES, 'docker.io/library/ubuntu:latest'],
    ['library/alpine', ALIASES, 'localhost/alpine:latest'],
    ['alpine', ALIASES, 'docker.io/library/alpine:latest'],
    ['fedora', ALIASES, 'docker.io/library/fedora:latest'],
    [
      'ubuntu',
      `unqualified-search-registries = ["a.test", "b.test"]\n${ALIASES}`,
      'registry.test/base/ubuntu:latest',
    ],
    ['ubuntu', `short-name-mode = "enforcing"\n${ALIASES}`, 'registry.test/base/ubuntu:latest'],
    [
      'busybox',
      'short-name-mode = "enforcing"\nunqualified-search-registries = ["a.test"]',
      'a.test/busybox:latest',
    ],
  ])('%s, with %j, means one image', async (name, conf, image) => {
    expect(await resolve(name, conf)).toMatchObject({ image });
  });

  it.each([
    ['several, without Docker Hub', 'unqualified-search-registries = ["a.test", "b.test"]', 'a.test, b.test'],
    [
      'several, though Docker Hub is one, if the mode is enforcing',
      'short-name-mode = "enforcing"\nunqualified-search-registries = ["a.test", "docker.io"]',
      'a.test, docker.io',
    ],
  ])('is refused where the registries to search are %s', async (_, conf, list) => {
    const error = await rejected('CONFIG_INVALID', resolve('busybox:1', conf));
    expect(error.message).toMatch(
      new RegExp(`/${CONF}: it leaves open which of ${list} busybox is taken from$`),
    );
    expect(error.hint).toBe('Write the image with its registry, as in a.test/busybox.');
  });

  it('is noted where a file moves it elsewhere', async () => {
    expect((await resolve('ubuntu:24.04', ALIASES)).notes).toEqual([
      `ubuntu stands for registry.test/base/ubuntu, because /${CONF} says so; it would be docker.io/library/ubuntu elsewhere`,
    ]);
    expect((await resolve('hub', ALIASES)).notes).toHaveLength(1);
  });

  it('is not noted where it stays what it is', async () => {
    expect((await resolve('debian', ALIASES)).notes).toEqual([]);
    expect((await resolve('busybox', '')).notes).toEqual([]);
  });

  it('is asked for where the table of what it stands for says', async () => {
    const conf = `[[registry]]\nprefix = "registry.test"\nlocation = "inner.test/r"\n${ALIASES}`;
    expect(await resolve('ubuntu', conf)).toMatchObject({ asked: ['inner.test/r/base/ubuntu'] });
  });

  it('loses an alias that a drop-in takes back', async () => {
    const more = { [`${CONF}.d/10.conf`]: '[aliases]\nubuntu = ""\n' };
    expect(await resolve('ubuntu', ALIASES, more)).toMatchObject({
      image: 'docker.io/library/ubuntu:latest',
    });
  });

  it('has the registries to search from the last file that names some', async () => {
    const more = { [`${CONF}.d/10.conf`]: 'unqualified-search-registries = ["late.test"]\n' };
    const found = await resolve('busybox', 'unqualified-search-registries = ["a.test", "b.test"]', more);
    expect(found).toMatchObject({
      image: 'late.test/busybox:latest',
      notes: [expect.stringContaining('10.conf')],
    });
  });

  it('is what podman was told when it asked', async () => {
    const more = {
      'home/.cache/containers/short-name-aliases.conf': '[aliases]\nubuntu = "told.test/ubuntu"\n',
    };
    expect(await resolve('ubuntu', ALIASES, more)).toMatchObject({ image: 'told.test/ubuntu:latest' });
  });
});

it('a name with a registry never touches aliases', async () => {
  const machine = directory();
  writeFiles(machine, { [CONF]: `unqualified-search-registries = ["a.test", "b.test"]\n${ALIASES}` });
  const reference = parseReference('docker.io/library/ubuntu:24.04');
  const found = await findHosts({ reference }, settingsFor(machine));
  expect(found).toMatchObject({ reference, notes: [] });
  expect(join(found.hosts[0].registry, found.hosts[0].repository)).toBe('docker.io/library/ubuntu');
});
