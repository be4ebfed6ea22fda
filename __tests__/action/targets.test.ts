import { describe, expect, it } from 'vitest';
import { destinationFor, MAX_TARGETS, parseTargets } from '../../src/action/targets.ts';
import type { ErrorCode } from '../../src/errors.ts';
import type { Format } from '../../src/pull/options.ts';
import { thrown } from '../support/pull-error.ts';

function targets(image: string, platform = 'linux/amd64', format: Format = 'rootfs') {
  return parseTargets({ image, platform, format });
}

describe('the targets of a step', () => {
  it.each<[string, string, string, readonly string[]]>([
    ['one image', 'a.test/app:1', 'linux/amd64', ['.']],
    ['one image between empty lines', '\n  a.test/app:1  \n\n', 'linux/amd64', ['.']],
    ['one image with a name', 'base=a.test/app:1', 'linux/amd64', ['base']],
    ['one image for two platforms', 'app', 'linux/amd64\nlinux/arm/v7', ['linux-amd64', 'linux-arm-v7']],
    ['platforms between commas', 'app', 'linux/amd64, linux/arm64', ['linux-amd64', 'linux-arm64']],
    ['two images', 'a.test/team/app:1\nb.test/tool@sha256:' + 'a'.repeat(64), 'linux/amd64', ['app', 'tool']],
    ['two tags with names', 'old=app:1\nnew=app:2', 'linux/amd64', ['old', 'new']],
    [
      'two images for two platforms',
      'a/x\nb=a/x:2',
      'linux/amd64\nlinux/arm64',
      ['x/linux-amd64', 'x/linux-arm64', 'b/linux-amd64', 'b/linux-arm64'],
    ],
    ['images on this machine', 'oci:out/one:v1\noci-archive:two.tar.gz', 'linux/amd64', ['one', 'two']],
  ])('are, for %s, at places of their own', (_, image, platform, places) => {
    expect(targets(image, platform).map(({ place }) => place)).toEqual(places);
  });

  it('are files with their ending where the format is one', () => {
    expect(targets('one\ntwo', 'linux/amd64', 'tar').map(({ place }) => place)).toEqual([
      'one.tar',
      'two.tar',
    ]);
    expect(targets('one\ntwo', 'linux/amd64', 'oci-layout').map(({ place }) => place)).toEqual([
      'one',
      'two',
    ]);
    expect(targets('one', 'linux/amd64', 'tar').map(({ place }) => place)).toEqual(['.']);
  });

  it('take a path with an equals sign for a path', () => {
    expect(targets('oci:a=b:v1')).toMatchObject([{ place: '.', image: { kind: 'oci', path: 'a=b' } }]);
  });

  it.each<[string, string, string, ErrorCode, string]>([
    ['no image', ' \n', 'linux/amd64', 'INPUT_INVALID', 'image is missing'],
    ['two images of one name', 'a.test/app:1\nb.test/app:1', 'linux/amd64', 'INPUT_INVALID', 'would go to'],
    [
      'a name of a file beside another',
      'a=x\na.config.json=y',
      'linux/amd64',
      'INPUT_INVALID',
      'would go to',
    ],
    ['the same the other way round', 'a.oci-pull.json=x\na=y', 'linux/amd64', 'INPUT_INVALID', 'would go to'],
    ['names that differ in case only', 'a=x\nA=y', 'linux/amd64', 'INPUT_INVALID', 'would go to'],
    ['one platform twice', 'app', 'linux/amd64,x86_64', 'INPUT_INVALID', 'would go to'],
    ['a name and nothing behind it', 'name=', 'linux/amd64', 'REFERENCE_INVALID', ''],
    ['a name that leads elsewhere', '..=app', 'linux/amd64', 'REFERENCE_INVALID', ''],
    ['an image in the directory above', 'oci:..\noci:foo', 'linux/amd64', 'INPUT_INVALID', 'no name'],
    ['an image in this directory', 'oci:.\noci:foo', 'linux/amd64', 'INPUT_INVALID', 'no name'],
    ['a path that ends in two dots', 'oci:foo/..:v1\noci:bar', 'linux/amd64', 'INPUT_INVALID', 'no name'],
    ['a hidden archive', 'oci-archive:.hidden.tar\noci:bar', 'linux/amd64', 'INPUT_INVALID', 'no name'],
    ['one platform that is none', 'app', 'linux/amd64\nlinux', 'INPUT_INVALID', 'linux'],
  ])('are refused for %s', (_, image, platform, code, words) => {
    expect(thrown(code, () => targets(image, platform)).message).toContain(words);
  });

  it('may be in directories without a name where they have one of their own, or are alone', () => {
    expect(targets('here=oci:.\noci:foo').map(({ place }) => place)).toEqual(['here', 'foo']);
    expect(targets('oci:..').map(({ place }) => place)).toEqual(['.']);
  });

  it('are limited in number', () => {
    const images = (count: number) => Array.from({ length: count }, (_, index) => `image${index}`).join('\n');
    expect(targets(images(MAX_TARGETS))).toHaveLength(MAX_TARGETS);
    thrown('INPUT_INVALID', () => targets(images(MAX_TARGETS + 1)));
  });

  it('go to a directory unless there is one alone', () => {
    expect(destinationFor(targets('app', 'linux/amd64', 'tar'), 'tar')).toBe('image.tar');
    expect(destinationFor(targets('a\nb', 'linux/amd64', 'tar'), 'tar')).toBe('image');
    expect(destinationFor(targets('a\nb'), 'rootfs')).toBe('rootfs');
  });
});
