// Runs a case in a fresh place: a root beside a directory that nothing may touch, which is also the current directory meanwhile.
// Free of the test runner: other processes run cases too, as other users.
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PullError } from '../../src/errors.ts';
import type { OwnerPolicy } from '../../src/unpack/ownership.ts';
import { listTree } from '../support/tree.ts';
import { unpackLayers } from '../support/unpack-layers.ts';
import { type CorpusCase, inRoom } from './case.ts';
import type { Listed, Owner } from './expected.ts';

/** What came of a case, as plain data. */
export interface Outcome {
  readonly name: string;
  /** The sentinel's path, see `PerRoom`. */
  readonly outside: string;
  /** Of the empty root, and so of everything that a user makes there for himself. */
  readonly owner: Owner;
  readonly result: Unpacked | Failed;
  /** Paths beside the root that are no longer what they were: none, if all is well. */
  readonly touched: readonly string[];
}

export interface Unpacked {
  readonly tree: readonly Listed[];
  readonly skipped: readonly string[];
}

export interface Failed {
  /** undefined: not one of the product's errors. */
  readonly code: string | undefined;
  readonly message: string;
}

export async function runCase(corpusCase: CorpusCase, owner: OwnerPolicy): Promise<Outcome> {
  const base = fs.mkdtempSync(join(fs.realpathSync(tmpdir()), 'corpus-'));
  const [root, outside] = [join(base, 'rootfs'), join(base, 'sentinel')];
  fs.mkdirSync(root, { mode: 0o700 });
  makeSentinel(outside);
  const { uid, gid } = fs.lstatSync(root);
  const before = snapshot(base, root);
  const cwd = process.cwd();
  process.chdir(outside);
  try {
    const result = await unpack(corpusCase, { root, owner, outside });
    const touched = differences(before, snapshot(base, root));
    return { name: corpusCase.name, outside, owner: { uid, gid }, result, touched };
  } finally {
    process.chdir(cwd);
    fs.rmSync(base, { recursive: true, force: true });
  }
}

interface Place {
  readonly root: string;
  readonly owner: OwnerPolicy;
  readonly outside: string;
}

async function unpack(corpusCase: CorpusCase, place: Place): Promise<Unpacked | Failed> {
  const { root, owner, outside } = place;
  const layers = inRoom(corpusCase.layers, outside);
  // Listing attributes takes a process, and only what a layer brings can be there.
  const noXattrs = !layers.some((layer) => layer.includes('.xattr.'));
  try {
    const { skipped } = await unpackLayers(layers, { root, owner, limits: corpusCase.limits ?? {} });
    const tree = listTree(root, { exact: true, noXattrs }).map(toListed).sort(byPath);
    return { tree, skipped: skipped.named.map(({ kind, path }) => `${kind} /${path}`).sort() };
  } catch (error) {
    if (!(error instanceof PullError)) throw error;
    return { code: error.code, message: error.message };
  }
}

function toListed({ mtimeNs, ...record }: ReturnType<typeof listTree>[number]): Listed {
  return { ...record, mtimeNs: String(mtimeNs) };
}

const byPath = (a: Listed, b: Listed): number => (a.path < b.path ? -1 : 1);

/** One of everything that an attack could read, write, replace, remove, open up or link to. */
function makeSentinel(path: string): void {
  fs.mkdirSync(join(path, 'dir', 'empty'), { recursive: true });
  fs.writeFileSync(join(path, 'secret'), 'untouched');
  fs.chmodSync(join(path, 'secret'), 0o640);
  fs.writeFileSync(join(path, 'dir', 'inner'), 'untouched');
  fs.writeFileSync(join(path, 'target'), 'untouched');
  fs.symlinkSync('target', join(path, 'link'));
  fs.writeFileSync(join(path, 'locked'), 'untouched');
  fs.chmodSync(join(path, 'locked'), 0);
  for (const name of ['secret', 'dir/inner', 'dir/empty', 'dir', ''])
    fs.utimesSync(join(path, name), 1_000_000, 1_000_000);
}

/** Path to all that is known of it. The change time tells of attributes and of content that cannot be read. */
function snapshot(base: string, root: string): Map<string, string> {
  const found = new Map<string, string>();
  const pending = [base];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const stats = fs.lstatSync(path, { bigint: true });
    const { ino, mode, uid, gid, nlink, size, mtimeNs, ctimeNs } = stats;
    const facts =
      path === root ? [ino] : [ino, mode, uid, gid, nlink, size, mtimeNs, ctimeNs, contentOf(path)];
    found.set(path, facts.join(' '));
    if (stats.isDirectory() && path !== root)
      for (const name of fs.readdirSync(path)) pending.push(join(path, name));
  }
  return found;
}

function contentOf(path: string): string {
  try {
    return fs.lstatSync(path).isSymbolicLink() ? fs.readlinkSync(path) : fs.readFileSync(path, 'latin1');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? '';
  }
}

function differences(before: Map<string, string>, after: Map<string, string>): string[] {
  const paths = new Set([...before.keys(), ...after.keys()]);
  return [...paths].filter((path) => before.get(path) !== after.get(path));
}
