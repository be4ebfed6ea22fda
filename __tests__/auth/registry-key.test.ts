import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalKey, canonicalRegistry, helperServer, keysOf } from '../../src/auth/registry-key.ts';

describe('canonicalRegistry', () => {
  it.each([
    ['ghcr.io', 'ghcr.io'],
    ['GHCR.io', 'ghcr.io'],
    ['localhost:5000', 'localhost:5000'],
    ['host.test:443', 'host.test:443'],
    ['[::1]:5000', '[::1]:5000'],
    ['docker.io', 'docker.io'],
    ['index.docker.io', 'docker.io'],
    ['registry-1.docker.io', 'docker.io'],
    ['hub.docker.io', 'hub.docker.io'],
    ['docker.io:443', 'docker.io:443'],
    ['user@ghcr.io', undefined],
    ['ghcr.io/', undefined],
    ['ghcr.io:', undefined],
    [' ghcr.io', undefined],
    ['', undefined],
  ])('of %j is %j', (registry, expected) => {
    expect(canonicalRegistry(registry)).toBe(expected);
  });
});

describe('canonicalKey', () => {
  it.each([
    ['ghcr.io', 'ghcr.io'],
    ['ghcr.io/', 'ghcr.io'],
    ['ghcr.io/v2/', 'ghcr.io'],
    ['ghcr.io/v1/', 'ghcr.io'],
    ['ghcr.io/v2', 'ghcr.io/v2'],
    ['https://ghcr.io', 'ghcr.io'],
    ['https://ghcr.io/', 'ghcr.io'],
    ['HTTPS://GHCR.io/v2/', 'ghcr.io'],
    ['http://host.test:5000/v1/', 'host.test:5000'],
    ['https://host.test/some/path', 'host.test'],
    ['https://index.docker.io/v1/', 'docker.io'],
    ['https://index.docker.io/v1', 'docker.io'],
    ['https://registry-1.docker.io/v2/', 'docker.io'],
    ['index.docker.io/team', 'docker.io/team'],
    ['quay.io/team/app', 'quay.io/team/app'],
    ['quay.io/team/', 'quay.io/team'],
    ['https://index.docker.io/v1/access-token', undefined],
    ['https://index.docker.io/v1/refresh-token', undefined],
    ['https://user:pass@ghcr.io/', undefined],
    ['https://', undefined],
    ['__proto__', '__proto__'],
    ['', undefined],
  ])('of %j is %j', (key, expected) => {
    expect(canonicalKey(key)).toBe(expected);
  });

  it('knows no namespaces in the oldest files', () => {
    expect(canonicalKey('quay.io/team/app', true)).toBe('quay.io');
    expect(canonicalKey('https://index.docker.io/v1/', true)).toBe('docker.io');
  });
});

describe('keysOf', () => {
  it('lists the most specific key first, and the registry last', () => {
    expect(keysOf('Quay.io:443', 'team/group/app')).toEqual([
      'quay.io:443/team/group/app',
      'quay.io:443/team/group',
      'quay.io:443/team',
      'quay.io:443',
    ]);
    expect(keysOf('index.docker.io', 'library/alpine')).toEqual([
      'docker.io/library/alpine',
      'docker.io/library',
      'docker.io',
    ]);
    expect(keysOf('not a host', 'app')).toEqual([]);
  });
});

describe('helperServer', () => {
  it('is the host, and an old URL for Docker Hub', () => {
    expect(helperServer('quay.io:5000')).toBe('quay.io:5000');
    expect(helperServer('docker.io')).toBe('https://index.docker.io/v1/');
  });
});

const label = fc.stringMatching(/^[a-z0-9]{1,4}$/);
const host = fc
  .tuple(
    fc.oneof(fc.constantFrom('docker.io', 'ghcr.io', 'index.docker.io'), label),
    fc.option(label),
    fc.option(fc.nat(65535)),
  )
  .map(([name, sub, port]) => `${sub === null ? '' : `${sub}.`}${name}${port === null ? '' : `:${port}`}`);
const HUB = ['docker.io', 'index.docker.io', 'registry-1.docker.io'];
const isSameRegistry = (a: string, b: string) => a === b || (HUB.includes(a) && HUB.includes(b));
const repository = fc.array(label, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));

describe('the comparison of hosts', () => {
  it('never takes one host for another, however the key is spelled', () => {
    const spelling = fc.constantFrom(
      (name: string) => name,
      (name: string) => name.toUpperCase(),
      (name: string) => `https://${name}`,
      (name: string) => `https://${name}/v2/`,
      (name: string) => `${name}/`,
    );
    // Hosts that hold one another are the ones that a comparison of parts would mix up.
    const pair = fc.oneof(
      fc.tuple(host, host),
      host.chain((one) =>
        fc.tuple(
          fc.constant(one),
          fc.constantFrom(one, `${one}.evil.test`, `evil${one}`, `x.${one}`, `${one}0`),
        ),
      ),
    );
    fc.assert(
      fc.property(pair, repository, spelling, ([asked, kept], name, spell) => {
        const key = canonicalKey(spell(kept));
        expect(key !== undefined && keysOf(asked, name).includes(key)).toBe(isSameRegistry(asked, kept));
      }),
    );
  });

  it('matches no key of any text but those that begin with the host', () => {
    fc.assert(
      fc.property(host, repository, fc.string(), (asked, name, text) => {
        for (const key of [text, `${text}${asked}`, `https://${text}${asked}/`, `${asked}${text}`]) {
          const canonical = canonicalKey(key);
          if (canonical === undefined || !keysOf(asked, name).includes(canonical)) continue;
          const [written = ''] = key.replace(/^https?:\/\//i, '').split('/');
          expect(isSameRegistry(written.toLowerCase(), asked)).toBe(true);
        }
      }),
    );
  });
});
