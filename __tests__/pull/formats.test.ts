import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/integrity/hash.ts';
import { parseImageName } from '../../src/oci/image-name.ts';
import { describeFormat, type FormatWishes, outputOf, parseFormat } from '../../src/pull/formats.ts';
import type { ResolvedImage } from '../../src/pull/resolve.ts';
import { thrown } from '../support/pull-error.ts';
import { pullResult } from '../support/pull-result.ts';

const bytes = Buffer.from('{}');
const descriptor = { mediaType: 'x/config', digest: digestOf(bytes), size: 2, annotations: {} };
const IMAGE: ResolvedImage = {
  repository: 'example.com/app',
  digest: digestOf(bytes),
  indexDigest: undefined,
  platform: 'linux/amd64',
  manifest: { kind: 'image', mediaType: 'x/manifest', config: descriptor, layers: [] },
  manifestBytes: bytes,
  config: { os: 'linux', architecture: 'amd64', diffIds: [] },
  configBytes: bytes,
};

describe('what an image is to become', () => {
  const parse = (wishes: Partial<FormatWishes>) =>
    parseFormat(
      { format: '', load: '', paths: [], verify: 'diff-id', ownership: 'auto', ...wishes },
      (setting) => `--${setting}`,
    );

  it.each([
    ['a root file system unless something is said', {}, { format: 'rootfs', load: undefined }],
    ['what is said', { format: 'tar' }, { format: 'tar', load: undefined }],
    ['a docker-archive for an engine', { load: 'docker' }, { format: 'docker-archive', load: 'docker' }],
    [
      'a docker-archive for an engine, also if that is said',
      { load: 'podman', format: 'docker-archive' },
      { format: 'docker-archive', load: 'podman' },
    ],
    [
      'a part of a root file system, with owners and proof of any kind',
      { format: 'rootfs', paths: ['etc'], verify: 'toc', ownership: 'runner' },
      { format: 'rootfs', load: undefined },
    ],
    [
      'an archive with the owners of the image',
      { format: 'oci-archive', ownership: 'preserve' },
      { format: 'oci-archive', load: undefined },
    ],
  ] as const)('is %s', (_, wishes, expected) => {
    expect(parse(wishes)).toEqual(expected);
  });

  it.each([
    [
      'a format that there is not',
      { format: 'zip' },
      '--format is "zip"; it must be one of rootfs, oci-layout',
    ],
    ['an engine that there is not', { load: 'lxc' }, '--load is "lxc"; it must be one of docker, podman'],
    [
      'another format than engines take',
      { load: 'docker', format: 'oci-archive' },
      '--load takes a docker-archive, and --format is oci-archive',
    ],
    ['a root file system for an engine', { load: 'docker', format: 'rootfs' }, 'and --format is rootfs'],
    ['an archive of a part', { format: 'tar', paths: ['etc'] }, '--paths is for root file systems'],
    ['an archive proven by tables of contents', { format: 'tar', verify: 'toc' }, '--verify toc is for root'],
    ['an archive of this user', { load: 'docker', ownership: 'runner' }, '--ownership runner is for root'],
  ] as const)('cannot be %s', (_, wishes, message) => {
    expect(thrown('INPUT_INVALID', () => parse(wishes)).message).toContain(message);
  });
});

describe('the names of what is written', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  it.each<[string, string | undefined, string[]]>([
    ['debian', 'latest', ['debian:latest']],
    ['docker.io/library/debian:12', '12', ['debian:12']],
    ['docker.io/me/app:1', '1', ['me/app:1']],
    ['docker.io/library/a/b:1', '1', ['library/a/b:1']],
    ['localhost:5000/app:1', '1', ['localhost:5000/app:1']],
    [`example.com/app@${digest}`, undefined, []],
    [`example.com/app:2@${digest}`, '2', ['example.com/app:2']],
    ['oci:dir:v1', 'v1', []],
    ['oci:dir', undefined, []],
    ['docker-archive:file:example.com/app:3', '3', ['example.com/app:3']],
    ['docker-archive:file:@0', undefined, []],
  ])('of %s are the tag %s and %j', (text, tag, repoTags) => {
    expect(outputOf('docker-archive', IMAGE, parseImageName(text))).toMatchObject({ tag, repoTags });
  });
});

describe('what is told of a format', () => {
  it.each([
    ['nothing of a root file system', {}, []],
    ['the format', { format: 'tar' }, ['format: tar']],
    [
      'that the manifest is the same',
      { format: 'oci-layout', manifestKept: true },
      ['format: oci-layout, manifest and layers as in the registry'],
    ],
    [
      'who has loaded it',
      { format: 'docker-archive', loaded: 'podman' },
      ['format: docker-archive', 'loaded into podman'],
    ],
  ] as const)('%s', (_, changes, lines) => {
    expect(describeFormat(pullResult(changes))).toEqual(lines);
  });

  it('says why the manifest is another one', () => {
    const [line] = describeFormat(pullResult({ format: 'oci-archive', manifestKept: false }));
    expect(line).toMatch(/uncompressed.*made anew/);
  });
});
