// Who owns the tree: the built program as root, as a user whom sudo lets be root, and as one whom it does not.
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CliJson, pullJson, scratch } from '../support/cli.ts';
import { fixtureImage, fixtureLayout } from '../support/fixture-image.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { expectedTree, isRoot, listTree, type TreeRecord } from '../support/tree.ts';
import { makeUsers, outcomeOf, skipUsers, type TestUser, type TestUsers } from '../support/users.ts';

const LAYOUT = fixtureLayout('zstd-chunked');
const BESIDE = ['rootfs', 'rootfs.config.json', 'rootfs.oci-pull.json'];
/** What the fixture holds that only root can make. */
const LEFT_OUT = [
  { path: '/usr/bin/suid', kind: 'xattr' },
  { path: '/dev/null', kind: 'device' },
];

let registry: TestRegistry;
beforeAll(async () => {
  registry = await startRegistry({ images: [{ repository: 'fx', layout: LAYOUT }] });
});
afterAll(() => registry.close());

const image = (tag: string) => `${registry.host}/fx:${tag}`;

function argumentsFor(directory: string, tag: string, ownership: string): string[] {
  const cache = ['--cache-dir', join(directory, 'cache')];
  return [image(tag), join(directory, 'rootfs'), ...cache, '--ownership', ownership, '--json'];
}

async function pullAs(user: TestUser, ...args: Parameters<typeof argumentsFor>): Promise<CliJson> {
  const { status, stdout, stderr } = await user.run(...argumentsFor(...args));
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as CliJson;
}

/** All but the cache. */
const beside = (directory: string) => readdirSync(directory).filter((name) => name !== 'cache');

/** The tree as it is for a user who owns all of it. */
function expectedFor(tag: string, uid: number): TreeRecord[] {
  return expectedTree(tag, { noDevices: true, noXattrs: true }).map((record) => {
    const bits = record.type === 'dir' ? 0o700 : record.type === 'file' ? 0o600 : 0;
    const mode = record.mode && { mode: `0o${((Number(record.mode) & ~0o6000) | bits).toString(8)}` };
    return { ...record, ...mode, uid, gid: expect.any(Number) };
  });
}

function checkRunnerTree(directory: string, tag: string, uid: number): void {
  const tree = listTree(join(directory, 'rootfs'), { noDevices: true, noXattrs: true });
  expect(tree).toEqual(expectedFor(tag, uid));
}

const skippedOf = (directory: string) =>
  JSON.parse(readFileSync(join(directory, 'rootfs.skipped.json'), 'utf8'));

describe.skipIf(!isRoot())('root (needs root)', () => {
  it('preserves owners unless told otherwise, and lists what is left out then', async () => {
    using dir = scratch();
    const runner = await pullJson(argumentsFor(dir.path, 'v1', 'runner'));
    expect(runner).toMatchObject({ ownership: 'runner', skipped: 2 });
    expect(runner['skipped-path']).toBe(dir.in('rootfs.skipped.json'));
    checkRunnerTree(dir.path, 'v1', 0);
    expect(skippedOf(dir.path)).toMatchObject({
      version: 1,
      image: runner.image,
      ownership: 'runner',
      count: 2,
      counts: { device: 1, fifo: 0, xattr: 1 },
      entries: LEFT_OUT,
    });
    const auto = await pullJson(argumentsFor(dir.path, 'v1', 'auto'));
    expect(auto).toMatchObject({ ownership: 'preserve', skipped: 0, 'skipped-path': null });
    expect(listTree(dir.in('rootfs'))).toEqual(expectedTree('v1'));
    expect(beside(dir.path)).toEqual(BESIDE);
  });
});

describe.skipIf(skipUsers())('with sudo (needs root to make users)', () => {
  let users: TestUsers;
  let user: TestUser;
  beforeAll(() => {
    users = makeUsers();
    user = users.sudoer;
  });
  afterAll(() => users[Symbol.dispose]());

  it('a user preserves owners, also in place of an earlier tree, and leaves nothing else', async () => {
    const directory = user.directory();
    for (const tag of ['v1', 'v2', 'v1']) {
      const result = await pullAs(user, directory, tag, 'preserve');
      expect(result).toMatchObject({ ownership: 'preserve', skipped: 0 });
      expect(listTree(join(directory, 'rootfs'))).toEqual(expectedTree(tag));
      expect(beside(directory)).toEqual(BESIDE);
    }
    expect(users.rootProcesses()).toEqual([]);
  });

  it('a user owns everything unless told otherwise, also in place of a tree of others', async () => {
    const directory = user.directory();
    await pullAs(user, directory, 'v1', 'preserve');
    for (const tag of ['v2', 'v1']) {
      expect(await pullAs(user, directory, tag, 'auto')).toMatchObject({ ownership: 'runner', skipped: 2 });
      checkRunnerTree(directory, tag, user.uid);
      expect(beside(directory)).toEqual([...BESIDE, 'rootfs.skipped.json']);
    }
  });

  it('one attempt after the other begins in an empty directory', async () => {
    await using faulty = await startRegistry({
      images: [{ repository: 'fx', layout: LAYOUT }],
      faults: [{ kind: 'corrupt', offset: 400_000, on: fixtureImage('v1').layer.digest, times: 1 }],
    });
    const directory = user.directory();
    const [, ...args] = argumentsFor(directory, 'v1', 'preserve');
    const { status, stdout } = await user.run(`${faulty.host}/fx:v1`, ...args);
    expect(status).toBe(0);
    expect(JSON.parse(stdout).warnings.join()).toContain('arrived damaged and is fetched again');
    expect(listTree(join(directory, 'rootfs'))).toEqual(expectedTree('v1'));
    expect(beside(directory)).toEqual(BESIDE);
  });

  it('a damaged image leaves nothing', async () => {
    await using faulty = await startRegistry({
      images: [{ repository: 'fx', layout: LAYOUT }],
      faults: [{ kind: 'corrupt', offset: 400_000, on: fixtureImage('v1').layer.digest }],
    });
    const directory = user.directory();
    const [, ...args] = argumentsFor(directory, 'v1', 'preserve');
    const { status, stderr } = await user.run(`${faulty.host}/fx:v1`, ...args);
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('DIGEST_MISMATCH') });
    expect(beside(directory)).toEqual([]);
    expect(users.rootProcesses()).toEqual([]);
  });

  it('a destination in a directory of somebody else is refused before anything is fetched', async () => {
    const directory = user.directory();
    mkdirSync(join(directory, 'shared'));
    chmodSync(join(directory, 'shared'), 0o1777);
    chownSync(join(directory, 'shared'), 0, 0);
    const before = registry.requests.length;
    const { status, stderr } = await user.run(...argumentsFor(join(directory, 'shared'), 'v1', 'preserve'));
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('DESTINATION_UNSAFE') });
    expect(registry.requests).toHaveLength(before);
    expect(readdirSync(join(directory, 'shared'))).toEqual([]);
  });

  describe('a pull that is stopped while root unpacks', () => {
    /** Stops it by `signal` once root has made something, and tells its status. */
    async function stopInTheMiddle(directory: string, signal: NodeJS.Signals): Promise<number | null> {
      await using slow = await startRegistry({
        images: [{ repository: 'fx', layout: fixtureLayout('gzip') }],
        faults: [{ kind: 'slow', milliseconds: 150, on: '/blobs/' }],
      });
      const [, ...args] = argumentsFor(directory, 'v1', 'preserve');
      const child = user.start(`${slow.host}/fx:v1`, ...args);
      const ended = outcomeOf(child);
      while (!hasBegun(directory) && child.exitCode === null) await sleep(5);
      child.kill(signal);
      return (await ended).status;
    }

    function hasBegun(directory: string): boolean {
      const staged = beside(directory).map((name) => join(directory, name));
      return staged.some((path) => lstatSync(path).uid === 0 && readdirSync(path).length > 0);
    }

    it.each([
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ] as const)('by %s ends with %i, and leaves neither a tree nor a process', async (signal, status) => {
      const directory = user.directory();
      expect(await stopInTheMiddle(directory, signal)).toBe(status);
      expect(beside(directory)).toEqual([]);
      expect(users.rootProcesses()).toEqual([]);
    });

    it('by SIGKILL leaves neither a tree nor a process either', async () => {
      const directory = user.directory();
      expect(await stopInTheMiddle(directory, 'SIGKILL')).toBeNull();
      for (let wait = 0; wait < 200 && users.rootProcesses().length > 0; wait++) await sleep(50);
      expect(users.rootProcesses()).toEqual([]);
      expect(beside(directory)).toEqual([]);
    });

    it('leaves the tree of an earlier pull as it was', async () => {
      const directory = user.directory();
      await pullAs(user, directory, 'v2', 'preserve');
      await stopInTheMiddle(directory, 'SIGTERM');
      expect(listTree(join(directory, 'rootfs'))).toEqual(expectedTree('v2'));
      expect(beside(directory)).toEqual(BESIDE);
    });

    it('by the end of the root process says so, and leaves nothing', async () => {
      const directory = user.directory();
      await using slow = await startRegistry({
        images: [{ repository: 'fx', layout: fixtureLayout('gzip') }],
        faults: [{ kind: 'slow', milliseconds: 150, on: '/blobs/' }],
      });
      const [, ...args] = argumentsFor(directory, 'v1', 'preserve');
      const ended = user.run(`${slow.host}/fx:v1`, ...args);
      while (!hasBegun(directory)) await sleep(5);
      for (const id of users.rootProcesses()) process.kill(id, 'SIGKILL');
      const { status, stderr } = await ended;
      expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('WORKER_EXITED') });
      expect(beside(directory)).toEqual([]);
    });
  });
});

describe.skipIf(skipUsers())('without sudo (needs root to make users)', () => {
  let users: TestUsers;
  let user: TestUser;
  beforeAll(() => {
    users = makeUsers();
    user = users.plain;
  });
  afterAll(() => users[Symbol.dispose]());

  it('a user owns everything, and is told what is left out', async () => {
    const directory = user.directory();
    const result = await pullAs(user, directory, 'v1', 'auto');
    expect(result).toMatchObject({ ownership: 'runner', skipped: 2 });
    expect(result.warnings).toHaveLength(1);
    checkRunnerTree(directory, 'v1', user.uid);
    expect(skippedOf(directory).entries).toMatchObject(LEFT_OUT);
  });

  it('owners cannot be preserved, which shows before the registry is asked for anything', async () => {
    const directory = user.directory();
    const before = registry.requests.length;
    const { status, stderr } = await user.run(...argumentsFor(directory, 'v1', 'preserve'));
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('ROOT_REQUIRED') });
    expect(registry.requests).toHaveLength(before);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('a tree of others cannot be replaced, which shows as early', async () => {
    const directory = user.directory();
    await pullJson(argumentsFor(directory, 'v1', 'preserve'));
    for (const name of ['rootfs.config.json', 'rootfs.oci-pull.json'])
      chmodSync(join(directory, name), 0o644);
    const before = registry.requests.length;
    const { status, stderr } = await user.run(...argumentsFor(directory, 'v2', 'auto'));
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('ROOT_REQUIRED') });
    expect(stderr).toContain('sudo rm -rf');
    expect(registry.requests).toHaveLength(before);
    expect(listTree(join(directory, 'rootfs'))).toEqual(expectedTree('v1'));
  });

  it("somebody's own file in the place of the list is refused", async () => {
    const directory = user.directory();
    writeFileSync(join(directory, 'rootfs.skipped.json'), 'mine');
    const { status, stderr } = await user.run(...argumentsFor(directory, 'v1', 'auto'));
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('DESTINATION_UNSAFE') });
    expect(existsSync(join(directory, 'rootfs'))).toBe(false);
  });
});
