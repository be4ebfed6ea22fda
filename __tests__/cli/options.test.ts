import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { type PullArguments, parseCommand } from '../../src/cli/arguments.ts';
import { type Surroundings, toPullOptions } from '../../src/cli/options.ts';

const SURROUNDINGS: Surroundings = {
  cwd: '/project',
  platform: 'linux',
  arch: 'arm64',
  home: '/home/me',
  env: {},
  stdin: Readable.from(['secret\n']),
  signal: new AbortController().signal,
};

function argumentsOf(...argv: string[]): PullArguments {
  const command = parseCommand(argv);
  if (command.kind !== 'pull') throw new Error(`not a pull: ${command.kind}`);
  return command.arguments;
}

const optionsOf = (...argv: string[]) => toPullOptions(argumentsOf(...argv), SURROUNDINGS);

describe('toPullOptions', () => {
  it('fills in what goes without saying', async () => {
    expect(await optionsOf('alpine', 'rootfs')).toEqual({
      reference: { registry: 'docker.io', repository: 'library/alpine', tag: 'latest' },
      platform: { os: 'linux', architecture: 'arm64' },
      destination: '/project/rootfs',
      ownership: 'auto',
      limits: {},
      credential: undefined,
      tlsVerify: true,
      storeDirectory: '/home/me/.cache/oci-pull',
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
  });

  it('takes limits by name', async () => {
    const options = await optionsOf('a', 'b', '--limit', 'total-size=2GiB', '--limit', 'depth=9');
    expect(options.limits).toEqual({ totalSize: 2 ** 31, depth: 9 });
  });

  it('reads the password from standard input', async () => {
    const options = await optionsOf('a', 'b', '--username', 'me', '--password-stdin');
    expect(options.credential).toEqual({ username: 'me', password: 'secret' });
  });

  it.each([
    ['a reference', ['a/UPPER', 'b'], 'REFERENCE_INVALID'],
    ['a platform', ['a', 'b', '--platform', 'linux/'], 'INPUT_INVALID'],
    ['a limit', ['a', 'b', '--limit', 'depth=0'], 'INPUT_INVALID'],
  ])('refuses %s that cannot be', async (_, argv, code) => {
    await expect(optionsOf(...argv)).rejects.toMatchObject({ code });
  });
});
