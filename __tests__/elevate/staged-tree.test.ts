import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inodeName } from '../../src/elevate/inode.ts';
import type { NamedDirectory } from '../../src/elevate/protocol.ts';
import { holdOwnRoot, removeStagedTree, takeOverRoot } from '../../src/elevate/staged-tree.ts';
import { newStagingPath, oldTreePath } from '../../src/elevate/staging-name.ts';
import { temporaryDirectories } from '../support/temporary.ts';
import { isRoot } from '../support/tree.ts';

const USER = 54_321;
const REFUSED = expect.objectContaining({ code: 'UNPACK_FAILED' });

const newDirectory = temporaryDirectories();

function nameOf(path: string): NamedDirectory {
  return { path, inode: inodeName(lstatSync(path, { bigint: true })) };
}

/** An empty staging directory in a directory of the user, as the user makes it. */
function stage(): NamedDirectory {
  const parent = newDirectory();
  chownSync(parent, USER, USER);
  const path = newStagingPath(join(parent, 'rootfs'));
  mkdirSync(path, { mode: 0o700 });
  chownSync(path, USER, USER);
  return nameOf(path);
}

function renamed({ path, inode }: NamedDirectory, name: string): NamedDirectory {
  const other = join(dirname(path), name);
  renameSync(path, other);
  return { path: other, inode };
}

describe.skipIf(!isRoot() || process.platform !== 'linux')('as root on behalf of a user (needs root)', () => {
  describe('a root to unpack to', () => {
    it('is closed to everybody else, and found whatever its name has become', () => {
      const root = stage();
      using held = takeOverRoot(root, USER);
      expect(lstatSync(root.path)).toMatchObject({ uid: 0, gid: 0, mode: 0o40700 });
      renameSync(root.path, `${root.path}.away`);
      symlinkSync('/tmp', root.path);
      writeFileSync(`${held.path}/file`, 'here');
      expect(readFileSync(`${root.path}.away/file`, 'utf8')).toBe('here');
    });

    it.each<[string, (root: NamedDirectory) => Partial<NamedDirectory> | undefined]>([
      ['is not empty', ({ path }) => void writeFileSync(join(path, 'file'), '')],
      ['is open to others', ({ path }) => chmodSync(path, 0o755) as undefined],
      ['belongs to another user', ({ path }) => chownSync(path, USER + 1, USER) as undefined],
      ['belongs to root already', ({ path }) => chownSync(path, 0, 0) as undefined],
      ['lies in a directory of another user', ({ path }) => chownSync(dirname(path), 0, 0) as undefined],
      ['lies where others can write', ({ path }) => chmodSync(dirname(path), 0o777) as undefined],
      ['lies where a group can write', ({ path }) => chmodSync(dirname(path), 0o770) as undefined],
      ['is gone', ({ path }) => renameSync(path, `${path}.away`) as undefined],
      ['has another name', (tree) => renamed(tree, 'etc')],
      ['is another directory than it was', () => ({ inode: '1 1' })],
      ['is named from somewhere', ({ path }) => ({ path: path.slice(1) })],
      [
        'is named by a detour',
        ({ path }) => ({ path: join(dirname(path), 'x') + `/../${path.split('/').at(-1)}` }),
      ],
      [
        'is a link',
        ({ path }) => {
          renameSync(path, `${path}.away`);
          symlinkSync(`${path}.away`, path);
          return undefined;
        },
      ],
    ])('is refused where it %s', (_, change) => {
      const root = stage();
      const meant = { ...root, ...change(root) };
      expect(() => takeOverRoot(meant, USER)).toThrow(REFUSED);
    });
  });

  it('takes over a root where others can write but not rename', () => {
    const root = stage();
    chmodSync(dirname(root.path), 0o1777);
    using held = takeOverRoot(root, USER);
    expect(held.stat().uid).toBe(0n);
  });

  describe('a root of its own', () => {
    const own = () => {
      const root = stage();
      chownSync(root.path, 0, 0);
      return root;
    };

    it("is held in another user's directory, whatever its name becomes", () => {
      const root = own();
      using held = holdOwnRoot(root);
      const outside = newDirectory();
      renameSync(root.path, `${root.path}.away`);
      symlinkSync(outside, root.path);
      writeFileSync(`${held.path}/file`, 'here');
      expect([readdirSync(outside), readdirSync(`${root.path}.away`)]).toEqual([[], ['file']]);
    });

    it.each<[string, (path: string) => void]>([
      ['belongs to another user', (path) => chownSync(path, USER, USER)],
      ['is open to others', (path) => chmodSync(path, 0o755)],
      ['is not empty', (path) => writeFileSync(join(path, 'file'), '')],
      [
        'is another directory than it was',
        (path) => {
          renameSync(path, `${path}.away`);
          mkdirSync(path, { mode: 0o700 });
        },
      ],
      [
        'is a link to what it was',
        (path) => {
          renameSync(path, `${path}.away`);
          symlinkSync(`${path}.away`, path);
        },
      ],
    ])('is refused where it %s', (_, change) => {
      const root = own();
      change(root.path);
      expect(() => holdOwnRoot(root)).toThrow(REFUSED);
    });
  });

  describe('a tree to be removed', () => {
    it('goes with everything in it, whatever its owners, modes and names', () => {
      const tree = stage();
      const inside = join(tree.path, 'closed/deep');
      mkdirSync(inside, { recursive: true });
      writeFileSync(Buffer.from(`${inside}/caf\xe9`, 'latin1'), '');
      chmodSync(join(tree.path, 'closed'), 0);
      chownSync(tree.path, 7, 7);
      removeStagedTree(tree, USER);
      expect(readdirSync(dirname(tree.path))).toEqual([]);
    });

    it('takes nothing with it that links in it point to', () => {
      const [tree, outside] = [stage(), newDirectory()];
      writeFileSync(join(outside, 'mine'), '');
      symlinkSync(outside, join(tree.path, 'link'));
      mkdirSync(join(tree.path, 'sub'));
      symlinkSync(outside, join(tree.path, 'sub/link'));
      removeStagedTree(tree, USER);
      expect(readdirSync(outside)).toEqual(['mine']);
      expect(existsSync(tree.path)).toBe(false);
    });

    it('may be one that was replaced', () => {
      const { path } = stage();
      renameSync(path, oldTreePath(path));
      removeStagedTree(nameOf(oldTreePath(path)), USER);
      expect(readdirSync(dirname(path))).toEqual([]);
    });

    it('may be gone already', () => {
      const tree = stage();
      renameSync(tree.path, `${tree.path}.away`);
      expect(() => removeStagedTree(tree, USER)).not.toThrow();
    });

    it.each<[string, (tree: NamedDirectory) => NamedDirectory]>([
      ['has not the name of one', (tree) => renamed(tree, 'home')],
      ['is another directory than it was', ({ path }) => ({ path, inode: '1 1' })],
      [
        'is a link to what it was',
        ({ path, inode }) => {
          renameSync(path, `${path}.away`);
          symlinkSync(`${path}.away`, path);
          return { path, inode };
        },
      ],
      [
        'lies where others can write',
        (tree) => {
          chmodSync(dirname(tree.path), 0o777);
          return tree;
        },
      ],
      [
        'lies in a directory of another user',
        (tree) => {
          chownSync(dirname(tree.path), 0, 0);
          return tree;
        },
      ],
    ])('is refused where it %s', (_, change) => {
      const tree = stage();
      writeFileSync(join(tree.path, 'file'), '');
      const parent = dirname(tree.path);
      const meant = change(tree);
      const before = readdirSync(parent);
      expect(() => removeStagedTree(meant, USER)).toThrow(REFUSED);
      expect(readdirSync(parent)).toEqual(before);
      const [kept = ''] = before.filter((name) => lstatSync(join(parent, name)).isDirectory());
      expect(readdirSync(join(parent, kept))).toEqual(['file']);
    });
  });
});
