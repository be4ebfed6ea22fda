// A store that cannot be written, or not be used at all, costs the cache and never the pull.
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLI, type CliJson, pullJson, runCli, scratch } from '../support/cli.ts';
import { fixtureLayout } from '../support/fixture-image.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { skipMounts } from '../support/small-disk.ts';
import { expectedTree, listTree } from '../support/tree.ts';
import { makeUsers, skipUsers } from '../support/users.ts';

let registry: TestRegistry;
beforeAll(async () => {
  registry = await startRegistry({
    images: (['zstd-chunked', 'gzip'] as const).map((format) => ({
      repository: format,
      layout: fixtureLayout(format),
    })),
  });
});
afterAll(() => registry.close());

/** Contents and kinds, whoever owns them: what must be the same in any pull. */
function contents(root: string) {
  return listTree(root, { noOwner: true, noXattrs: true, noDevices: true }).map(({ path, type, sha256 }) => ({
    path,
    type,
    sha256,
  }));
}
const expected = (tag: string) =>
  expectedTree(tag, { noDevices: true }).map(({ path, type, sha256 }) => ({ path, type, sha256 }));

/** With warnings about the cache only: in a test's namespace not every attribute can be made. */
function toResult(line: string): CliJson {
  const result = JSON.parse(line) as CliJson;
  return { ...result, warnings: result.warnings.filter((each) => each.includes('cache')) };
}

const skipped = skipMounts();
describe.skipIf(skipped)(`a cache on a small disk${skipped ? ` (${skipped})` : ''}`, () => {
  /** Runs pulls one after the other, each `repository:tag destination`, and lists what is in the store at last. */
  async function pulls(directory: string, mount: string, ...steps: readonly string[]) {
    const cache = join(directory, 'cache');
    mkdirSync(cache);
    const flags = '--cache-dir "$0" --ownership runner --json --quiet --platform linux/amd64';
    const commands = steps.map((step) => {
      if (!step.includes(':')) return step;
      const [image = '', name = ''] = step.split(' ');
      const destination = name.startsWith('/') ? name : join(directory, name);
      return `"$NODE" "$CLI" ${registry.host}/${image} ${destination} ${flags}; echo "status $?"`;
    });
    const list = 'for each in packs staging leases; do ls "$0/v1/$each" 2>/dev/null; done | sed "s/^/left /"';
    const script = ['mount -t tmpfs -o "$1" tmpfs "$0" || exit 9', ...commands, list].join('\n');
    const env = { ...process.env, NODE: process.execPath, CLI };
    const child = spawn('unshare', ['-rm', 'sh', '-c', script, cache, mount], { env, stdio: 'pipe' });
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    const lines = stdout.trim().split('\n');
    return {
      stderr,
      statuses: lines.flatMap((line) => /^status (\d+)$/.exec(line)?.[1] ?? []),
      results: lines.filter((line) => line.startsWith('{')).map(toResult),
      left: lines.flatMap((line) => /^left (.*)$/.exec(line)?.[1] ?? []),
    };
  }

  it('that becomes full gives the tree without a cache, with one warning, and leaves nothing there', async () => {
    using dir = scratch();
    const { stderr, statuses, results, left } = await pulls(dir.path, 'size=1m', 'gzip:v1 rootfs');
    expect({ stderr, statuses, left }).toEqual({ stderr: '', statuses: ['0'], left: [] });
    expect(results[0]?.warnings).toEqual([
      expect.stringMatching(/^the cache cannot be written, so nothing new is kept: no space left/),
    ]);
    expect(contents(dir.in('rootfs'))).toEqual(expected('v1'));
    expect(readdirSync(dir.path).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('that has no room for another image keeps the one it has, and goes on using it', async () => {
    using dir = scratch();
    const { results, left } = await pulls(
      dir.path,
      'size=3m',
      'zstd-chunked:v1 one',
      'gzip:v1 two',
      'zstd-chunked:v1 three',
    );
    expect(results.map((result) => [result['cache-hit'], result.warnings.length])).toEqual([
      [false, 0],
      [false, 1],
      [true, 0],
    ]);
    expect(left).toHaveLength(1);
    for (const name of ['one', 'two', 'three']) expect(contents(dir.in(name))).toEqual(expected('v1'));
  });

  it('that has no room for what is new still gives what it holds', async () => {
    using dir = scratch();
    const fill = 'head -c 100m /dev/zero > "$0/filler" 2>/dev/null';
    const { results } = await pulls(dir.path, 'size=3m', 'zstd-chunked:v1 one', fill, 'zstd-chunked:v2 two');
    expect(results[1]?.['bytes-from-cache']).toBeGreaterThan(1_000_000);
    expect(results[1]?.['bytes-downloaded']).toBeLessThan(1_000_000);
    expect(results[1]?.warnings).toHaveLength(1);
    expect(contents(dir.in('two'))).toEqual(expected('v2'));
  });

  it('that takes not even a directory is not used', async () => {
    using dir = scratch();
    const { statuses, results } = await pulls(dir.path, 'nr_inodes=1', 'gzip:v1 rootfs');
    expect(statuses).toEqual(['0']);
    expect(results[0]?.warnings).toEqual([expect.stringMatching(/^the cache is not used: no space left/)]);
    expect(contents(dir.in('rootfs'))).toEqual(expected('v1'));
  });

  it('that may only be read is read', async () => {
    using dir = scratch();
    const remount = 'mount -o remount,ro "$0"';
    const { results } = await pulls(
      dir.path,
      'size=9m',
      'zstd-chunked:v1 one',
      remount,
      'zstd-chunked:v2 two',
    );
    expect(results[1]?.['bytes-from-cache']).toBeGreaterThan(1_000_000);
    expect(results[1]?.warnings).toEqual([expect.stringMatching(/^the cache cannot be written/)]);
    expect(contents(dir.in('two'))).toEqual(expected('v2'));
  });

  it('and a destination there, too, fail for lack of room, and leave nothing', async () => {
    using dir = scratch();
    mkdirSync(dir.in('cache'));
    const script = `mount -t tmpfs -o size=1m tmpfs "$0" || exit 9
      mkdir "$0/work" && "$NODE" "$CLI" ${registry.host}/gzip:v1 "$0/work/rootfs" --cache-dir "$0/cache" --quiet
      echo "status $?"; find "$0/work" "$0/cache" -type f`;
    const env = { ...process.env, NODE: process.execPath, CLI };
    const child = spawn('unshare', ['-rm', 'sh', '-c', script, dir.in('cache')], { env, stdio: 'pipe' });
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    expect(stdout).toBe('status 1\n');
    expect(stderr).toContain('code: DISK_FULL');
  });
});

describe('a cache directory', () => {
  it('that is a file is not used, and the warning names it', async () => {
    using dir = scratch();
    writeFileSync(dir.in('cache'), '');
    const args = [`${registry.host}/gzip:v1`, dir.in('rootfs'), '--cache-dir', dir.in('cache')];
    const { warnings } = await pullJson(args);
    expect(warnings).toEqual([
      expect.stringContaining(`the cache is not used: the chunk store ${dir.in('cache')}`),
    ]);
    expect(contents(dir.in('rootfs'))).toEqual(expected('v1'));
    const { status, stderr } = await runCli(['cache', 'ls', '--cache-dir', dir.in('cache')]);
    expect({ status, code: /^code: (.+)$/m.exec(stderr)?.[1] }).toEqual({ status: 1, code: 'STORE_FAILED' });
  });
});

const withoutUsers = skipUsers();
describe.skipIf(withoutUsers)(`a cache of another user${withoutUsers ? ` (${withoutUsers})` : ''}`, () => {
  it('is not used, and the pull says so once', async () => {
    using users = makeUsers();
    const own = users.plain.directory();
    using dir = scratch();
    chmodSync(dir.path, 0o755);
    const image = `${registry.host}/gzip:v1`;
    const cache = ['--cache-dir', dir.in('cache')];
    await pullJson([image, dir.in('rootfs'), ...cache]);
    const { status, stdout } = await users.plain.run(
      image,
      join(own, 'rootfs'),
      ...cache,
      '--json',
      '--quiet',
    );
    expect(status).toBe(0);
    expect(toResult(stdout).warnings).toEqual([
      expect.stringMatching(/^the cache is not used: .*permission denied/),
    ]);
    expect(contents(join(own, 'rootfs'))).toEqual(expected('v1'));
  });
});
