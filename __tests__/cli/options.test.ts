import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { type PullArguments, parsePull } from '../../src/cli/arguments.ts';
import { type Surroundings, toPullOptions } from '../../src/cli/options.ts';

const SURROUNDINGS: Surroundings = {
  cwd: '/project',
  platform: 'linux',
  arch: 'arm64',
  home: '/home/me',
  env: {},
  uid: 1000,
  stdin: Readable.from(['secret\n']),
  signal: new AbortController().signal,
};

function argumentsOf(...argv: string[]): PullArguments {
  const args = parsePull(argv);
  if (typeof args === 'string') throw new Error(`not a pull: ${args}`);
  return args;
}

const optionsOf = (...argv: string[]) => toPullOptions(argumentsOf(...argv), SURROUNDINGS);

describe('toPullOptions', () => {
  it('fills in what goes without saying', async () => {
    expect(await optionsOf('alpine', 'rootfs')).toEqual({
      image: {
        kind: 'registry',
        reference: { registry: 'docker.io', repository: 'library/alpine', tag: 'latest' },
        shortName: 'alpine',
      },
      seeds: [],
      platform: { os: 'linux', architecture: 'arm64' },
      destination: '/project/rootfs',
      format: 'rootfs',
      load: undefined,
      ownership: 'auto',
      paths: [],
      verify: 'diff-id',
      limits: {},
      network: {
        hosts: {
          tlsVerify: true,
          mirrors: [],
          hostsDirectory: undefined,
          authorityFile: undefined,
          env: {},
          home: '/home/me',
          uid: 1000,
        },
        login: { username: undefined, password: undefined },
        authFile: undefined,
        platform: 'linux',
      },
      storeDirectory: '/home/me/.cache/oci-pull',
      storeMaxBytes: 20 * 2 ** 30,
      storeRead: true,
      storeWrite: true,
      concurrency: 8,
    });
  });

  it.each([
    ['write', true, true],
    ['read', true, false],
    ['none', false, false],
  ])('turns cache mode %s into read %s and write %s', async (mode, storeRead, storeWrite) => {
    expect(await optionsOf('a', 'b', '--cache-mode', mode)).toMatchObject({ storeRead, storeWrite });
  });

  it('takes relative paths from the current directory', async () => {
    const options = await optionsOf('a', '../out', '--cache-dir', 'cache');
    expect(options).toMatchObject({ destination: '/out', storeDirectory: '/project/cache' });
    const files = ['--authfile=auth.json', '--hosts-dir=hosts', '--ca-file=ca.pem', '--seed=oci:seed'];
    expect(await optionsOf('oci-archive:a.tar:v1', 'b', ...files)).toMatchObject({
      image: { kind: 'oci-archive', path: '/project/a.tar', name: 'v1' },
      seeds: [{ kind: 'oci', path: '/project/seed' }],
      network: {
        authFile: '/project/auth.json',
        hosts: { hostsDirectory: '/project/hosts', authorityFile: '/project/ca.pem' },
      },
    });
  });

  it('takes limits by name', async () => {
    const options = await optionsOf('a', 'b', '--limit', 'total-size=2GiB', '--limit', 'depth=9');
    expect(options.limits).toEqual({ totalSize: 2 ** 31, depth: 9 });
  });

  it('reads the password from standard input', async () => {
    const options = await optionsOf('a', 'b', '--username', 'me', '--password-stdin');
    expect(options.network.login).toEqual({ username: 'me', password: 'secret' });
  });

  it.each([
    ['a reference', ['a/UPPER', 'b'], 'REFERENCE_INVALID'],
    ['a platform', ['a', 'b', '--platform', 'linux/'], 'INPUT_INVALID'],
    ['a limit', ['a', 'b', '--limit', 'depth=0'], 'INPUT_INVALID'],
    ['a size of the cache', ['a', 'b', '--cache-dir-max-size=5GB'], 'INPUT_INVALID'],
    ['a seed', ['a', 'b', '--seed', 'oci:'], 'REFERENCE_INVALID'],
  ])('refuses %s that cannot be', async (_, argv, code) => {
    await expect(optionsOf(...argv)).rejects.toMatchObject({ code });
  });
});
