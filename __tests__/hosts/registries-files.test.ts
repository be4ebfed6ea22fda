import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findHosts, type HostSettings } from '../../src/hosts/find-hosts.ts';
import { parseReference } from '../../src/oci/reference.ts';
import { rejected } from '../support/pull-error.ts';
import { temporaryDirectories } from '../support/temporary.ts';
import { settingsFor } from './settings.ts';
import { writeFiles } from './skopeo.ts';

const directory = temporaryDirectories();
const ETC = 'etc/containers/registries.conf';
const USR = 'usr/share/containers/registries.conf';
const OWN = 'home/.config/containers/registries.conf';

/** A file that sends example.com to another host. */
function to(host: string): string {
  return `[[registry]]\nprefix = "example.com"\nlocation = "${host}"\n`;
}

function machineWith(files: Readonly<Record<string, string>>): string {
  const machine = directory();
  writeFiles(machine, files);
  return machine;
}

/** The host that serves example.com/app, and the notes. */
async function hostOn(machine: string, more: Partial<HostSettings> = {}) {
  const found = await findHosts({ reference: parseReference('example.com/app') }, settingsFor(machine, more));
  return { host: found.hosts[0].registry, source: found.hosts[0].source, notes: found.notes };
}

describe('the main file', () => {
  it.each([
    [
      'the user’s, of all three',
      { [OWN]: to('own.test'), [ETC]: to('etc.test'), [USR]: to('usr.test') },
      'own.test',
    ],
    ['that in /etc, of two', { [ETC]: to('etc.test'), [USR]: to('usr.test') }, 'etc.test'],
    ['that in /usr/share, alone', { [USR]: to('usr.test') }, 'usr.test'],
    ['none', {}, 'example.com'],
  ])('is %s', async (_, files, host) => {
    expect(await hostOn(machineWith(files))).toMatchObject({ host });
  });

  it('lies below XDG_CONFIG_HOME if there is one', async () => {
    const machine = machineWith({ [OWN]: to('own.test'), 'xdg/containers/registries.conf': to('xdg.test') });
    const env = { XDG_CONFIG_HOME: join(machine, 'xdg') };
    expect(await hostOn(machine, { env })).toMatchObject({ host: 'xdg.test' });
  });

  it('is the source of the host, by its path', async () => {
    const machine = machineWith({ [ETC]: to('etc.test') });
    expect(await hostOn(machine)).toMatchObject({ source: join(machine, ETC) });
  });

  it('named by CONTAINERS_REGISTRIES_CONF takes the place of all others and of the drop-ins', async () => {
    const machine = machineWith({
      [OWN]: to('own.test'),
      [`${ETC}.d/a.conf`]: to('drop-in.test'),
      'named.conf': to('named.test'),
    });
    const env = { CONTAINERS_REGISTRIES_CONF: join(machine, 'named.conf') };
    expect(await hostOn(machine, { env })).toMatchObject({ host: 'named.test' });
  });

  it.each(['CONTAINERS_REGISTRIES_CONF', 'CONTAINERS_REGISTRIES_CONF_OVERRIDE'])(
    'named by %s must be there',
    async (variable) => {
      const machine = directory();
      const error = await rejected(
        'CONFIG_INVALID',
        hostOn(machine, { env: { [variable]: join(machine, 'no.conf') } }),
      );
      expect(error.message).toBe(`${join(machine, 'no.conf')}: ${variable} names it, but it is not there`);
    },
  );
});

describe('drop-ins', () => {
  it('come in the order of their names, whatever directory they lie in', async () => {
    const machine = machineWith({
      [`${USR}.d/30.conf`]: to('usr.test'),
      [`${ETC}.d/20.conf`]: to('etc.test'),
      [`${OWN}.d/10.conf`]: to('own.test'),
    });
    expect(await hostOn(machine)).toMatchObject({ host: 'usr.test' });
  });

  it.each([
    ['the user’s', [OWN, ETC, USR], OWN],
    ['that in /etc', [ETC, USR], ETC],
    [
      'that for other users than root',
      [USR.replace('.conf', '.rootless.conf')],
      USR.replace('.conf', '.rootless.conf'),
    ],
  ])('of equal names only %s counts', async (_, mains, winner) => {
    const files = mains.map((main) => [
      `${main}.d/10.conf`,
      to(main === winner ? 'winner.test' : 'other.test'),
    ]);
    expect(await hostOn(machineWith(Object.fromEntries(files)))).toMatchObject({ host: 'winner.test' });
  });

  it.each([
    [0, 'rootful.test'],
    [1000, 'of-1000.test'],
    [1001, 'rootless.test'],
    [undefined, 'rootful.test'],
  ])('for root, others, and one user: uid %s', async (uid, host) => {
    const machine = machineWith({
      'etc/containers/registries.rootful.conf.d/10.conf': to('rootful.test'),
      'etc/containers/registries.rootless.conf.d/10.conf': to('rootless.test'),
      'etc/containers/registries.rootless.conf.d/1000/20.conf': to('of-1000.test'),
    });
    expect(await hostOn(machine, { uid })).toMatchObject({ host });
  });

  it('come before CONTAINERS_REGISTRIES_CONF_OVERRIDE', async () => {
    const machine = machineWith({ [`${OWN}.d/z.conf`]: to('drop-in.test'), 'last.conf': to('last.test') });
    const env = { CONTAINERS_REGISTRIES_CONF_OVERRIDE: join(machine, 'last.conf') };
    expect(await hostOn(machine, { env })).toMatchObject({ host: 'last.test' });
  });

  it('may be links that lead nowhere, and directories do not count', async () => {
    const machine = machineWith({ [`${ETC}.d/10.conf`]: to('etc.test'), [`${ETC}.d/20.conf/x`]: '' });
    symlinkSync('/nowhere', join(machine, `${ETC}.d/30.conf`));
    expect(await hostOn(machine)).toMatchObject({ host: 'etc.test' });
  });
});

describe('a file that cannot be used is named', () => {
  it.each([
    ['no TOML', 'a = "secret" b', 'it is not valid TOML, at line 1, column 14'],
    ['no UTF-8', Buffer.from([0x61, 0xff]), 'it is not UTF-8'],
    [
      'version 1',
      '[registries.search]\nregistries = []',
      'it is in version 1 of the format ([registries.search] and the like)',
    ],
    ['no list', 'registry = "a"', '"registry" is not a list of tables'],
    [
      'no host to search',
      'unqualified-search-registries = ["a/b"]',
      '"a/b" in unqualified-search-registries is not a registry host',
    ],
    [
      'a name to search',
      'unqualified-search-registries = ["name"]',
      '"name" in unqualified-search-registries is not a registry host',
    ],
    ['too large', Buffer.alloc(5 * 1024 * 1024, 0x23), 'its 5242880 bytes exceed the limit of 4194304'],
  ])('%s', async (_, text, why) => {
    const machine = directory();
    writeFiles(machine, { [ETC]: text });
    const error = await rejected('CONFIG_INVALID', hostOn(machine));
    expect(error.message).toBe(`${join(machine, ETC)}: ${why}`);
    expect(error.cause === undefined || error.cause instanceof TypeError).toBe(true);
  });

  it('a directory in its place', async () => {
    const machine = directory();
    mkdirSync(join(machine, ETC), { recursive: true });
    const error = await rejected('CONFIG_INVALID', hostOn(machine));
    expect(error.message).toBe(`${join(machine, ETC)}: it is not a file`);
  });

  it.skipIf(process.getuid?.() === 0)('one of the system that may not be read', async () => {
    const machine = machineWith({ [ETC]: to('etc.test') });
    chmodSync(join(machine, ETC), 0);
    const error = await rejected('CONFIG_INVALID', hostOn(machine));
    expect(error.message).toBe(`${join(machine, ETC)}: it cannot be read`);
  });

  it.skipIf(process.getuid?.() === 0)('but one of the user’s is only noted', async () => {
    const machine = machineWith({ [ETC]: to('etc.test'), [OWN]: to('own.test') });
    chmodSync(join(machine, 'home/.config'), 0);
    const found = await hostOn(machine);
    chmodSync(join(machine, 'home/.config'), 0o700);
    expect(found.host).toBe('etc.test');
    expect(found.notes[0]).toBe(`${join(machine, OWN)} is left out: this user may not read it`);
  });
});
