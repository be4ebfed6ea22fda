// The whole program as a process, against a registry that behaves and one that does not.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RegistryOptions, startRegistry, type TestRegistry } from '../support/registry.ts';

const PROGRAM = join(import.meta.dirname, '../../src/cli.ts');
const LAYOUT = join(import.meta.dirname, '../fixtures/image/zstd-chunked');

let directory: string;
let registry: TestRegistry;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cli-'));
});
afterEach(async () => {
  await registry.close();
  rmSync(directory, { recursive: true, force: true });
});

async function serve(options: Partial<RegistryOptions> = {}): Promise<string> {
  registry = await startRegistry({ images: [{ repository: 'app', layout: LAYOUT }], ...options });
  return `${registry.host}/app`;
}

/** In a directory of its own, with a cache of its own, and with no terminal. */
function start(...args: string[]): ChildProcess {
  const all = [PROGRAM, ...args, '--platform=linux/amd64', '--cache-dir=cache'];
  return spawn(process.execPath, all, { cwd: directory, stdio: 'pipe' });
}

async function finish(child: ChildProcess) {
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (text) => {
    stdout += text;
  });
  child.stderr?.on('data', (text) => {
    stderr += text;
  });
  const [status] = await once(child, 'close');
  return { status, stdout, stderr };
}

describe('a pull', () => {
  it('ends with a root file system and a report, and leaves standard error empty', async () => {
    const image = await serve();
    const { status, stdout, stderr } = await finish(start(`${image}:v1`, 'rootfs', '--quiet'));
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain(`is in ${join(directory, 'rootfs')}`);
    expect(readFileSync(join(directory, 'rootfs/etc/version'), 'utf8')).not.toBe('');
  });

  it('takes an update from the cache but for what is new', async () => {
    const image = await serve();
    const first = await finish(start(`${image}:v1`, 'rootfs'));
    expect(first.stderr).not.toContain('tables of contents');
    const { stdout, stderr } = await finish(start(`${image}:v2`, 'rootfs', '--json'));
    expect(stderr).toMatch(/^besides \S+ k?B of tables of contents, fetched already$/m);
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({ 'cache-hit': false, 'root-path': join(directory, 'rootfs') });
    expect(result['bytes-downloaded']).toBeLessThan(result['bytes-total'] / 5);
    expect(result['bytes-from-cache']).toBeGreaterThan(result['bytes-total'] / 2);
  });

  it.each(['empty', 'filled'])(
    'says why a plain layer comes whole, with a cache that is %s',
    async (cache) => {
      const gzip = join(import.meta.dirname, '../fixtures/image/gzip');
      const images = [
        { repository: 'app', layout: LAYOUT },
        { repository: 'plain', layout: gzip },
      ];
      const image = await serve({ images });
      if (cache === 'filled') await finish(start(`${image}:v1`, 'other'));
      const { stderr } = await finish(start(`${registry.host}/plain:v1`, 'rootfs'));
      expect(stderr.match(/whole: gzip has no parts/g)?.length).toBe(2);
      expect(stderr).not.toContain('next to nothing');
    },
  );

  it('says so where a layer that has parts comes whole', async () => {
    const { stderr } = await finish(start(`${await serve()}:v1`, 'rootfs'));
    expect(stderr).toContain('whole: next to nothing of it is at hand');
  });

  it('signs in with the password from standard input', async () => {
    const image = await serve({ auth: { kind: 'basic', username: 'me', password: 's3cret-word' } });
    const child = start(`${image}:v1`, 'rootfs', '--username=me', '--password-stdin');
    child.stdin?.end('s3cret-word\n');
    const { status, stdout, stderr } = await finish(child);
    expect(status).toBe(0);
    expect(stdout + stderr).not.toContain('s3cret-word');
  });

  it('does not keep anything with --cache-mode=none', async () => {
    const image = await serve();
    await finish(start(`${image}:v1`, 'one', '--cache-mode=none'));
    const { stdout } = await finish(start(`${image}:v1`, 'two', '--cache-mode=none', '--json'));
    expect(JSON.parse(stdout)).toMatchObject({ 'cache-hit': false, 'bytes-from-cache': 0 });
  });
});

describe('a pull that cannot be', () => {
  it('ends with 1, a message, a hint and a code, and no destination', async () => {
    const image = await serve();
    const { status, stdout, stderr } = await finish(start(`${image}:v3`, 'rootfs', '--json'));
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(
      /^error: .+\n(cause: .+\n)?hint: .+\ncode: NOT_FOUND\nsee: .*\/docs\/errors\.md#not_found\n$/,
    );
    expect(existsSync(join(directory, 'rootfs'))).toBe(false);
  });

  it('does not print a wrong password', async () => {
    const image = await serve({ auth: { kind: 'basic', username: 'me', password: 'right' } });
    const child = start(`${image}:v1`, 'rootfs', '--username=me', '--password-stdin');
    child.stdin?.end('s3cret-word');
    const { status, stderr } = await finish(child);
    expect(status).toBe(1);
    expect(stderr).toContain('code: UNAUTHORIZED');
    expect(stderr).not.toContain('s3cret-word');
  });
});

describe('an interrupted pull', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    'by %s ends with %d and leaves nothing at or beside the destination',
    async (signal, expected) => {
      const image = await serve({ faults: [{ kind: 'stall', on: /blobs/, after: 1, bytes: 1000 }] });
      const child = start(`${image}:v1`, 'rootfs');
      const finished = finish(child);
      await expect.poll(() => registry.requests.length, { timeout: 10_000 }).toBeGreaterThan(2);
      child.kill(signal);
      const { status, stderr } = await finished;
      expect({ status, code: /^code: (.+)$/m.exec(stderr)?.[1] }).toEqual({
        status: expected,
        code: 'ABORTED',
      });
      expect(readdirSync(directory)).toEqual(['cache']);
    },
  );
});
