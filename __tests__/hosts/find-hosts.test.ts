import { describe, expect, it } from 'vitest';
import { findHosts, type HostSettings } from '../../src/hosts/find-hosts.ts';
import { parseReference } from '../../src/oci/reference.ts';
import { rejected } from '../support/pull-error.ts';
import { temporaryDirectories } from '../support/temporary.ts';
import { settingsFor } from './settings.ts';
import { writeFiles } from './skopeo.ts';

const directory = temporaryDirectories();
const CONF = 'etc/containers/registries.conf';
const DAEMON = 'etc/docker/daemon.json';
const DIGEST = `sha256:${'a'.repeat(64)}`;

interface Machine {
  readonly image?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly settings?: Partial<HostSettings>;
}

async function find({ image = 'ubuntu', files = {}, settings = {} }: Machine) {
  const machine = directory();
  writeFiles(machine, files);
  const found = await findHosts({ reference: parseReference(image) }, settingsFor(machine, settings));
  return { ...found, notes: found.notes.map((note) => note.replaceAll(machine, '')) };
}

/** Who is asked, as `[scheme://]host/repository`, with `#tags` behind those that may say what a tag means. */
async function asked(machine: Machine): Promise<readonly string[]> {
  return (await find(machine)).hosts.map(({ scheme, registry, apiPath, repository, serves }) =>
    [
      scheme ? `${scheme}://` : '',
      registry,
      apiPath ? `/${apiPath}` : '',
      '/',
      repository,
      serves.tags ? '#tags' : '',
    ].join(''),
  );
}

it('without any configuration the host is the reference’s own', async () => {
  expect(await find({ image: 'ghcr.io/team/app:1' })).toEqual({
    reference: { registry: 'ghcr.io', repository: 'team/app', tag: '1' },
    hosts: [
      {
        registry: 'ghcr.io',
        repository: 'team/app',
        headers: {},
        serves: { tags: true, digests: true },
        tls: { verify: true, authorities: [], sources: [] },
      },
    ],
    notes: [],
  });
});

describe('the input mirrors', () => {
  it.each([
    ['mirror.test', 'mirror.test/library/ubuntu'],
    ['mirror.test:5000', 'mirror.test:5000/library/ubuntu'],
    ['mirror.test/docker/hub/', 'mirror.test/docker/hub/library/ubuntu'],
    ['http://mirror:5000', 'http://mirror:5000/library/ubuntu'],
    ['https://mirror/hub', 'https://mirror/hub/library/ubuntu'],
    ['[::1]:5000/x', '[::1]:5000/x/library/ubuntu'],
    ['  docker.io=mirror.test ', 'mirror.test/library/ubuntu'],
    ['index.docker.io=https://mirror.test', 'https://mirror.test/library/ubuntu'],
    ['registry-1.docker.io=mirror.test', 'mirror.test/library/ubuntu'],
  ])('%s is asked before the registry itself, and never for a tag', async (line, host) => {
    expect(await asked({ settings: { mirrors: [line] } })).toEqual([host, 'docker.io/library/ubuntu#tags']);
  });

  it('come in their order, each once, and only for their registry', async () => {
    const mirrors = ['b.test', '', 'ghcr.io=g.test', 'a.test', 'b.test'];
    expect(await asked({ settings: { mirrors } })).toEqual([
      'b.test/library/ubuntu',
      'a.test/library/ubuntu',
      'docker.io/library/ubuntu#tags',
    ]);
    expect(await asked({ image: 'ghcr.io/a/b:1', settings: { mirrors: ['ghcr.io=g.test/p'] } })).toEqual([
      'g.test/p/a/b',
      'ghcr.io/a/b#tags',
    ]);
  });

  it('come before those of files', async () => {
    const files = {
      [CONF]: '[[registry]]\nlocation = "docker.io"\n[[registry.mirror]]\nlocation = "conf.test"\n',
    };
    expect(await asked({ files, settings: { mirrors: ['input.test'] } })).toEqual([
      'input.test/library/ubuntu',
      'conf.test/library/ubuntu',
      'docker.io/library/ubuntu#tags',
    ]);
  });

  it('may be declared insecure by registries.conf', async () => {
    const files = { [CONF]: '[[registry]]\nlocation = "input.test:80"\ninsecure = true\n' };
    const { hosts } = await find({ files, settings: { mirrors: ['input.test:80', 'other.test'] } });
    expect(hosts.map((host) => host.tls.verify)).toEqual([false, true, true]);
  });

  it.each([
    'ftp://mirror.test',
    'mirror.test/Upper',
    'mirror.test//x',
    'mirror .test',
    'mirror.test:port',
    'mirror.test/app:tag',
    'a=b=c',
    '=mirror.test',
    'ghcr.io=',
    'https://',
    '/path',
    '..',
    `mirror.test/${'a'.repeat(300)}`,
  ])('%j is refused, even for another registry', async (line) => {
    const settings = { mirrors: ['fine.test', line] };
    const error = await rejected('INPUT_INVALID', find({ image: 'ghcr.io/a/b', settings }));
    expect(error.message).toMatch(/^`mirrors`: ".*" is not host\[:port\]\[\/path\]$/);
  });

  it.each(['https://user:secret@mirror.test', 'user:secret@mirror.test', 'mirror.test?token=secret'])(
    'with a secret in it is refused without telling: %s',
    async (line) => {
      const error = await rejected('INPUT_INVALID', find({ settings: { mirrors: [line] } }));
      expect(`${error.message}${error.hint}`).not.toContain('secret');
    },
  );
});

describe('what registries.conf says', () => {
  it('makes a host insecure alone', async () => {
    const files = {
      [CONF]:
        '[[registry]]\nlocation = "a.test"\n[[registry.mirror]]\nlocation = "b.test"\ninsecure = true\n' +
        '[[registry]]\nlocation = "b.test"\n[[registry.mirror]]\nlocation = "c.test"\n',
    };
    const verified = async (image: string) =>
      (await find({ image, files })).hosts.map((host) => [host.registry, host.tls.verify]);
    expect(await verified('a.test/x')).toEqual([
      ['b.test', false],
      ['a.test', true],
    ]);
    expect(await verified('b.test/x')).toEqual([
      ['c.test', true],
      ['b.test', true],
    ]);
  });

  it('names the source of mirrors and of a location, not of the registry itself', async () => {
    const files = {
      [CONF]: '[[registry]]\nlocation = "a.test"\n[[registry.mirror]]\nlocation = "b.test"\n',
    };
    const { hosts } = await find({ image: 'a.test/x', files });
    expect(hosts.map((host) => host.source?.endsWith(CONF))).toEqual([true, undefined]);
  });

  it('blocks, by the name of the file', async () => {
    const files = { [CONF]: '[[registry]]\nlocation = "docker.io/library"\nblocked = true\n' };
    const error = await rejected('IMAGE_BLOCKED', find({ files }));
    expect(error.message).toMatch(
      new RegExp(`^docker.io/library/ubuntu must not be pulled here: /.*/${CONF} blocks docker.io/library$`),
    );
    expect(await asked({ image: 'team/app', files })).toEqual(['docker.io/team/app#tags']);
  });

  it('blocks also where the input or another file names hosts', async () => {
    const machine = {
      files: {
        [CONF]: '[[registry]]\nlocation = "docker.io"\nblocked = true\n',
        [DAEMON]: '{"registry-mirrors": ["https://daemon.test"]}',
        'hosts/docker.io/hosts.toml': 'server = "https://containerd.test"',
      },
      settings: { mirrors: ['input.test'] },
    };
    await rejected('IMAGE_BLOCKED', find(machine));
  });

  it('blocks a tag if only mirrors for digests are left', async () => {
    const mirror = '[[registry.mirror]]\nlocation = "b.test"\npull-from-mirror = "digest-only"\n';
    const files = { [CONF]: `[[registry]]\nlocation = "a.test"\nblocked = true\n${mirror}` };
    await rejected('IMAGE_BLOCKED', find({ image: 'a.test/x:1', files }));
    expect(await asked({ image: `a.test/x@${DIGEST}`, files })).toEqual(['b.test/x']);
  });

  it('notes a mirror that it blocks', async () => {
    const files = { [CONF]: '[[registry]]\nlocation = "m.test"\nblocked = true\n' };
    const { notes, hosts } = await find({ files, settings: { mirrors: ['m.test'] } });
    expect(hosts).toHaveLength(1);
    expect(notes).toEqual([`m.test/library/ubuntu is not asked: /${CONF} blocks m.test`]);
  });
});

describe('Docker’s daemon.json', () => {
  it('names mirrors of Docker Hub alone', async () => {
    const files = { [DAEMON]: '{"registry-mirrors": ["https://a.test/", "http://b.test:80/p/"]}' };
    expect(await asked({ files })).toEqual([
      'https://a.test/library/ubuntu',
      'http://b.test/p/v2/library/ubuntu',
      'docker.io/library/ubuntu#tags',
    ]);
    expect(await asked({ image: 'ghcr.io/a/b', files })).toEqual(['ghcr.io/a/b#tags']);
  });

  it('is not asked for mirrors where registries.conf names hosts', async () => {
    const files = {
      [DAEMON]: '{"registry-mirrors": ["https://a.test"]}',
      [CONF]: '[[registry]]\nprefix = "docker.io/library"\nlocation = "conf.test"\n',
    };
    expect(await asked({ files })).toEqual(['conf.test/ubuntu#tags']);
    expect(await asked({ image: 'team/app', files })).toEqual([
      'https://a.test/team/app',
      'docker.io/team/app#tags',
    ]);
  });

  it('of a user without root comes first', async () => {
    const files = {
      [DAEMON]: '{"registry-mirrors": ["https://a.test"]}',
      'home/.config/docker/daemon.json': '{"registry-mirrors": ["https://own.test"]}',
    };
    const own = 'https://own.test/library/ubuntu';
    const system = 'https://a.test/library/ubuntu';
    expect((await asked({ files, settings: { uid: 1000 } }))[0]).toBe(own);
    expect((await asked({ files, settings: { uid: 0 } }))[0]).toBe(system);
  });

  it.each([
    ['a.test', 'a.test/x', false],
    ['a.test', 'a.test:5000/x', true],
    ['A.test:5000', 'a.test:5000/x', false],
    ['10.1.0.0/16', '10.1.2.3:5000/x', false],
    ['10.1.0.0/16', '10.2.2.3/x', true],
    ['fd00::/8', '[fd00::1]:5000/x', false],
    ['10.1.0.0/99', '10.1.2.3/x', true],
    ['::/0', '10.1.2.3/x', true],
    ['http://a.test', 'a.test/x', true],
  ])('with %s in insecure-registries lets %s be verified: %s', async (entry, image, verify) => {
    const files = { [DAEMON]: JSON.stringify({ 'insecure-registries': [entry] }) };
    expect((await find({ image, files })).hosts[0].tls.verify).toBe(verify);
  });

  it.each([
    ['{', `/${DAEMON} is left out: /${DAEMON}: not valid JSON`],
    ['{"proxy": "http://u:secret', `/${DAEMON} is left out: /${DAEMON}: not valid JSON`],
    ['[]', `/${DAEMON} is left out: /${DAEMON}: not a JSON object`],
    [
      '{"registry-mirrors": "https://a.test"}',
      `/${DAEMON}: "registry-mirrors" is left out, because it is not a list of strings`,
    ],
    [
      '{"registry-mirrors": ["a.test"]}',
      `/${DAEMON}: "a.test" is left out, because it is not a plain http:// or https:// URL`,
    ],
    [
      '{"registry-mirrors": ["https://u:secret@a.test"]}',
      `/${DAEMON}: a mirror is left out, because it is not a plain http:// or https:// URL`,
    ],
    [
      '{"insecure-registries": [1]}',
      `/${DAEMON}: "insecure-registries" is left out, because it is not a list of strings`,
    ],
  ])('that is %s is noted, and no failure', async (text, note) => {
    const { hosts, notes } = await find({ files: { [DAEMON]: text } });
    expect(hosts).toHaveLength(1);
    expect(notes).toEqual([expect.stringContaining(note)]);
    expect(notes.join()).not.toContain('secret');
  });
});

it('tls-verify: false holds for all hosts', async () => {
  const { hosts } = await find({ settings: { tlsVerify: false, mirrors: ['a.test'] } });
  expect(hosts.map((host) => host.tls.verify)).toEqual([false, false]);
});
