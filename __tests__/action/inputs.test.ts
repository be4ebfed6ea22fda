import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type InputSource, readInputs } from '../../src/action/inputs.ts';
import { PullError } from '../../src/errors.ts';

interface Given {
  readonly inputs?: Record<string, string>;
  readonly env?: Record<string, string>;
}

function source({ inputs = {}, env = {} }: Given, masked: string[] = []): InputSource {
  const all: Record<string, string> = { image: 'alpine', ...inputs };
  return {
    get: (name) => all[name] ?? '',
    mask: (secret) => masked.push(secret),
    env: { GITHUB_WORKSPACE: '/workspace', ...env },
  };
}

const read = (inputs: Record<string, string> = {}, env: Record<string, string> = {}) =>
  readInputs(source({ inputs, env }));

function failure(work: () => unknown): PullError {
  try {
    work();
  } catch (error) {
    if (error instanceof PullError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('the inputs of the action', () => {
  it('have defaults for all but the image', () => {
    expect(read()).toEqual({
      targets: [
        {
          image: {
            kind: 'registry',
            reference: { registry: 'docker.io', repository: 'library/alpine', tag: 'latest' },
            shortName: 'alpine',
          },
          text: 'alpine',
          platform: expect.objectContaining({ os: 'linux' }),
          place: '/workspace/rootfs',
        },
      ],
      destination: '/workspace/rootfs',
      seeds: [],
      format: 'rootfs',
      load: undefined,
      ownership: 'auto',
      paths: [],
      verify: 'diff-id',
      limits: {},
      network: {
        hosts: expect.objectContaining({
          tlsVerify: true,
          mirrors: [],
          env: { GITHUB_WORKSPACE: '/workspace' },
        }),
        login: { username: '', password: '' },
        authFile: undefined,
        fallback: undefined,
        platform: process.platform,
      },
      cacheMode: 'auto',
      cacheBackend: 'auto',
      cacheKeyPrefix: 'oci-pull-v1',
      cacheScope: 'image',
      saving: { minBytes: 4 << 20, maxBytes: 2 ** 31, deadlineMs: 120_000 },
      cacheDirectory: undefined,
      cacheDirectoryMaxBytes: 20 * 2 ** 30,
      concurrency: 8,
    });
  });

  it('are named and have defaults as action.yml says', async () => {
    const yaml = await readFile(join(import.meta.dirname, '../../action.yml'), 'utf8');
    const asked: string[] = [];
    const spy = source({ inputs: { username: 'u', password: 'p' } });
    const get = (name: string) => {
      asked.push(name);
      return spy.get(name);
    };
    readInputs({ ...spy, get });
    const section = yaml.slice(yaml.indexOf('\ninputs:'), yaml.indexOf('\noutputs:'));
    expect(new Set(asked)).toEqual(
      new Set([...section.matchAll(/^ {2}([a-z-]+):$/gm)].map(([, name]) => name)),
    );
    for (const text of [
      "'true'",
      'auto',
      '20GiB',
      'oci-pull-v1',
      "'8'",
      '4MiB',
      '2GiB',
      "'120'",
      'image',
      '$' + '{{ github.token }}',
    ])
      expect(section).toContain(`default: ${text}\n`);
  });

  it.each<[string, Record<string, string>, object]>([
    [
      'a platform',
      { platform: 'linux/arm64' },
      { targets: [{ platform: { os: 'linux', architecture: 'arm64' } }] },
    ],
    ['a relative destination', { destination: 'a/../b' }, { targets: [{ place: '/workspace/b' }] }],
    ['an absolute destination', { destination: '/mnt/root' }, { targets: [{ place: '/mnt/root' }] }],
    ['a size of the cache', { 'cache-dir-max-size': '5MiB' }, { cacheDirectoryMaxBytes: 5 * 2 ** 20 }],
    ['a cache that may grow', { 'cache-dir-max-size': 'unlimited' }, { cacheDirectoryMaxBytes: undefined }],
    ['an ownership', { ownership: 'preserve' }, { ownership: 'preserve' }],
    [
      'a layout',
      { format: 'oci-layout' },
      { format: 'oci-layout', targets: [{ place: '/workspace/image' }] },
    ],
    ['an archive', { format: 'tar' }, { format: 'tar', targets: [{ place: '/workspace/image.tar' }] }],
    [
      'an engine, which takes one kind of archive only',
      { load: 'docker', destination: 'app.tar' },
      { format: 'docker-archive', load: 'docker', targets: [{ place: '/workspace/app.tar' }] },
    ],
    ['globs, one a line', { paths: 'etc/**\n  !etc/ssl\n\n' }, { paths: ['etc/**', '!etc/ssl'] }],
    ['another proof', { verify: 'toc' }, { verify: 'toc' }],
    [
      'limits in lines and in one',
      { limits: 'entries=5\n  depth=6 file-size=1KiB\n' },
      { limits: { entries: 5, depth: 6, fileSize: 1024 } },
    ],
    ['a cache directory', { 'cache-dir': '.cache' }, { cacheDirectory: '/workspace/.cache' }],
    ['no certificates', { 'tls-verify': 'False' }, { network: { hosts: { tlsVerify: false } } }],
    [
      'mirrors, one a line',
      { mirrors: 'a.test\n\n  docker.io=b.test/hub\n' },
      { network: { hosts: { mirrors: ['a.test', 'docker.io=b.test/hub'] } } },
    ],
    [
      'a directory of hosts',
      { 'hosts-dir': 'hosts' },
      { network: { hosts: { hostsDirectory: '/workspace/hosts' } } },
    ],
    ['an authority', { 'ca-file': '/ca.pem' }, { network: { hosts: { authorityFile: '/ca.pem' } } }],
    ['an authfile', { authfile: 'auth.json' }, { network: { authFile: '/workspace/auth.json' } }],
    [
      'an image on this machine',
      { image: 'oci:out/image:v1' },
      { targets: [{ image: { kind: 'oci', path: '/workspace/out/image', name: 'v1' } }] },
    ],
    [
      'seeds, one a line',
      { seed: 'oci:a\ndocker-archive:/b.tar' },
      {
        seeds: [
          { kind: 'oci', path: '/workspace/a' },
          { kind: 'docker-archive', path: '/b.tar' },
        ],
      },
    ],
    ['a cache mode', { 'cache-mode': 'read' }, { cacheMode: 'read' }],
    ['a cache mode of the workflow', { 'cache-mode': 'write-only' }, { cacheMode: 'write-only' }],
    ['a cache scope', { 'cache-scope': 'repository' }, { cacheScope: 'repository' }],
    ['a time to save', { 'cache-save-timeout': '30' }, { saving: { deadlineMs: 30_000 } }],
    ['a cache backend', { 'cache-backend': 'toolkit' }, { cacheBackend: 'toolkit' }],
    ['a prefix', { 'cache-key-prefix': 'team-x' }, { cacheKeyPrefix: 'team-x' }],
    ['a concurrency', { concurrency: '64' }, { concurrency: 64 }],
    ['a login', { username: 'u', password: 'p' }, { network: { login: { username: 'u', password: 'p' } } }],
  ])('take %s', (_, inputs, expected) => {
    expect(read(inputs)).toMatchObject(expected);
  });

  it.each<[string, Record<string, string>, string]>([
    ['no image', { image: '' }, 'INPUT_INVALID'],
    ['a malformed image', { image: 'alpine:no blanks' }, 'REFERENCE_INVALID'],
    ['a malformed platform', { platform: 'linux' }, 'INPUT_INVALID'],
    ['a NUL in the destination', { destination: 'a\0b' }, 'INPUT_INVALID'],
    ['a home directory that no shell will replace', { destination: '~/rootfs' }, 'INPUT_INVALID'],
    ['a user name without password', { username: 'u' }, 'INPUT_INVALID'],
    ['a password without user name', { password: 'p' }, 'INPUT_INVALID'],
    ['a truth value of its own', { 'tls-verify': 'yes' }, 'INPUT_INVALID'],
    ['an unknown ownership', { ownership: 'root' }, 'INPUT_INVALID'],
    ['an unknown format', { format: 'zip' }, 'INPUT_INVALID'],
    ['an unknown engine', { load: 'containerd' }, 'INPUT_INVALID'],
    ['a format that no engine loads', { format: 'tar', load: 'podman' }, 'INPUT_INVALID'],
    ['a part of an image in an archive', { format: 'tar', paths: 'etc/**' }, 'INPUT_INVALID'],
    ['an archive of layers that are not whole', { format: 'oci-layout', verify: 'toc' }, 'INPUT_INVALID'],
    ['a glob that leads out', { paths: 'etc/**\n../x' }, 'INPUT_INVALID'],
    ['an unknown proof', { verify: 'none' }, 'INPUT_INVALID'],
    ['a size of the cache that is none', { 'cache-dir-max-size': '5 GB' }, 'INPUT_INVALID'],
    ['an unknown limit', { limits: 'files=3' }, 'INPUT_INVALID'],
    ['an unknown cache mode', { 'cache-mode': 'Write' }, 'INPUT_INVALID'],
    ['an unknown cache scope', { 'cache-scope': 'organisation' }, 'INPUT_INVALID'],
    ['a size without a number', { 'cache-min-size': 'MiB' }, 'INPUT_INVALID'],
    ['an unknown cache backend', { 'cache-backend': 'Direct' }, 'INPUT_INVALID'],
    ['a prefix with a comma', { 'cache-key-prefix': 'a,b' }, 'INPUT_INVALID'],
    ['no connections', { concurrency: '0' }, 'INPUT_INVALID'],
    ['too many connections', { concurrency: '65' }, 'INPUT_INVALID'],
    ['half a connection', { concurrency: '1.5' }, 'INPUT_INVALID'],
    ['a number in another base', { concurrency: '0x8' }, 'INPUT_INVALID'],
  ])('refuse %s', (_, inputs, code) => {
    expect(failure(() => read(inputs)).code).toBe(code);
  });

  it('keep the token for ghcr.io alone, and from connections that are not verified', () => {
    const token = { 'github-token': 'token' };
    const env = { GITHUB_ACTOR: 'octocat' };
    expect(read(token, env).network.fallback).toMatchObject({
      registry: 'ghcr.io',
      credential: { username: 'octocat', password: 'token' },
    });
    expect(read({ ...token, 'tls-verify': 'false' }, env).network.fallback).toBeUndefined();
  });

  it('mask every secret, even when another input is refused', () => {
    const masked: string[] = [];
    const inputs = { username: 'u', password: 'p@ss', 'github-token': 'token', concurrency: 'x' };
    const { message } = failure(() => readInputs(source({ inputs }, masked)));
    expect(masked).toEqual(['p@ss', Buffer.from('u:p@ss').toString('base64'), 'token']);
    expect(message).not.toMatch(/p@ss|token/);
  });

  it('mask nothing where there is no secret', () => {
    const masked: string[] = [];
    readInputs(source({}, masked));
    expect(masked).toEqual([]);
  });
});
