import fc from 'fast-check';
import { stringify } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { PullError } from '../../src/errors.ts';
import { findHosts, type HostSettings } from '../../src/hosts/find-hosts.ts';
import { mirrorsFromInput } from '../../src/hosts/mirror-input.ts';
import { matchPrefix } from '../../src/hosts/prefix.ts';
import { parseReference } from '../../src/oci/reference.ts';
import { temporaryDirectories } from '../support/temporary.ts';
import { settingsFor } from './settings.ts';
import { writeFiles } from './skopeo.ts';

const directory = temporaryDirectories();
const reference = parseReference('reg.test/team/app:1');

/** Hosts, or an error of the closed list; anything else fails the test. */
async function survives(
  files: Readonly<Record<string, string | Uint8Array>>,
  more: Partial<HostSettings> = {},
) {
  const machine = directory();
  writeFiles(machine, files);
  const settings = settingsFor(machine, more.hostsDirectory ? { hostsDirectory: `${machine}/hosts` } : more);
  try {
    const { hosts } = await findHosts({ reference, shortName: 'team/app' }, settings);
    expect(hosts.length).toBeGreaterThan(0);
    expect(hosts.some((host) => host.serves.tags)).toBe(true);
  } catch (error) {
    expect(error).toBeInstanceOf(PullError);
    expect((error as PullError).code).not.toBe('INTERNAL');
  }
}

const KEYS = [
  'registry',
  'registries',
  'mirror',
  'prefix',
  'location',
  'insecure',
  'blocked',
  'pull-from-mirror',
  'aliases',
  'team/app',
  'mirror-by-digest-only',
  'unqualified-search-registries',
  'short-name-mode',
  'search',
  'server',
  'host',
  'https://m.test',
  'capabilities',
  'ca',
  'client',
  'skip_verify',
  'header',
  'override_path',
  'registry-mirrors',
  'insecure-registries',
  '__proto__',
];
const WORDS = [
  'reg.test',
  'reg.test/team',
  '*.test',
  'a.test',
  'all',
  'tag-only',
  'resolve',
  'pull',
  'https://m.test',
  '/',
  '',
  '10.0.0.0/8',
];
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constantFrom(...WORDS),
    fc.boolean(),
    fc.string(),
    fc.integer(),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...KEYS), tie('value'), { maxKeys: 5 }),
  ),
}));
const document = fc.dictionary(fc.constantFrom(...KEYS), value, { maxKeys: 6 });

describe('whatever stands in a file, there are hosts or an error that names it', () => {
  const CONF = 'etc/containers/registries.conf';
  const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), document.map(asToml));

  it('registries.conf', () => fc.assert(fc.asyncProperty(text, (conf) => survives({ [CONF]: conf }))));

  it('registries.conf of any bytes', () =>
    fc.assert(fc.asyncProperty(fc.uint8Array(), (conf) => survives({ [CONF]: conf }))));

  it('a drop-in', () =>
    fc.assert(
      fc.asyncProperty(document.map(asToml), document.map(asToml), (conf, dropIn) =>
        survives({ [CONF]: conf, [`${CONF}.d/a.conf`]: dropIn }),
      ),
    ));

  it('hosts.toml', () =>
    fc.assert(
      fc.asyncProperty(text, (hosts) =>
        survives({ 'hosts/reg.test/hosts.toml': hosts }, { hostsDirectory: 'hosts' }),
      ),
    ));

  it('daemon.json', () => {
    const json = fc.oneof(
      fc.string(),
      fc.json(),
      document.map((each) => JSON.stringify(each)),
    );
    return fc.assert(fc.asyncProperty(json, (daemon) => survives({ 'etc/docker/daemon.json': daemon })));
  });

  it('certificates', () =>
    fc.assert(
      fc.asyncProperty(fc.base64String(), fc.constantFrom('a.crt', 'a.cert', 'a.key'), (pem, name) =>
        survives({
          [`etc/docker/certs.d/reg.test/${name}`]: `-----BEGIN CERTIFICATE-----\n${pem}\n-----END CERTIFICATE-----\n`,
        }),
      ),
    ));
});

it('whatever stands in the input mirrors, it is a mirror or refused', () => {
  const line = fc.oneof(fc.string(), fc.stringMatching(/^[a-zA-Z0-9.:/=@[\]-]{1,40}$/));
  fc.assert(
    fc.property(line, (text) => {
      try {
        for (const mirror of mirrorsFromInput([text], reference)) {
          const again = parseReference(`${mirror.registry.replace(/(?<!:\d+)$/, ':1')}/${mirror.repository}`);
          expect(again.repository).toBe(mirror.repository);
        }
      } catch (error) {
        expect(error).toMatchObject({ code: 'INPUT_INVALID' });
      }
    }),
  );
});

it('a prefix fits only where a part of the name ends', () => {
  const part = fc.stringMatching(/^[a-z]{1,3}$/);
  const name = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
  fc.assert(
    fc.property(name, name, (whole, prefix) => {
      expect(matchPrefix(whole, prefix)).toBe(`${whole}/`.startsWith(`${prefix}/`) ? prefix.length : 0);
    }),
  );
});

function asToml(record: Record<string, unknown>): string {
  try {
    return stringify(record);
  } catch {
    return '';
  }
}
