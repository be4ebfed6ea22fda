import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatReference, parseReference, referenceTarget, repositoryName } from '../../src/oci/reference.ts';
import { thrown } from '../support/pull-error.ts';

const SHA256 = `sha256:${'f'.repeat(64)}`;
const SHA512 = `sha512:${'f'.repeat(128)}`;
const ID = '1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a';

/** Text → what it means. Most are the cases that distribution/reference tests itself with. */
const ACCEPTED: readonly [
  text: string,
  registry: string,
  repository: string,
  tag?: string | undefined,
  digest?: string,
][] = [
  // Docker Hub's short forms
  ['redis', 'docker.io', 'library/redis', 'latest'],
  ['redis:7', 'docker.io', 'library/redis', '7'],
  ['docker.io/redis', 'docker.io', 'library/redis', 'latest'],
  ['docker.io/library/redis:7', 'docker.io', 'library/redis', '7'],
  ['index.docker.io/redis', 'docker.io', 'library/redis', 'latest'],
  ['index.docker.io/library/redis', 'docker.io', 'library/redis', 'latest'],
  ['index.docker.io/fooo/bar', 'docker.io', 'fooo/bar', 'latest'],
  ['library/ubuntu', 'docker.io', 'library/ubuntu', 'latest'],
  ['library/foo/bar', 'docker.io', 'library/foo/bar', 'latest'],
  ['docker.io/library/foo/bar', 'docker.io', 'library/foo/bar', 'latest'],
  ['store/foo/bar', 'docker.io', 'store/foo/bar', 'latest'],
  ['other/library', 'docker.io', 'other/library', 'latest'],
  ['ubuntu-12.04-base', 'docker.io', 'library/ubuntu-12.04-base', 'latest'],
  [`redis@${SHA256}`, 'docker.io', 'library/redis', undefined, SHA256],
  [`redis:7@${SHA256}`, 'docker.io', 'library/redis', '7', SHA256],
  // without a slash all is a repository of Docker Hub
  ['localhost', 'docker.io', 'library/localhost', 'latest'],
  [`localhost:8080@${SHA256}`, 'docker.io', 'library/localhost', '8080', SHA256],
  ['test.com', 'docker.io', 'library/test.com', 'latest'],
  ['test.com:tag', 'docker.io', 'library/test.com', 'tag'],
  ['test.com:5000', 'docker.io', 'library/test.com', '5000'],
  ['test_com', 'docker.io', 'library/test_com', 'latest'],
  ['foo_bar.com:8080', 'docker.io', 'library/foo_bar.com', '8080'],
  ['192.168.1.1', 'docker.io', 'library/192.168.1.1', 'latest'],
  ['192.168.1.1:5000', 'docker.io', 'library/192.168.1.1', '5000'],
  ['lowercase:Uppercase', 'docker.io', 'library/lowercase', 'Uppercase'],
  // a first part that is no host is a namespace
  ['test_com/foo', 'docker.io', 'test_com/foo', 'latest'],
  ['docker/migrator', 'docker.io', 'docker/migrator', 'latest'],
  ['foo/foo_bar.com:8080', 'docker.io', 'foo/foo_bar.com', '8080'],
  ['d/docker', 'docker.io', 'd/docker', 'latest'],
  ['docker---rules/docker', 'docker.io', 'docker---rules/docker', 'latest'],
  ['dock__er/docker', 'docker.io', 'dock__er/docker', 'latest'],
  ['aa-a/a', 'docker.io', 'aa-a/a', 'latest'],
  ['a/a/a/a', 'docker.io', 'a/a/a/a', 'latest'],
  [
    'thisisthesongthatneverendsitgoesonandonandonthisisthesongthatnev',
    'docker.io',
    'library/thisisthesongthatneverendsitgoesonandonandonthisisthesongthatnev',
    'latest',
  ],
  [ID.slice(1), 'docker.io', `library/${ID.slice(1)}`, 'latest'],
  [`docker.io/${ID}`, 'docker.io', `library/${ID}`, 'latest'],
  // hosts
  ['test.com/repo:tag', 'test.com', 'repo', 'tag'],
  ['test:5000/repo', 'test:5000', 'repo', 'latest'],
  ['test:5000/repo:tag', 'test:5000', 'repo', 'tag'],
  [`test:5000/repo@${SHA256}`, 'test:5000', 'repo', undefined, SHA256],
  [`test:5000/repo:tag@${SHA256}`, 'test:5000', 'repo', 'tag', SHA256],
  ['localhost/repo', 'localhost', 'repo', 'latest'],
  [`localhost:8080/name@${SHA256}`, 'localhost:8080', 'name', undefined, SHA256],
  ['sub-dom1.foo.com/bar/baz/quux:some-long-tag', 'sub-dom1.foo.com', 'bar/baz/quux', 'some-long-tag'],
  [
    'b.gcr.io/test.example.com/my-app:test.example.com',
    'b.gcr.io',
    'test.example.com/my-app',
    'test.example.com',
  ],
  ['xn--n3h.com/myimage:xn--n3h.com', 'xn--n3h.com', 'myimage', 'xn--n3h.com'],
  [`xn--7o8h.com/myimage:t@${SHA512}`, 'xn--7o8h.com', 'myimage', 't', SHA512],
  ['xn--n3h.com:18080/foo', 'xn--n3h.com:18080', 'foo', 'latest'],
  [
    'example.com/some_separator__underscore/myimage',
    'example.com',
    'some_separator__underscore/myimage',
    'latest',
  ],
  [
    'registry.io/foo/project--id.module--name.ver---sion--name',
    'registry.io',
    'foo/project--id.module--name.ver---sion--name',
    'latest',
  ],
  ['ab.c-om/r', 'ab.c-om', 'r', 'latest'],
  ['0101.com/r', '0101.com', 'r', 'latest'],
  ['001a.com/r', '001a.com', 'r', 'latest'],
  ['b.gbc.io:443/r', 'b.gbc.io:443', 'r', 'latest'],
  ['Asdf.com/foo/bar', 'Asdf.com', 'foo/bar', 'latest'],
  ['Foo/bar', 'Foo', 'bar', 'latest'],
  ['FOO/bar', 'FOO', 'bar', 'latest'],
  ['Uppercase/lowercase:tag', 'Uppercase', 'lowercase', 'tag'],
  ['192.168.1.1/repo', '192.168.1.1', 'repo', 'latest'],
  ['192.168.1.1:5000/repo:5050', '192.168.1.1:5000', 'repo', '5050'],
  ['127.0.0.1:5000/docker/docker', '127.0.0.1:5000', 'docker/docker', 'latest'],
  ['192.168.0.1:8/debian', '192.168.0.1:8', 'debian', 'latest'],
  ['[2001:db8::1]/repo', '[2001:db8::1]', 'repo', 'latest'],
  ['[2001:db8:1:2:3:4:5:6]/repo:tag', '[2001:db8:1:2:3:4:5:6]', 'repo', 'tag'],
  ['[2001:db8::1]:5000/repo', '[2001:db8::1]:5000', 'repo', 'latest'],
  [`[2001:db8::1]:5000/repo:tag@${SHA256}`, '[2001:db8::1]:5000', 'repo', 'tag', SHA256],
  ['[2001:db8::]:5000/repo', '[2001:db8::]:5000', 'repo', 'latest'],
  ['[::1]:5000/repo', '[::1]:5000', 'repo', 'latest'],
  ['[fc00:1:2:3:4:5:6:7]:5000/library/debian', '[fc00:1:2:3:4:5:6:7]:5000', 'library/debian', 'latest'],
  // limits
  [`h.io/${'a/'.repeat(127)}a:long-tag`, 'h.io', `${'a/'.repeat(127)}a`, 'long-tag'],
  [`a:${'t'.repeat(128)}`, 'docker.io', 'library/a', 't'.repeat(128)],
  ['a:_', 'docker.io', 'library/a', '_'],
];

const REFUSED: readonly string[] = [
  '',
  ':justtag',
  `@${SHA256}`,
  '/',
  '/repo',
  'repo/',
  'docker.io/',
  'repo:',
  'repo@',
  `repo@sha256:${'f'.repeat(34)}`,
  `repo@SHA256:${'f'.repeat(64)}`,
  `repo@sha256:${'F'.repeat(64)}`,
  `validname@invaliddigest:${'f'.repeat(64)}`,
  `repo@${SHA256}:tag`,
  `repo@${SHA256}@${SHA256}`,
  'registry.com:8080/myapp@sha256:badbadbadbad',
  'registry.com:8080/myapp@bad',
  'registry.com:8080/myapp:invalid~tag',
  'repo:tag:tag',
  'busybox:-foo',
  'busybox:.foo',
  `a:${'t'.repeat(129)}`,
  'Uppercase:tag',
  'test:5000/Uppercase/lowercase:tag',
  'docker/Docker',
  'docker.io/docker/Docker',
  'Foo/FarB',
  `h.io/${'a/'.repeat(128)}a:tag`,
  'aa/asdf$$^/aa',
  'a^a',
  'a//a/a',
  'a/a/a/a/',
  'docker///docker',
  'docker.io/docker///docker',
  '-foo',
  '-docker/docker',
  'docker-/docker',
  '-docker-/docker',
  'foo/bar-',
  'foo/-bar',
  'foo.com/a-/a/a',
  '____/____',
  '_docker/_docker',
  'docker_/docker_',
  'dock..er/docker',
  'dock_.er/docker',
  'dock-.er/docker',
  'dock___er/docker',
  'example.com/__underscore/myimage',
  'example.com/..dots/myimage',
  'example.com/.dots/myimage',
  'docker./docker',
  '.docker/docker',
  '../docker',
  '-docker.io/docker/docker',
  'ab-.com/r',
  'ab.-com/r',
  'ab.com-/r',
  'bad_hostname.com:8080/myapp:tag',
  'do__cker:8080/docker',
  'localhost:http/name',
  'test.com:/repo',
  'test.com:75050/repo',
  '256.1.1.1/repo',
  '[2001:db8::1]',
  '[2001:db8::1]:5000',
  '[2001:db8::1]:tag',
  '[fe80::1%eth0]:5000/repo',
  '[fe80::1%@invalidzone]:5000/repo',
  '[2001:db8:3:4::192.0.2.33]:5000/debian',
  '[fd00:1:2::3]5000/r',
  '[fd00:1:2::3]::5000/r',
  '[fd00123123123]:5000/r',
  '[]/r',
  'fc00::1:5000/debian',
  ID,
  `sha256:${ID}`,
  'https://github.com/docker/docker',
  ' redis',
  'redis\n',
  're dis',
  'rédis',
];

describe('parseReference', () => {
  it.each(ACCEPTED)('accepts %s', (text, registry, repository, tag, digest) => {
    const parts = { ...(tag ? { tag } : {}), ...(digest ? { digest } : {}) };
    expect(parseReference(text)).toEqual({ registry, repository, ...parts });
  });

  it.each(REFUSED)('refuses "%s"', (text) => {
    thrown('REFERENCE_INVALID', () => parseReference(text));
  });

  it.each([
    ['Library/Redis/Cache', 'redis/cache'],
    ['ghcr.io/MyOrg/App:V1', 'myorg/app'],
    ['docker://ghcr.io/a/b', '"docker://"'],
    ['https://ghcr.io/a/b', '"https://"'],
    ['oci:./layout', '"oci:"'],
    ['docker-archive:/tmp/x.tar', '"docker-archive:"'],
    [ID, `repository@sha256:${ID}`],
    [`sha256:${ID}`, `repository@sha256:${ID}`],
    ['a:-x', 'tag'],
    [' redis', 'blanks'],
  ])('says for %s what to write', (text, hint) => {
    expect(thrown('REFERENCE_INVALID', () => parseReference(text)).hint).toContain(hint);
  });

  it.each([
    'user:hunter2@ghcr.io/a/b',
    'https://user:hunter2@ghcr.io/a/b',
    'docker://user:hunter2@ghcr.io/a/b',
    'us er:hunter2@ghcr.io/A',
    'user/x:hunter2@ghcr.io:5000/a',
  ])('repeats no password (%s)', (text) => {
    const { message, hint } = thrown('REFERENCE_INVALID', () => parseReference(text));
    expect(`${message} ${hint}`).not.toContain('hunter2');
  });

  it('refuses an endless text quickly and in few words', () => {
    for (const text of ['a'.repeat(100_000), `${'a-'.repeat(50_000)}/x`, `${'a.'.repeat(50_000)}:x/y`]) {
      expect(thrown('REFERENCE_INVALID', () => parseReference(text)).message.length).toBeLessThan(1000);
    }
  });
});

const word = fc.stringMatching(/^[a-z0-9]+((\.|_|__|-{1,3})[a-z0-9]+){0,2}$/, { maxLength: 20 });
const host = fc.oneof(
  fc.stringMatching(/^[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,4})?\.(com|io)$/),
  fc.constantFrom('localhost', '127.0.0.1', '[::1]', 'docker.io'),
);
const port = fc.option(fc.integer({ min: 1, max: 65535 }), { nil: undefined });
const registry = fc.tuple(host, port).map(([name, number]) => (number ? `${name}:${number}` : name));
const tag = fc.option(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/), { nil: undefined });
const digest = fc.option(fc.constantFrom(SHA256, SHA512), { nil: undefined });

describe('formatReference', () => {
  it('writes what parses to the same reference', () => {
    fc.assert(
      fc.property(registry, fc.array(word, { minLength: 1, maxLength: 4 }), tag, digest, (at, path, t, d) => {
        const text = `${at}/${path.join('/')}${t ? `:${t}` : ''}${d ? `@${d}` : ''}`;
        const reference = parseReference(text);
        expect(parseReference(formatReference(reference))).toEqual(reference);
        if (at !== 'docker.io' && (t || d)) expect(formatReference(reference)).toBe(text);
      }),
    );
  });

  it.each(ACCEPTED)('is stable for %s', (text) => {
    const full = formatReference(parseReference(text));
    expect(formatReference(parseReference(full))).toBe(full);
  });

  it('never fails in another way than by refusing', () => {
    const messy = fc.string({ unit: fc.constantFrom(...'aA1:/@.-_[]% é\n'.split('')), maxLength: 30 });
    fc.assert(
      fc.property(messy, (text) => {
        try {
          const reference = parseReference(text);
          expect(parseReference(formatReference(reference))).toEqual(reference);
        } catch (error) {
          expect(error).toMatchObject({ name: 'PullError', code: 'REFERENCE_INVALID' });
        }
      }),
    );
  });
});

describe('parts of a reference', () => {
  const reference = parseReference(`ghcr.io/a/b:v1@${SHA256}`);

  it('names the repository', () => {
    expect(repositoryName(reference)).toBe('ghcr.io/a/b');
    expect(repositoryName(parseReference('redis'))).toBe('docker.io/library/redis');
  });

  it('asks for the digest before the tag', () => {
    expect(referenceTarget(reference)).toBe(SHA256);
    expect(referenceTarget(parseReference('ghcr.io/a/b:v1'))).toBe('v1');
    expect(referenceTarget(parseReference('ghcr.io/a/b'))).toBe('latest');
  });
});
