import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { main, type Program } from '../../src/cli/main.ts';
import { PullError } from '../../src/errors.ts';
import type { PullOptions } from '../../src/pull/options.ts';
import { pullResult } from '../support/pull-result.ts';

const RESULT = pullResult();

async function run(argv: readonly string[], changes: Partial<Program> = {}) {
  let stdout = '';
  let stderr = '';
  const status = await main({
    argv,
    env: {},
    cwd: '/project',
    platform: 'linux',
    arch: 'x64',
    uid: 1000,
    home: '/home/me',
    stdin: Readable.from([]),
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
    columns: () => undefined,
    interrupt: {
      signal: new AbortController().signal,
      exitStatus: () => undefined,
      dispose: () => undefined,
    },
    pull: async () => RESULT,
    ...changes,
  });
  return { status, stdout, stderr };
}

const failing = (error: unknown) => async (): Promise<never> => {
  throw error;
};

describe('a pull that works', () => {
  it('reports on standard output and ends with 0', async () => {
    const { status, stdout, stderr } = await run(['alpine', 'rootfs']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain(`is in ${RESULT.rootPath}`);
  });

  it('prints exactly one line of JSON when asked', async () => {
    const { stdout } = await run(['alpine', 'rootfs', '--json']);
    expect(stdout.trimEnd()).not.toContain('\n');
    expect(JSON.parse(stdout)).toMatchObject({ digest: RESULT.digest, 'cache-hit': false });
  });

  it('hands the pull what the arguments say', async () => {
    const seen: PullOptions[] = [];
    const pull = async (options: PullOptions) => {
      seen.push(options);
      return RESULT;
    };
    await run(['alpine:3', 'out', '--concurrency', '3'], { pull });
    expect(seen).toMatchObject([
      { image: { reference: { tag: '3' } }, destination: '/project/out', concurrency: 3 },
    ]);
  });

  it('keeps messages off standard output', async () => {
    const pull = async ({ emit }: PullOptions) => {
      emit({ kind: 'warning', message: 'careful' });
      return RESULT;
    };
    const { stdout, stderr } = await run(['alpine', 'rootfs', '--json'], { pull });
    expect(stderr).toBe('warning: careful\n');
    expect(stdout).not.toContain('warning: ');
  });

  it.each([
    ['1', 'debug: detail\n'],
    ['0', ''],
  ])('with OCI_PULL_DEBUG=%s writes %j', async (value, expected) => {
    const pull = async ({ emit }: PullOptions) => {
      emit({ kind: 'debug', message: 'detail' });
      return RESULT;
    };
    expect(await run(['a', 'b'], { pull, env: { OCI_PULL_DEBUG: value } })).toMatchObject({
      stderr: expected,
    });
  });
});

describe('a pull that fails', () => {
  it('ends with 1, the message, a hint and the code, and nothing on standard output', async () => {
    const pull = failing(new PullError('NOT_FOUND', 'no such tag'));
    const { status, stdout, stderr } = await run(['alpine', 'rootfs', '--json', '--quiet'], { pull });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(
      /^error: no such tag\nhint: .+\ncode: NOT_FOUND\nsee: docs\/errors\.md#not_found\n$/,
    );
  });

  it('tells a fault of the program as such', async () => {
    const { status, stderr } = await run(['a', 'b'], { pull: failing(new TypeError('x is not a function')) });
    expect(status).toBe(1);
    expect(stderr).toContain('code: INTERNAL');
  });

  it.each([130, 143])('ends with %d after the signal of that number', async (exitStatus) => {
    const interrupt = { signal: AbortSignal.abort(), exitStatus: () => exitStatus, dispose: () => undefined };
    const pull = failing(new PullError('ABORTED', 'the pull was cancelled'));
    expect(await run(['a', 'b'], { pull, interrupt })).toMatchObject({ status: exitStatus });
  });
});

describe('wrong usage', () => {
  it.each([
    ['too few arguments', ['alpine'], 'usage: '],
    ['a bad reference', ['a/UPPER', 'b'], 'code: REFERENCE_INVALID'],
    ['a bad platform', ['a', 'b', '--platform', '/'], 'code: INPUT_INVALID'],
    ['an empty password', ['a', 'b', '--username', 'u', '--password-stdin'], 'code: INPUT_INVALID'],
  ])('%s ends with 2 before anything is pulled', async (_, argv, expected) => {
    const { status, stdout, stderr } = await run(argv, { pull: failing(new Error('pulled')) });
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(expected);
  });
});

describe('a name of a command', () => {
  it.each([
    ['ls', ['cache', 'sl'], /^error: cache: expected one of ls, verify, prune\nusage: oci-pull cache/],
    ['an image', ['inspect'], /^error: expected one image, got 0 arguments\nusage: oci-pull inspect/],
    ['two images', ['diff', 'a'], /^error: expected 2 images, got 1 arguments\nusage: oci-pull diff/],
  ])('wants %s behind it, and tells its own usage', async (_, argv, message) => {
    const answer = { status: 2, stdout: '', stderr: expect.stringMatching(message) };
    expect(await run(argv, { pull: failing(new Error('pulled')) })).toEqual(answer);
  });

  it.each([
    ['cache', /^usage: oci-pull cache/],
    ['inspect', /^usage: oci-pull inspect/],
    ['diff', /^usage: oci-pull inspect/],
  ])('%s has help of its own', async (name, text) => {
    expect(await run([name, '--help'])).toMatchObject({ status: 0, stdout: expect.stringMatching(text) });
  });

  it.each([
    ['has a tag', ['cache:1', 'ls']],
    ['stands behind an option', ['--json', 'cache', 'ls']],
    ['is one of every object', ['constructor', 'ls']],
  ])('is an image where it %s', async (_, argv) => {
    const images: PullOptions['image'][] = [];
    const pull = async ({ image }: PullOptions) => {
      images.push(image);
      return RESULT;
    };
    const { status } = await run(argv, { pull });
    expect([status, images.length]).toEqual([0, 1]);
  });
});

describe('questions', () => {
  it.each([
    ['--help', /^usage: oci-pull IMAGE DESTINATION/],
    ['--version', /^\d+\.\d+\.\d+\n$/],
  ])('%s is answered on standard output', async (option, expected) => {
    expect(await run([option])).toEqual({ status: 0, stdout: expect.stringMatching(expected), stderr: '' });
  });
});
