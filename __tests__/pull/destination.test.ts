import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { NamedDirectory } from '../../src/elevate/protocol.ts';
import { claimDestination } from '../../src/pull/destination.ts';
import { recordPath } from '../../src/pull/destination-record.ts';
import { rejected } from '../support/pull-error.ts';
import { temporaryDirectories } from '../support/temporary.ts';
import { isRoot } from '../support/tree.ts';

const newDirectory = temporaryDirectories();
const RECORD = { image: 'example.com/app@sha256:aa', platform: 'linux/amd64', ownership: 'runner' } as const;
const CONFIG = Buffer.from('{"os":"linux"}');
const DAY = 24 * 60 * 60 * 1000;

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
});

/** A pull of one file into `path`. */
async function pullInto(path: string, content = 'new'): Promise<void> {
  const destination = await claimDestination(path, { workspace: '/elsewhere' });
  writeFileSync(join(destination.root, 'file'), content);
  await destination.publish(RECORD, { config: CONFIG, skipped: undefined });
}

const contentOf = (path: string) => readFileSync(join(path, 'file'), 'utf8');
function nameOf(path: string): string {
  const { ino, birthtimeNs } = lstatSync(path, { bigint: true });
  return `${ino} ${birthtimeNs}`;
}

const recordOf = (path: string) => JSON.parse(readFileSync(recordPath(path), 'utf8'));
const claim = (path: string) => claimDestination(path, { workspace: '/elsewhere' });

describe('a destination', () => {
  const workspace = newDirectory();
  mkdirSync(join(workspace, 'sub'));
  writeFileSync(join(workspace, 'file'), '');
  symlinkSync(workspace, join(workspace, 'link'));
  symlinkSync(join(workspace, 'nothing'), join(workspace, 'dangling'));
  mkdirSync(join(workspace, 'full/inner'), { recursive: true });

  it.each<[string, string]>([
    ['the root of the file system', '/'],
    ['the working directory', workspace],
    ['the working directory by another way', join(workspace, 'sub/..')],
    ['a parent of the working directory', dirname(workspace)],
    ['the home directory', homedir()],
    ['a parent of the home directory', dirname(homedir())],
    ['a .git directory', join(workspace, '.git')],
    ['something in a .git directory', join(workspace, 'x/.git/modules/rootfs')],
    ['a file', join(workspace, 'file')],
    ['a link to a directory', join(workspace, 'link')],
    ['a link to nothing', join(workspace, 'dangling')],
    ['a directory that somebody else filled', join(workspace, 'full')],
  ])('is refused where it is %s, and nothing is changed', async (_, path) => {
    const before = readdirSync(workspace);
    await rejected('DESTINATION_UNSAFE', claimDestination(path, { workspace }));
    expect(readdirSync(workspace)).toEqual(before);
  });

  it.each(['config', 'skipped'])("is refused where somebody's own file has the place of %s", async (name) => {
    const path = join(newDirectory(), 'rootfs');
    writeFileSync(`${path}.${name}.json`, 'mine');
    await rejected('DESTINATION_UNSAFE', claim(path));
    expect(readFileSync(`${path}.${name}.json`, 'utf8')).toBe('mine');
  });

  it('is refused where it holds a working directory whose name begins with two dots', async () => {
    const path = newDirectory();
    await rejected('DESTINATION_UNSAFE', claimDestination(path, { workspace: join(path, '..cwd') }));
  });

  it.each<[string, (record: string) => void]>([
    ['says nothing', (record) => writeFileSync(record, '')],
    ['is of another tool', (record) => writeFileSync(record, '{"tool":"other","version":1}')],
    ['is of another version', (record) => writeFileSync(record, '{"tool":"oci-pull","version":2}')],
    ['is no object', (record) => writeFileSync(record, 'null')],
    ['is a directory', (record) => void mkdirSync(record)],
    ['is a link', (record) => symlinkSync(`${record}.real`, record)],
    [
      'is too large',
      (record) => writeFileSync(record, `{"tool":"oci-pull","version":1${' '.repeat(70_000)}}`),
    ],
  ])('is refused where it is full and its record %s', async (_, write) => {
    const path = join(newDirectory(), 'rootfs');
    mkdirSync(path);
    writeFileSync(join(path, 'mine'), 'mine');
    writeFileSync(`${recordPath(path)}.real`, '{"tool":"oci-pull","version":1}');
    write(recordPath(path));
    const error = await rejected('DESTINATION_UNSAFE', claim(path));
    expect(error.hint).toContain(recordPath(path));
    expect(readdirSync(path)).toEqual(['mine']);
  });

  it('is refused where its user has put another directory in the place of ours', async () => {
    const path = join(newDirectory(), 'rootfs');
    await pullInto(path);
    renameSync(path, `${path}.gone`);
    mkdirSync(path);
    writeFileSync(join(path, 'mine'), 'mine');
    await rejected('DESTINATION_UNSAFE', claim(path));
    expect(readdirSync(path)).toEqual(['mine']);
  });

  it('is refused where a new directory has got the inode number of ours', async () => {
    const path = join(newDirectory(), 'rootfs');
    await pullInto(path);
    renameSync(path, `${path}.gone`);
    mkdirSync(path);
    writeFileSync(join(path, 'mine'), 'mine');
    const { ino } = lstatSync(path);
    const record = { ...recordOf(path), inodes: [`${ino} 1`] };
    writeFileSync(recordPath(path), JSON.stringify(record));
    await rejected('DESTINATION_UNSAFE', claim(path));
  });

  it.skipIf(!isRoot())('is refused where its record is of another user (needs root)', async () => {
    const path = join(newDirectory(), 'rootfs');
    await pullInto(path);
    chownSync(recordPath(path), 5, 5);
    await rejected('DESTINATION_UNSAFE', claim(path));
    expect(contentOf(path)).toBe('new');
  });

  it.each<[string, (path: string) => void]>([
    ['absent', () => undefined],
    ['absent, and its parents too', (path) => rmSync(dirname(path), { recursive: true })],
    ['empty', (path) => void mkdirSync(path)],
    ['in the working directory', () => undefined],
  ])('is taken where it is %s', async (_, prepare) => {
    const path = join(newDirectory(), 'parent/rootfs');
    mkdirSync(dirname(path));
    prepare(path);
    const destination = await claimDestination(path, { workspace: dirname(path) });
    expect(destination).toMatchObject({ path, configPath: `${path}.config.json` });
    expect(dirname(destination.root)).toBe(dirname(path));
    expect(readdirSync(destination.root)).toEqual([]);
    expect(lstatSync(destination.root).mode & 0o777).toBe(0o700);
    await destination.discard();
  });

  it('fails where its parent is a file', async () => {
    const path = join(newDirectory(), 'file');
    writeFileSync(path, '');
    await rejected('UNPACK_FAILED', claim(join(path, 'rootfs')));
  });

  it('can be claimed twice at once, each with a directory of its own', async () => {
    const path = join(newDirectory(), 'rootfs');
    const [one, two] = await Promise.all([claim(path), claim(path)]);
    expect(two.root).not.toBe(one.root);
    expect([existsSync(one.root), existsSync(two.root)]).toEqual([true, true]);
  });
});

describe('publish', () => {
  it('puts the tree, the config and the record in their places, and nothing else', async () => {
    const path = join(newDirectory(), 'rootfs');
    await pullInto(path);
    expect(readdirSync(dirname(path)).sort()).toEqual([
      'rootfs',
      'rootfs.config.json',
      'rootfs.oci-pull.json',
    ]);
    expect(contentOf(path)).toBe('new');
    expect(readFileSync(`${path}.config.json`)).toEqual(CONFIG);
    expect(recordOf(path)).toEqual({
      tool: 'oci-pull',
      version: 1,
      ...RECORD,
      complete: true,
      inodes: [nameOf(path)],
    });
  });

  it('puts the list of what was left out beside the tree, until a pull leaves nothing out', async () => {
    const path = join(newDirectory(), 'rootfs');
    const first = await claim(path);
    await first.publish(RECORD, { config: CONFIG, skipped: Buffer.from('a list') });
    expect(first.skippedPath).toBe(`${path}.skipped.json`);
    expect(readFileSync(first.skippedPath, 'utf8')).toBe('a list');
    expect(readdirSync(dirname(path))).toHaveLength(4);
    await pullInto(path);
    expect(readdirSync(dirname(path))).toHaveLength(3);
    expect(existsSync(first.skippedPath)).toBe(false);
  });

  it('takes the place of an empty directory', async () => {
    const path = join(newDirectory(), 'rootfs');
    mkdirSync(path);
    await pullInto(path);
    expect(contentOf(path)).toBe('new');
  });

  it('replaces the whole result of an earlier pull', async () => {
    const path = join(newDirectory(), 'rootfs');
    await pullInto(path, 'old');
    writeFileSync(join(path, 'left over'), '');
    await pullInto(path);
    expect([contentOf(path), readdirSync(path)]).toEqual(['new', ['file']]);
    expect(readdirSync(dirname(path))).toHaveLength(3);
  });

  it.each<[string, 'nothing' | 'empty' | 'old', (path: string) => void]>([
    ['a full directory where there was nothing', 'nothing', (path) => mkdirSync(path)],
    ['something in a directory that was empty', 'empty', () => undefined],
    [
      'another directory in the place of the earlier tree',
      'old',
      (path) => {
        renameSync(path, `${path}.gone`);
        mkdirSync(path);
      },
    ],
  ])('is refused where somebody has put %s since, and that is left', async (_, before, change) => {
    const path = join(newDirectory(), 'rootfs');
    if (before === 'old') await pullInto(path, 'old');
    if (before === 'empty') mkdirSync(path);
    const destination = await claim(path);
    change(path);
    writeFileSync(join(path, 'file'), 'precious');
    const files = { config: CONFIG, skipped: undefined };
    await rejected('DESTINATION_UNSAFE', destination.publish(RECORD, files));
    await destination.discard();
    expect(contentOf(path)).toBe('precious');
    expect(readdirSync(dirname(path)).filter((name) => name.startsWith('.'))).toEqual([]);
    await rejected('DESTINATION_UNSAFE', claim(path));
  });

  it.each(['', '.config.json'])(
    'is refused where somebody has made a file "rootfs%s" since',
    async (name) => {
      const path = join(newDirectory(), 'rootfs');
      const destination = await claim(path);
      writeFileSync(`${path}${name}`, 'precious');
      const files = { config: CONFIG, skipped: undefined };
      await rejected('DESTINATION_UNSAFE', destination.publish(RECORD, files));
      await destination.discard();
      expect(readFileSync(`${path}${name}`, 'utf8')).toBe('precious');
      expect(readdirSync(dirname(path))).toEqual([`rootfs${name}`]);
    },
  );

  it('takes the place of an empty directory that has appeared since', async () => {
    const path = join(newDirectory(), 'rootfs');
    const destination = await claim(path);
    mkdirSync(path);
    await destination.publish(RECORD, { config: CONFIG, skipped: undefined });
    expect(recordOf(path).inodes).toEqual([nameOf(path)]);
  });

  it('leaves the destination alone until then', async () => {
    const path = join(newDirectory(), 'rootfs');
    await pullInto(path, 'old');
    const destination = await claim(path);
    writeFileSync(join(destination.root, 'file'), 'new');
    expect(contentOf(path)).toBe('old');
    expect(recordOf(path)).toMatchObject({ complete: true });
    await destination.discard();
  });

  it('that cannot move the new tree leaves the old one in its place', async () => {
    const path = join(newDirectory(), 'rootfs');
    await pullInto(path, 'old');
    const destination = await claim(path);
    rmSync(destination.root, { recursive: true });
    await rejected('UNPACK_FAILED', destination.publish(RECORD, { config: CONFIG, skipped: undefined }));
    await destination.discard();
    expect(contentOf(path)).toBe('old');
    expect(readdirSync(dirname(path)).filter((name) => name.startsWith('.'))).toEqual([]);
    await pullInto(path);
    expect(contentOf(path)).toBe('new');
  });
});

describe('reset', () => {
  it('empties the tree for another attempt', async () => {
    const destination = await claim(join(newDirectory(), 'rootfs'));
    mkdirSync(join(destination.root, 'a/b'), { recursive: true });
    await destination.reset();
    expect(readdirSync(destination.root)).toEqual([]);
    expect(lstatSync(destination.root).mode & 0o777).toBe(0o700);
    await destination.discard();
  });

  it('follows no link out of the tree', async () => {
    const outside = newDirectory();
    writeFileSync(join(outside, 'mine'), '');
    const destination = await claim(join(newDirectory(), 'rootfs'));
    symlinkSync(outside, join(destination.root, 'link'));
    await destination.reset();
    expect(readdirSync(outside)).toEqual(['mine']);
    await destination.discard();
  });
});

describe('with the help of root', () => {
  /** Removes as root would, and tells what. */
  function helper() {
    const removed: NamedDirectory[] = [];
    const removeTree = async (tree: NamedDirectory) => {
      if (existsSync(tree.path) && nameOf(tree.path) !== tree.inode) throw new Error('another directory');
      removed.push(tree);
      rmSync(tree.path, { recursive: true, force: true });
    };
    return { removed, options: { workspace: '/elsewhere', removeTree } };
  }

  it('trees are removed by their names and inodes: one that is emptied, given up, or replaced', async () => {
    const path = join(newDirectory(), 'rootfs');
    await pullInto(path, 'old');
    const old = nameOf(path);
    const { removed, options } = helper();
    const given = await claimDestination(path, options);
    await given.reset();
    await given.discard();
    expect(removed.map((tree) => tree.path)).toEqual([given.root, given.root]);
    const taken = await claimDestination(path, options);
    await taken.publish(RECORD, { config: CONFIG, skipped: undefined });
    expect(removed.at(-1)).toEqual({ path: `${taken.root}.old`, inode: old });
    expect(readdirSync(dirname(path))).toHaveLength(3);
  });

  it.each([
    ['is gone a day later where it belongs to root', 0],
    ['is left where it belongs to somebody else', 5],
  ])('what a killed pull has left %s', async (_, uid) => {
    const path = join(newDirectory(), 'rootfs');
    const { root } = await claim(path);
    if (isRoot()) chownSync(root, uid, uid);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + DAY + 60_000 });
    const { removed, options } = helper();
    await claimDestination(path, options);
    expect(removed.map((tree) => tree.path)).toEqual(uid === 0 || !isRoot() ? [root] : []);
  });

  it.each([0o777, 0o775])('a directory of mode %o is refused, with a hint', async (mode) => {
    const path = join(newDirectory(), 'parent/rootfs');
    mkdirSync(dirname(path));
    chmodSync(dirname(path), mode);
    const error = await rejected('DESTINATION_UNSAFE', claimDestination(path, helper().options));
    expect(error.hint).toContain('chmod');
    expect(readdirSync(dirname(path))).toEqual([]);
  });

  it('directories on the way are made so that others cannot write to them', async () => {
    const path = join(newDirectory(), 'parent/rootfs');
    const umask = process.umask(0);
    const taken = await claimDestination(path, helper().options).finally(() => process.umask(umask));
    expect(lstatSync(dirname(path)).mode & 0o777).toBe(0o755);
    await taken.discard();
  });

  it.skipIf(!isRoot())('a directory of another user is refused (needs root)', async () => {
    const path = join(newDirectory(), 'parent/rootfs');
    mkdirSync(dirname(path));
    chownSync(dirname(path), 5, 5);
    await rejected('DESTINATION_UNSAFE', claimDestination(path, helper().options));
    expect(readdirSync(dirname(path))).toEqual([]);
  });
});

describe('discard', () => {
  it('leaves what was there before, and nothing else', async () => {
    const path = join(newDirectory(), 'rootfs');
    await pullInto(path, 'old');
    const before = readdirSync(dirname(path));
    const destination = await claim(path);
    writeFileSync(join(destination.root, 'file'), 'half');
    await destination.discard();
    expect([contentOf(path), readdirSync(dirname(path))]).toEqual(['old', before]);
  });

  it('leaves what was published, and may come twice', async () => {
    const path = join(newDirectory(), 'rootfs');
    const destination = await claim(path);
    writeFileSync(join(destination.root, 'file'), 'new');
    await destination.publish(RECORD, { config: CONFIG, skipped: undefined });
    await destination.discard();
    await destination.discard();
    expect(contentOf(path)).toBe('new');
  });
});

describe('after a pull that was killed', () => {
  /** As a pull leaves it that is killed at some step of publishing a second tree. */
  async function killed(step: 'unpacking' | 'recorded' | 'moved away' | 'moved') {
    const path = join(newDirectory(), 'rootfs');
    await pullInto(path, 'old');
    const { root } = await claim(path);
    const inodes = [path, root].map((each) => nameOf(each));
    writeFileSync(join(root, 'file'), 'half');
    if (step === 'unpacking') return { path, root };
    writeFileSync(recordPath(path), JSON.stringify({ ...recordOf(path), complete: false, inodes }));
    expect(recordOf(path)).toMatchObject({ complete: false });
    if (step === 'recorded') return { path, root };
    renameSync(path, `${root}.old`);
    if (step === 'moved') renameSync(root, path);
    return { path, root };
  }

  it.each(['unpacking', 'recorded', 'moved away', 'moved'] as const)(
    'when it was %s, another one succeeds',
    async (step) => {
      const { path } = await killed(step);
      await pullInto(path);
      expect([contentOf(path), recordOf(path).complete]).toEqual(['new', true]);
    },
  );

  it.each(['unpacking', 'recorded', 'moved away', 'moved'] as const)(
    'when it was %s, its rest is gone a day later',
    async (step) => {
      const { path } = await killed(step);
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + DAY + 60_000 });
      await pullInto(path);
      expect(readdirSync(dirname(path)).sort()).toEqual([
        'rootfs',
        'rootfs.config.json',
        'rootfs.oci-pull.json',
      ]);
    },
  );

  it('leaves alone what may belong to a pull that still runs, however old its tree says it is', async () => {
    const { path, root } = await killed('unpacking');
    utimesSync(root, 0, 0);
    await pullInto(path);
    expect(existsSync(root)).toBe(true);
  });

  it('leaves alone what belongs to another destination', async () => {
    const directory = newDirectory();
    const other = await claim(join(directory, 'other'));
    writeFileSync(join(directory, '.rootfs'), '');
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 2 * DAY });
    await pullInto(join(directory, 'rootfs'));
    expect(readdirSync(directory)).toEqual(expect.arrayContaining(['.rootfs', basename(other.root)]));
  });
});

describe('parents of a destination', () => {
  it('that were made for it go with a pull that fails, and no others', async () => {
    const there = newDirectory();
    const destination = await claim(join(there, 'a/b/rootfs'));
    expect(existsSync(join(there, 'a/b'))).toBe(true);
    await destination.discard();
    expect(readdirSync(there)).toEqual([]);
  });

  it('stay with what somebody else has put in them', async () => {
    const there = newDirectory();
    const destination = await claim(join(there, 'a/b/rootfs'));
    writeFileSync(join(there, 'a/file'), '');
    await destination.discard();
    expect(readdirSync(join(there, 'a'))).toEqual(['file']);
  });

  it('stay with a tree that was made', async () => {
    const there = newDirectory();
    const destination = await claim(join(there, 'a/rootfs'));
    await destination.publish(RECORD, { config: CONFIG, skipped: undefined });
    await destination.discard();
    expect(existsSync(join(there, 'a/rootfs'))).toBe(true);
  });
});

it('a hint for a destination that is to be a file speaks of a file', async () => {
  const path = join(newDirectory(), 'image.tar');
  writeFileSync(path, 'of somebody else');
  const claimed = claimDestination(path, { workspace: '/elsewhere', form: 'file' });
  expect((await rejected('DESTINATION_UNSAFE', claimed)).hint).toContain('Choose a file');
});
