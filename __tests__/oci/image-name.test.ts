import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatLocalImage, parseImageName, parseSeed } from '../../src/oci/image-name.ts';
import { thrown } from '../support/pull-error.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const DIGEST512 = `sha512:${'a'.repeat(128)}`;

/** Text → kind, path, name, digest. */
const LOCAL: readonly [string, kind: string, path: string, name?: string | undefined, digest?: string][] = [
  ['oci:layout', 'oci', 'layout'],
  ['oci:/srv/layout', 'oci', '/srv/layout'],
  ['oci:./layout:v1', 'oci', './layout', 'v1'],
  ['oci:../layout:app/sub:v1', 'oci', '../layout', 'app/sub:v1'],
  ['oci:/srv/my layout:v1', 'oci', '/srv/my layout', 'v1'],
  [`oci:/srv/layout@${DIGEST}`, 'oci', '/srv/layout', undefined, DIGEST],
  [`oci:/srv/layout@${DIGEST512}`, 'oci', '/srv/layout', undefined, DIGEST512],
  [`oci:/srv/layout:v1@${DIGEST}`, 'oci', '/srv/layout', 'v1', DIGEST],
  ['oci:/srv/layout:@1', 'oci', '/srv/layout', '@1'],
  ['oci:/srv/a@b', 'oci', '/srv/a@b'],
  ['oci:C:\\images\\layout:v1', 'oci', 'C:\\images\\layout', 'v1'],
  ['oci:c:/images/layout', 'oci', 'c:/images/layout'],
  ['oci:latest', 'oci', 'latest'],
  ['oci:5000/x', 'oci', '5000/x'],
  ['oci-archive:x.tar', 'oci-archive', 'x.tar'],
  ['oci-archive:/x/y.tar:v1', 'oci-archive', '/x/y.tar', 'v1'],
  ['docker-archive:/x/y.tar', 'docker-archive', '/x/y.tar'],
  ['docker-archive:/x/y.tar:repo/app:v1', 'docker-archive', '/x/y.tar', 'repo/app:v1'],
  ['docker-archive:/x/y.tar:localhost:5000/app:v1', 'docker-archive', '/x/y.tar', 'localhost:5000/app:v1'],
  ['docker-archive:D:\\y.tar:app', 'docker-archive', 'D:\\y.tar', 'app'],
  ['docker-archive:y.tar:@0', 'docker-archive', 'y.tar', '@0'],
];

describe('parseImageName', () => {
  it.each(LOCAL)('reads %s as a place on this machine', (text, kind, path, name, digest) => {
    const expected = { kind, path, ...(name ? { name } : {}), ...(digest ? { digest } : {}) };
    expect(parseImageName(text)).toEqual(expected);
    expect(parseSeed(text)).toEqual(expected);
    expect(formatLocalImage(parseSeed(text))).toBe(text);
  });

  it.each([
    ['ubuntu', 'library/ubuntu'],
    ['library/ubuntu:24.04', 'library/ubuntu'],
    ['user/app', 'user/app'],
    ['app:5000', 'library/app'],
    [`app@${DIGEST}`, 'library/app'],
    ['dir:latest', 'library/dir'],
  ])('remembers that %s names no registry', (text, repository) => {
    expect(parseImageName(text)).toMatchObject({
      kind: 'registry',
      shortName: text,
      reference: { registry: 'docker.io', repository },
    });
  });

  it.each([
    ['docker.io/library/ubuntu', 'docker.io'],
    ['ghcr.io/o/app:v1', 'ghcr.io'],
    ['localhost/app', 'localhost'],
    ['oci.example.com/app', 'oci.example.com'],
    ['foo:5000/app', 'foo:5000'],
    [`[::1]:5000/app@${DIGEST}`, '[::1]:5000'],
    ['docker://quay.io/o/app', 'quay.io'],
    ['docker://ubuntu', 'docker.io'],
  ])('knows that %s names its registry', (text, registry) => {
    const name = parseImageName(text);
    expect(name).toMatchObject({ kind: 'registry', reference: { registry } });
    expect(name).not.toHaveProperty('shortName');
  });

  it.each([
    ['oci:', 'no path'],
    ['oci::v1', 'no path'],
    ['docker-archive:', 'no path'],
    ['oci:/srv/layout:', 'last colon'],
    ['docker-archive:/x.tar:', 'last colon'],
    ['oci:/srv/layout@sha256:abc', '64'],
    ['oci:/srv/layout:a b', 'not a tag'],
    ['oci:/srv/lay\0out', 'control characters'],
    ['docker-archive:/x.tar:App', 'repository'],
    [`docker-archive:/x.tar:app@${DIGEST}`, 'no digests'],
    ['docker://', 'empty'],
    ['', 'empty'],
  ])('refuses %j: %s', (text, why) => {
    expect(thrown('REFERENCE_INVALID', () => parseImageName(text)).message).toContain(why);
  });

  it.each(['docker-daemon:app:v1', 'containers-storage:localhost/app', 'dir:/srv/image'])(
    'says for %s what can be named on this machine',
    (text) => {
      expect(thrown('REFERENCE_INVALID', () => parseImageName(text)).hint).toContain('docker-archive:FILE');
    },
  );

  it('repeats no password', () => {
    const { message, hint } = thrown('REFERENCE_INVALID', () =>
      parseImageName('docker://user:hunter2@ghcr.io/a/b'),
    );
    expect(`${message} ${hint}`).not.toContain('hunter2');
  });

  it('either reads a text the same way twice or refuses it', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('oci:', 'oci-archive:', 'docker-archive:', ''),
        fc.string({ unit: fc.constantFrom('a', ':', '/', '@', '\\', '.', 'C', `@${DIGEST}`, '@0') }),
        (transport, rest) => {
          try {
            const seed = parseSeed(transport + rest);
            expect(formatLocalImage(seed)).toBe(transport + rest);
            expect(parseSeed(formatLocalImage(seed))).toEqual(seed);
          } catch (error) {
            expect(error).toMatchObject({ code: 'REFERENCE_INVALID' });
          }
        },
      ),
    );
  });
});

describe('parseSeed', () => {
  it.each(['/srv/layout', 'images/base.tar', './a:b', 'C:\\base.tar', 'a'])(
    'takes the path %s alone',
    (text) => {
      expect(parseSeed(text)).toEqual({ kind: 'path', path: text });
    },
  );

  it.each(['docker://ubuntu', 'https://example.com/x.tar', ''])('refuses %j', (text) => {
    thrown('REFERENCE_INVALID', () => parseSeed(text));
  });
});
