import { describe, expect, it } from 'vitest';
import { otherImage, secondImage } from '../../src/cli/survey-names.ts';
import { parseImageName } from '../../src/oci/image-name.ts';
import { formatReference } from '../../src/oci/reference.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

function other(image: string, text: string) {
  const name = otherImage(parseImageName(image), text, '/project');
  return name.kind === 'registry' ? formatReference(name.reference) : name;
}

describe('what an update starts from', () => {
  it.each([
    ['a tag', '1.4', 'r.test/app:1.4'],
    ['a digest', DIGEST, `r.test/app@${DIGEST}`],
    ['a digest as references have it', `@${DIGEST}`, `r.test/app@${DIGEST}`],
    ['a name with its registry', 'other.test/app:1.4', 'other.test/app:1.4'],
    ['a name with its registry and no tag', 'other.test/app', 'other.test/app:latest'],
    ['a name of Docker Hub', 'debian:12', 'docker.io/library/debian:12'],
    ['a name behind docker://', 'docker://debian', 'docker.io/library/debian:latest'],
    ['a layout', 'oci:images/app:1.4', { kind: 'oci', path: '/project/images/app', name: '1.4' }],
  ])('of an image in a registry may be %s', (_, text, expected) => {
    expect(other('r.test/app:1.5', text)).toEqual(expected);
  });

  it.each([
    ['a tag', '1.4', { kind: 'oci', path: 'dir', name: '1.4' }],
    ['a name with slashes', 'r.test/app:1.4', { kind: 'oci', path: 'dir', name: 'r.test/app:1.4' }],
    ['a digest', DIGEST, { kind: 'oci', path: 'dir', digest: DIGEST }],
    ['an archive', 'oci-archive:a.tar', { kind: 'oci-archive', path: '/project/a.tar' }],
    ['an image of a registry', 'docker://r.test/app:1.4', 'r.test/app:1.4'],
  ])('of an image in a layout may be %s', (_, text, expected) => {
    expect(other('oci:dir:1.5', text)).toEqual(expected);
  });

  it.each(['-x', 'a/B', 'sha256:12', `x@${DIGEST.slice(1)}`, '@latest'])('is not %s', (text) => {
    expect(() => other('r.test/app:1.5', text)).toThrow(/./);
  });
});

describe('what an image is compared with', () => {
  it.each([
    ['a tag', 'r.test/app:1.5', 'v2', 'r.test/app:v2'],
    ['a tag behind a name of Docker Hub', 'debian:11', '12-slim', 'docker.io/library/debian:12-slim'],
    ['a digest', 'debian', `@${DIGEST}`, `docker.io/library/debian@${DIGEST}`],
    ['a whole name', 'r.test/app:1.5', 'r.test/app:v2', 'r.test/app:v2'],
    ['a word, as the first is', 'debian', 'ubuntu', 'docker.io/library/ubuntu:latest'],
    ['a tag in a layout', 'oci:dir:1', '2', { kind: 'oci', path: '/project/dir', name: '2' }],
    ['an image of a registry', 'oci:dir:1', 'r.test/app:1', 'r.test/app:1'],
  ])('may be %s', (_, first, text, expected) => {
    const name = secondImage(first, text, '/project');
    expect(name.kind === 'registry' ? formatReference(name.reference) : name).toEqual(expected);
  });
});
