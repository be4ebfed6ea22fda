// A place to unpack in: a root beside a directory that nothing may touch, which is also the current directory meanwhile.
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { UnpackOptions, UnpackReport } from '../../src/unpack/unpacker.ts';
import { decodeName, isRoot, joinPath, listTree, treePaths } from './tree.ts';
import { unpackLayers } from './unpack-layers.ts';

export const OWNERS: readonly UnpackOptions['owner'][] = isRoot() ? ['preserve', 'runner'] : ['runner'];

export interface UnpackRoom extends Disposable {
  readonly root: string;
  /** Holds the file `secret` and the directory `dir`. */
  readonly sentinel: string;
  unpack(layers: readonly Uint8Array[], options?: Partial<UnpackOptions>): Promise<UnpackReport>;
  /** What is in the root, see `treeShape`. */
  shape(): Record<string, string>;
  stat(path: string): fs.BigIntStats;
}

/** Disposing of it checks that nothing outside of the root has changed. */
export function unpackRoom(): UnpackRoom {
  const base = fs.mkdtempSync(join(tmpdir(), 'unpack-'));
  const [root, sentinel] = [join(base, 'rootfs'), join(base, 'sentinel')];
  fs.mkdirSync(root, { mode: 0o700 });
  fs.mkdirSync(join(sentinel, 'dir'), { recursive: true });
  fs.writeFileSync(join(sentinel, 'secret'), 'untouched', { mode: 0o640 });
  const before = outside(base);
  const cwd = process.cwd();
  process.chdir(sentinel);
  return {
    root,
    sentinel,
    unpack: (layers, options) =>
      unpackLayers(layers, { root, owner: isRoot() ? 'preserve' : 'runner', ...options }),
    shape: () => treeShape(root),
    stat: (path) => fs.lstatSync(join(root, path), { bigint: true }),
    [Symbol.dispose]() {
      process.chdir(cwd);
      const after = outside(base);
      fs.rmSync(base, { recursive: true, force: true });
      expect(after).toEqual(before);
    },
  };
}

/** Path to kind and content: `dir`, `file: text`, `link: target`, `fifo`, `char`, `block`. */
export function treeShape(root: string): Record<string, string> {
  const base = Buffer.from(root);
  const below = treePaths(base).filter((path) => path.length > 0);
  return Object.fromEntries(below.map((path) => [decodeName(path), shapeOf(joinPath(base, path))]));
}

function shapeOf(path: Buffer): string {
  const stats = fs.lstatSync(path);
  if (stats.isDirectory()) return 'dir';
  if (stats.isSymbolicLink()) return `link: ${decodeName(fs.readlinkSync(path, 'buffer'))}`;
  if (stats.isFile()) return `file: ${fs.readFileSync(path, 'utf8')}`;
  if (stats.isFIFO()) return 'fifo';
  return stats.isCharacterDevice() ? 'char' : 'block';
}

/** Everything beside the root, with times to the nanosecond. */
function outside(base: string): unknown {
  const sentinel = join(base, 'sentinel');
  const times = ['', 'secret', 'dir'].map((path) =>
    fs.lstatSync(join(sentinel, path), { bigint: true, throwIfNoEntry: false }),
  );
  return {
    names: fs.readdirSync(base).sort(),
    tree: listTree(sentinel),
    times: times.map((stats) => [stats?.mtimeNs, stats?.ctimeNs]),
  };
}
