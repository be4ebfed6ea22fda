import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import { findHosts, type HostSettings } from '../../src/hosts/find-hosts.ts';
import { parseReference } from '../../src/oci/reference.ts';
import { rejected } from '../support/pull-error.ts';
import { temporaryDirectories } from '../support/temporary.ts';
import { type Certificates, makeCertificates } from './certificates.ts';
import { settingsFor } from './settings.ts';
import { writeFiles } from './skopeo.ts';

const directory = temporaryDirectories();
let made: Certificates;
beforeAll(() => {
  made = makeCertificates(directory());
});

interface Machine {
  readonly files: Readonly<Record<string, string>>;
  readonly image?: string;
  readonly settings?: Partial<HostSettings>;
}

async function tlsOn({ files, image = 'reg.test:5000/x', settings = {} }: Machine) {
  const machine = directory();
  writeFiles(machine, files);
  const found = await findHosts({ reference: parseReference(image) }, settingsFor(machine, settings));
  const { tls } = found.hosts[0];
  const short = (text: string) => text.replaceAll(machine, '');
  return { ...tls, sources: tls.sources.map(short), notes: found.notes.map(short), hosts: found.hosts };
}

const PLACES = [
  'home/.config/containers/certs.d',
  'etc/containers/certs.d',
  'etc/containers/certs.rootless.d',
  'etc/containers/certs.rootless.d/1000',
  'usr/share/containers/certs.d',
  'usr/share/containers/certs.rootless.d',
  'usr/share/containers/certs.rootless.d/1000',
  'home/.config/docker/certs.d',
  'etc/docker/certs.d',
];

describe('the directory of certificates', () => {
  it.each(PLACES.map((place, index) => [place, PLACES.slice(index)] as const))(
    'in %s comes before all further ones',
    async (place, places) => {
      const files = Object.fromEntries(
        places.map((each) => [`${each}/reg.test:5000/ca.crt`, made.authority]),
      );
      const tls = await tlsOn({ files });
      expect(tls).toMatchObject({ verify: true, authorities: [made.authority.trim()] });
      expect(tls.sources).toEqual([`/${place}/reg.test:5000/ca.crt`]);
    },
  );

  it('is that for root where root pulls', async () => {
    const files = Object.fromEntries(
      ['etc/containers/certs.rootless.d', 'etc/containers/certs.rootful.d'].map((place) => [
        `${place}/reg.test:5000/ca.crt`,
        made.authority,
      ]),
    );
    const tls = await tlsOn({ files, settings: { uid: 0 } });
    expect(tls.sources).toEqual(['/etc/containers/certs.rootful.d/reg.test:5000/ca.crt']);
  });

  it('is for one host with its port', async () => {
    const files = { 'etc/docker/certs.d/reg.test/ca.crt': made.authority };
    expect(await tlsOn({ files })).toMatchObject({ authorities: [] });
    expect(await tlsOn({ files, image: 'reg.test/x' })).toMatchObject({
      authorities: [made.authority.trim()],
    });
  });

  it('of Docker Hub is docker.io', async () => {
    const files = { 'etc/docker/certs.d/docker.io/ca.crt': made.authority };
    expect(await tlsOn({ files, image: 'ubuntu' })).toMatchObject({ authorities: [made.authority.trim()] });
  });

  it('has no colon on Windows', async () => {
    const files = { 'etc/docker/certs.d/reg.test5000/ca.crt': made.authority };
    expect(await tlsOn({ files, settings: { uid: undefined } })).toMatchObject({
      authorities: [made.authority.trim()],
    });
  });

  it('of a mirror is the mirror’s own', async () => {
    const files = { 'etc/docker/certs.d/m.test/ca.crt': made.authority };
    const { hosts } = await tlsOn({ files, settings: { mirrors: ['m.test'] } });
    expect(hosts.map((host) => host.tls.authorities.length)).toEqual([1, 0]);
  });
});

describe('in a directory of certificates', () => {
  const place = 'etc/docker/certs.d/reg.test:5000';

  it('*.crt are authorities, *.cert and *.key what the client shows, and nothing else counts', async () => {
    const tls = await tlsOn({
      files: {
        [`${place}/b.crt`]: `text before\n${made.authority}${rootCertificates[0]}`,
        [`${place}/a.crt`]: made.authority,
        [`${place}/client.cert`]: made.certificate,
        [`${place}/client.key`]: made.key,
        [`${place}/README`]: 'text',
        [`${place}/old.crt/x`]: 'text',
      },
    });
    expect(tls.authorities).toEqual([made.authority.trim(), made.authority.trim(), rootCertificates[0]]);
    expect(tls.client).toEqual({ certificate: made.certificate, key: made.key });
    expect(tls.sources).toEqual(
      ['a.crt', 'b.crt', 'client.cert', 'client.key'].map((name) => `/${place}/${name}`),
    );
  });

  it('of several clients the first counts, with a note', async () => {
    const files = ['a', 'b'].flatMap((name) => [
      [`${place}/${name}.cert`, made.certificate],
      [`${place}/${name}.key`, made.key],
    ]);
    const tls = await tlsOn({ files: Object.fromEntries(files) });
    expect(tls.notes).toEqual([`of several client certificates only /${place}/a.cert is used`]);
  });

  it.each([
    ['client.cert', 'client.key'],
    ['client.key', 'client.cert'],
  ])('half a pair is refused: %s', async (half, missing) => {
    const error = await rejected(
      'CONFIG_INVALID',
      tlsOn({ files: { [`${place}/${half}`]: made.certificate } }),
    );
    expect(error.message).toMatch(new RegExp(`${place}/${half}: ${missing} is not beside it$`));
  });

  it.each([
    ['ca.crt', 'it holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)', { 'ca.crt': 'text' }],
    [
      'ca.crt',
      'certificate 1 of 1 cannot be read',
      { 'ca.crt': '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' },
    ],
  ])('%s is refused by name: %s', async (name, why, contents) => {
    const files = Object.entries(contents).map(([each, text]) => [`${place}/${each}`, text]);
    const error = await rejected('CONFIG_INVALID', tlsOn({ files: Object.fromEntries(files) }));
    expect(error.message).toMatch(new RegExp(`/${place}/${name}: `));
    expect(error.message).toContain(why);
  });

  it('a key that is none is refused without telling what it holds', async () => {
    const files = { [`${place}/c.cert`]: made.certificate, [`${place}/c.key`]: 'secret' };
    const error = await rejected('CONFIG_INVALID', tlsOn({ files }));
    expect(error.message).toMatch(/c\.key: it holds no private key that can be read without a password$/);
    expect(`${error.message}${error.cause}`).not.toContain('secret');
  });

  it('the key of another certificate is refused', async () => {
    const files = { [`${place}/c.cert`]: made.authority, [`${place}/c.key`]: made.key };
    const error = await rejected('CONFIG_INVALID', tlsOn({ files }));
    expect(error.message).toMatch(/c\.key: it is not the key of the certificate in \/.*c\.cert$/);
  });

  it('a link that leads nowhere does not count', async () => {
    const machine = directory();
    writeFiles(machine, { [`${place}/a.crt`]: made.authority });
    symlinkSync('/nowhere', join(machine, place, 'b.crt'));
    const { hosts } = await findHosts({ reference: parseReference('reg.test:5000/x') }, settingsFor(machine));
    expect(hosts[0].tls.authorities).toHaveLength(1);
  });
});

describe('the authority file', () => {
  it('is for every host, beside what directories hold', async () => {
    const files = { 'etc/docker/certs.d/m.test/ca.crt': made.authority };
    const settings = { authorityFile: made.authorityFile, mirrors: ['m.test'] };
    const { hosts } = await tlsOn({ files, settings });
    const [authority] = [readFileSync(made.authorityFile, 'utf8').trim()];
    expect(hosts.map((host) => host.tls.authorities)).toEqual([[authority, authority], [authority]]);
    expect(hosts[1]?.tls.sources).toEqual([made.authorityFile]);
  });

  it('must be there', async () => {
    const settings = { authorityFile: '/no/such/file.pem' };
    const error = await rejected('CONFIG_INVALID', tlsOn({ files: {}, settings }));
    expect(error.message).toBe('/no/such/file.pem: there is no such file');
  });
});
