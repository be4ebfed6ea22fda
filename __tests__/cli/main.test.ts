import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { main, type Program } from '../../src/cli/main.ts';
import { PullError } from '../../src/errors.ts';
import type { PullOptions } from '../../src/pull/options.ts';
import { pullResult } from '../support/pull-result.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const temporary = temporaryDirectories();

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

describe('an image that is not found, and has the name of something on this machine', () => {
  const cwd = temporary();
  mkdirSync(join(cwd, 'layout'));
  writeFileSync(join(cwd, 'layout/index.json'), '{}');
  mkdirSync(join(cwd, 'directory'));
  writeFileSync(join(cwd, 'image.tar'), '');
  writeFileSync(join(cwd, 'Image.tar'), '');

  it.each([
    ['a file', 'image.tar', 'write oci-archive:image.tar, or docker-archive:image.tar.'],
    ['a file that no image can be called like', 'Image.tar', 'write oci-archive:Image.tar'],
    ['a path', './image.tar', 'write oci-archive:./image.tar'],
    ['a directory', 'layout', 'write oci:layout.'],
  ])('comes with a hint how to name %s', async (_, image, hint) => {
    const pull = failing(new PullError('NOT_FOUND', 'no such repository'));
    expect((await run([image, 'rootfs'], { pull, cwd })).stderr).toContain(hint);
  });

  it('comes without one where there is nothing of that name, or it failed for another reason', async () => {
    const [absent, broken] = [new PullError('NOT_FOUND', 'no'), new PullError('DISK_FULL', 'full')];
    const outputs = [
      await run(['image', 'rootfs'], { pull: failing(absent), cwd }),
      await run(['directory', 'rootfs'], { pull: failing(absent), cwd }),
      await run(['x'.repeat(5000), 'rootfs'], { pull: failing(absent), cwd }),
      await run(['layout', 'rootfs'], { pull: failing(broken), cwd }),
    ];
    expect(outputs.map(({ stderr }) => stderr).join()).not.toMatch(/oci:|archive:/);
  });
});

describe('wrong usage', () => {
  it.each([
    ['too few arguments', ['alpine'], 'usage: '],
    ['a bad reference', ['a/UPPER', 'b'], 'code: REFERENCE_INVALID'],
    ['a bad platform', ['a', 'b', '--platform', '/'], 'code: INPUT_INVALID'],
    ['a bad mirror', ['a', 'b', '--mirror', 'http://a b'], 'error: --mirror: "http://a b" is not'],
    [
      'an absent seed',
      ['a', 'b', '--seed', 'nodir'],
      'error: --seed: /project/nodir does not exist\nhint: Check the path.\n',
    ],
    ['an absent layout', ['a', 'b', '--seed', 'oci:nodir'], 'does not exist\nhint: Check the path.\n'],
    [
      'an absent layout with a tag',
      ['a', 'b', '--seed', 'oci:nodir:v1'],
      'behind the colon, "v1", was read as a tag',
    ],
    ['an empty password', ['a', 'b', '--username', 'u', '--password-stdin'], 'code: INPUT_INVALID'],
  ])('%s ends with 2 before anything is pulled', async (_, argv, expected) => {
    const { status, stdout, stderr } = await run(argv, { pull: failing(new Error('pulled')) });
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(expected);
  });
});

describe('a name of a command', () => {
  it.each([
    ['ls', ['cache', 'sl'], 'cache: expected one of ls, verify, prune', 'oci-pull cache'],
    ['an image', ['inspect'], 'expected one image, got none', 'oci-pull inspect'],
    ['two images', ['diff', 'a'], 'expected two images, got 1 argument', 'oci-pull diff'],
  ])('wants %s behind it, and tells its own usage and help', async (_, argv, message, name) => {
    const { status, stdout, stderr } = await run(argv, { pull: failing(new Error('pulled')) });
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr.split('\n')).toEqual([
      `error: ${message}`,
      expect.stringMatching(`^hint: .*Try ${name} --help\\.$`),
      'code: INPUT_INVALID',
      expect.stringMatching('^see: '),
      expect.stringMatching(`^usage: ${name} `),
      '',
    ]);
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
    ['is written with its registry', ['docker.io/library/cache', 'ls']],
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

describe('the hint for a value that cannot be used', () => {
  it.each([
    [['a', 'b', '--format=zip'], 'Write one of rootfs, oci-layout, oci-archive, docker-archive, tar.'],
    [['a', 'b', '--ownership=me'], 'Write one of auto, preserve, runner.'],
    [['a', 'b', '--limit=size=3'], 'Write for example file-size=8GiB or entries=200000.'],
    [['a', 'b', '--path=..'], 'Write globs as paths from the root of the image'],
    [['a', 'b', '--cache-dir-max-size=5GB'], 'Write for example 50GiB, 0 or unlimited.'],
    [['a', 'b', '--format=tar', '--path=etc'], 'Leave out one of the two.'],
    [
      ['cache', 'ls', '--cache-dir=nowhere'],
      'Check the path; the first pull with this --cache-dir makes it.',
    ],
  ])('of %j says what to write', async (argv, hint) => {
    const { status, stderr } = await run(argv, { pull: failing(new Error('pulled')), cwd: temporary() });
    expect(status).toBe(2);
    expect(stderr).toContain(`hint: ${hint}`);
  });
});

describe('a mistake', () => {
  it.each([
    [['inspct', 'r.example.com/app:v1'], 'Did you mean oci-pull inspect?'],
    [['inspct'], 'Did you mean oci-pull inspect?'],
    [['inspct', 'oci:layout'], 'Did you mean oci-pull inspect?'],
    [['dif', 'r.example.com/app:v1', 'v2'], 'Did you mean oci-pull diff?'],
    [['cahce', 'ls'], 'Did you mean oci-pull cache?'],
    [['--json', 'cache', 'ls'], 'A command stands before all options: oci-pull cache …'],
    [['pull', 'alpine', 'rootfs'], 'A pull needs no word of its own'],
    [['pull', 'alpine:3'], 'A pull needs no word of its own'],
    [['alpine', 'rootfs', '--quite'], 'Did you mean --quiet?'],
    [['alpine', 'rootfs', '--cache_dir=x'], 'Did you mean --cache-dir?'],
    [['inspect', 'alpine', '--form', 'v1'], 'Did you mean --from?'],
    [['alpine', 'rootfs', '--nothing-like-it'], 'Try oci-pull --help.'],
  ])('%j is wrong usage, with a hint', async (argv, hint) => {
    const { status, stderr } = await run(argv, { pull: failing(new Error('pulled')) });
    expect(status).toBe(2);
    expect(stderr).toContain(`hint: ${hint}`);
  });

  it.each([[['inspct', 'rootfs']], [['pull', 'rootfs']], [['find', 'example.com/dir']], [['a', 'b:1']]])(
    '%j may be meant',
    async (argv) => expect(await run(argv)).toMatchObject({ status: 0 }),
  );
});

describe('questions', () => {
  it.each([
    ['--help', /^usage: oci-pull IMAGE DESTINATION/],
    ['help', /^usage: oci-pull IMAGE DESTINATION/],
    ['help cache', /^usage: oci-pull cache/],
    ['--version', /^\d+\.\d+\.\d+\n$/],
    ['version', /^\d+\.\d+\.\d+\n$/],
  ])('%s is answered on standard output', async (option, expected) => {
    expect(await run(option.split(' '))).toEqual({
      status: 0,
      stdout: expect.stringMatching(expected),
      stderr: '',
    });
  });
});
