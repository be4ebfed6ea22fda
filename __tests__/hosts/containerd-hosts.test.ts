import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { findHosts } from '../../src/hosts/find-hosts.ts';
import { parseReference } from '../../src/oci/reference.ts';
import { rejected } from '../support/pull-error.ts';
import { temporaryDirectories } from '../support/temporary.ts';
import { type Certificates, makeCertificates } from './certificates.ts';
import { settingsFor } from './settings.ts';
import { writeFiles } from './skopeo.ts';

const directory = temporaryDirectories();
let certificates: Certificates;
beforeAll(() => {
  certificates = makeCertificates(directory());
});

async function find(image: string, files: Readonly<Record<string, string>>, uid: number | undefined = 1000) {
  const machine = directory();
  writeFiles(machine, { 'hosts/other.test/hosts.toml': '' });
  writeFiles(join(machine, 'hosts'), files);
  const settings = settingsFor(machine, { hostsDirectory: join(machine, 'hosts'), uid });
  return findHosts({ reference: parseReference(image) }, settings);
}

/** A table of one mirror. */
function mirror(keys: string): Readonly<Record<string, string>> {
  return { 'reg.test/hosts.toml': `[host."https://m.test"]\n${keys}\n` };
}

describe('the directory of a registry', () => {
  const to = (host: string) => `server = "https://${host}"\n`;

  it.each([
    [
      'reg.test/x',
      { 'reg.test/hosts.toml': to('one.test'), '_default/hosts.toml': to('default.test') },
      'one.test',
    ],
    [
      'reg.test:5000/x',
      { 'reg.test_5000_/hosts.toml': to('a.test'), 'reg.test:5000/hosts.toml': to('b.test') },
      'a.test',
    ],
    [
      'reg.test:5000/x',
      { 'reg.test:5000/hosts.toml': to('b.test'), 'reg.test/hosts.toml': to('c.test') },
      'b.test',
    ],
    ['reg.test:5000/x', { 'reg.test/hosts.toml': to('c.test') }, 'reg.test:5000'],
    ['reg.test:5000/x', { '_default/hosts.toml': to('default.test') }, 'default.test'],
    ['ubuntu', { 'docker.io/hosts.toml': to('hub.test') }, 'hub.test'],
    ['reg.test/x', {}, 'reg.test'],
  ])('for %s of %j leads to %s', async (image, files, host) => {
    expect((await find(image, files)).hosts[0].registry).toBe(host);
  });

  it('must lie in a directory that is there', async () => {
    const settings = settingsFor(directory(), { hostsDirectory: '/no/such/directory' });
    const error = await rejected('CONFIG_INVALID', findHosts({ reference: parseReference('a') }, settings));
    expect(error.message).toBe('/no/such/directory: there is no such directory');
  });

  it('counts instead of registries.conf', async () => {
    const machine = directory();
    writeFiles(machine, {
      'hosts/reg.test/hosts.toml': to('containerd.test'),
      'etc/containers/registries.conf':
        '[[registry]]\nprefix = "reg.test"\nlocation = "conf.test"\n' +
        '[[registry]]\nlocation = "containerd.test"\ninsecure = true\n',
    });
    const settings = settingsFor(machine, { hostsDirectory: join(machine, 'hosts') });
    const { hosts } = await findHosts({ reference: parseReference('reg.test/x') }, settings);
    expect(hosts).toMatchObject([{ registry: 'containerd.test', tls: { verify: false } }]);
  });
});

describe('hosts', () => {
  it('come in the order of the file, the server last', async () => {
    const { hosts } = await find('reg.test/x', {
      'reg.test/hosts.toml':
        'server = "https://up.test"\n[host."https://z.test"]\n[host."https://a.test"]\n[host."https://a.test".header]\nx-a = "b"\n',
    });
    expect(hosts.map((host) => host.registry)).toEqual(['z.test', 'a.test', 'up.test']);
  });

  it.each([
    ['https://m.test', { registry: 'm.test', scheme: 'https' }],
    ['m.test:5000', { registry: 'm.test:5000', scheme: 'https' }],
    ['http://m.test:80', { registry: 'm.test', scheme: 'http' }],
    ['https://m.test/v2', { registry: 'm.test' }],
    ['https://m.test/some//path/', { apiPath: 'some/path/v2' }],
    ['https://m.test/some/v2/', { apiPath: 'some/v2' }],
  ])('%s', async (address, expected) => {
    const { hosts } = await find('reg.test/x', { 'reg.test/hosts.toml': `[host."${address}"]\n` });
    expect(hosts[0]).toMatchObject({ repository: 'x', namespace: 'reg.test', ...expected });
    if (!('apiPath' in expected)) expect(hosts[0].apiPath).toBeUndefined();
  });

  it.each([
    ['https://m.test/api', 'api'],
    ['https://m.test', ''],
  ])('%s with override_path has its path as it is', async (address, apiPath) => {
    const { hosts } = await find('reg.test/x', {
      'reg.test/hosts.toml': `[host."${address}"]\noverride_path = true\n`,
    });
    expect(hosts[0].apiPath).toBe(apiPath);
  });

  it('are told whom they stand in for, unless they are it', async () => {
    const own = 'server = "https://registry-1.docker.io"\n[host."https://m.test"]\n';
    const { hosts } = await find('ubuntu', { 'docker.io/hosts.toml': own });
    expect(hosts.map(({ registry, namespace }) => [registry, namespace])).toEqual([
      ['m.test', 'docker.io'],
      ['docker.io', undefined],
    ]);
  });

  it.each([
    ['', false, true],
    ['capabilities = []', false, true],
    ['capabilities = ["pull"]', false, true],
    ['capabilities = ["pull", "Resolve", "push", "referrers"]', true, true],
    ['capabilities = ["resolve"]', true, false],
  ])('with %j may be asked for tags: %s, for digests: %s', async (keys, tags, digests) => {
    const { hosts } = await find('reg.test/x', mirror(keys));
    expect(hosts[0].serves).toEqual({ tags, digests });
    expect(hosts.at(-1)).toMatchObject({ registry: 'reg.test', serves: { tags: true, digests: true } });
  });

  it('that may only be pushed to are left out', async () => {
    const { hosts } = await find('reg.test/x', mirror('capabilities = ["push"]'));
    expect(hosts.map((host) => host.registry)).toEqual(['reg.test']);
  });

  it('must be able to say what a tag means', async () => {
    const files = { 'reg.test/hosts.toml': 'server = "https://up.test"\ncapabilities = ["pull"]\n' };
    const error = await rejected('CONFIG_INVALID', find('reg.test/x:1', files));
    expect(error.message).toMatch(/hosts\.toml: no host of reg\.test\/x may be asked what the tag 1 means$/);
    const { hosts } = await find(`reg.test/x@sha256:${'a'.repeat(64)}`, files);
    expect(hosts).toHaveLength(1);
  });

  it('have headers, and skip_verify', async () => {
    const { hosts } = await find(
      'reg.test/x',
      mirror('skip_verify = true\nheader = { X-A = "one", x-b = ["1", "2"] }'),
    );
    expect(hosts[0]).toMatchObject({ headers: { 'x-a': 'one', 'x-b': '1, 2' }, tls: { verify: false } });
    expect(hosts[1]).toMatchObject({ headers: {}, tls: { verify: true } });
  });

  it('have certificates, by paths that start at the file', async () => {
    const { hosts } = await find('reg.test/x', {
      ...mirror(`ca = "ca.pem"\nclient = [["${certificates.certificateFile}", "${certificates.keyFile}"]]`),
      'reg.test/ca.pem': certificates.authority,
    });
    const { certificate, key, authority } = certificates;
    expect(hosts[0].tls).toMatchObject({ authorities: [authority.trim()], client: { certificate, key } });
    expect(hosts[1]?.tls).toMatchObject({ authorities: [], sources: [] });
  });

  it('may have certificate and key in one file, and more than one authority', async () => {
    const { certificate, key, authority } = certificates;
    const { hosts } = await find('reg.test/x', {
      ...mirror('ca = ["a.pem", "b.pem"]\nclient = "both.pem"'),
      'reg.test/both.pem': `${certificate}${key}`,
      'reg.test/a.pem': authority,
      'reg.test/b.pem': `${authority}\n${authority}`,
    });
    expect(hosts[0].tls.authorities).toHaveLength(3);
    expect(hosts[0].tls.client?.key).toContain(key);
  });

  it('without a hosts.toml are the registry, with the certificates in the directory', async () => {
    const { hosts } = await find('reg.test/x', { 'reg.test/own.crt': certificates.authority });
    expect(hosts).toMatchObject([
      { registry: 'reg.test', tls: { authorities: [certificates.authority.trim()] } },
    ]);
  });
});

describe('a hosts.toml that cannot be used is named', () => {
  it.each([
    ['[host."ftp://m.test"]', '"ftp://m.test" is not a plain http:// or https:// URL'],
    ['[host."https://u:secret@m.test"]', 'a host is not a plain http:// or https:// URL'],
    ['[host."https://m.test?secret"]', 'a host is not a plain http:// or https:// URL'],
    ['server = 1', '"server" is not a string'],
    ['[host]\n"https://m.test" = 1', 'host "https://m.test" is not a table'],
    ['[host."https://m.test"]\ncapabilities = "pull"', '"capabilities" is not a list of strings'],
    ['[host."https://m.test"]\nskip_verify = "yes"', '"skip_verify" is not true or false'],
    ['[host."https://m.test"]\nheader = { "a b" = "secret" }', 'the header "a b" cannot be sent'],
    ['[host."https://m.test"]\nheader = { a = "secret\\nb: c" }', 'the header "a" cannot be sent'],
    [
      '[host."https://m.test"]\nheader = { authorization = "secret',
      'it is not valid TOML, at line 2, column',
    ],
    ['[host."https://m.test"]\nca = 1', '"ca" is not a file name or a list of them'],
    [
      '[host."https://m.test"]\nclient = [["a"]]',
      '"client" is not a file name, or a list of them or of pairs',
    ],
  ])('%s', async (text, why) => {
    const error = await rejected('CONFIG_INVALID', find('reg.test/x', { 'reg.test/hosts.toml': text }));
    expect(error.message).toMatch(/reg\.test\/hosts\.toml: /);
    expect(error.message).toContain(why);
    expect(JSON.stringify([error.message, error.hint, String(error.cause)])).not.toContain('secret');
  });

  it.each(['ca', 'client'])('by the file that %s names', async (key) => {
    const error = await rejected('CONFIG_INVALID', find('reg.test/x', mirror(`${key} = "no.pem"`)));
    expect(error.message).toMatch(/reg\.test\/no\.pem: there is no such file$/);
  });
});
