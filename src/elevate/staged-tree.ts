// What root does to staging directories on behalf of a user: takes an empty one over, takes one away. It touches nothing else.
import { type BigIntStats, fchmodSync, fchownSync, readdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, resolve } from 'node:path';
import { PullError, toPullError } from '../errors.ts';
import { HeldDirectory } from './held-directory.ts';
import { isInode } from './inode.ts';
import type { NamedDirectory } from './protocol.ts';
import { isStagingName } from './staging-name.ts';

const MODE_BITS = 0o777n;
const OWNER_ONLY = 0o700;
const WRITABLE_BY_OTHERS = 0o022n;
const STICKY = 0o1000n;
/** What to do about a directory that others can write to. */
export const CLOSE_PARENT =
  'Close that directory to other users (chmod go-w), choose a destination in another one, or set ownership to runner.';

/**
 * Takes over a directory that `user` has made to be filled: empty, closed to others, where the user may make directories. Until it
 * is released, and afterwards as long as its mode says so, only root gets in. Throws UNPACK_FAILED for any other directory.
 */
export function takeOverRoot(root: NamedDirectory, user: number): HeldDirectory {
  const { parent, tree } = hold(root, user);
  parent[Symbol.dispose]();
  try {
    refuseUsed(root, tree, user);
    // Also spares a call for each file that belongs to root: what is made in it does from the beginning.
    fchownSync(tree.descriptor, 0, 0);
    fchmodSync(tree.descriptor, OWNER_ONLY);
    return tree;
  } catch (error) {
    tree[Symbol.dispose]();
    throw failed(error, root);
  }
}

/**
 * Holds a directory that this process, being root, has made to be filled. It may lie in anybody's directory: what becomes of its name
 * does not matter. Throws UNPACK_FAILED for any other directory.
 */
export function holdOwnRoot(root: NamedDirectory): HeldDirectory {
  try {
    using held = new DisposableStack();
    const tree = held.use(HeldDirectory.open(root.path, 'refuse'));
    if (!isInode(tree.stat(), root.inode, statSync(dirname(root.path), { bigint: true })))
      throw refused(root, 'it is another directory than it was');
    refuseUsed(root, tree, 0);
    held.move();
    return tree;
  } catch (error) {
    throw failed(error, root);
  }
}

/** Can others than its owner take names in this directory for their own? Where the sticky bit is set they cannot: see unlink(2). */
export function letsOthersRename({ mode }: Pick<BigIntStats, 'mode'>): boolean {
  return (mode & WRITABLE_BY_OTHERS) !== 0n && (mode & STICKY) === 0n;
}

/** Removes it with all that is in it. Nothing to do where it is gone. Throws UNPACK_FAILED where it is not what it should be. */
export function removeStagedTree(named: NamedDirectory, user: number): void {
  const held = holdIfThere(named, user);
  if (!held) return;
  using parent = held.parent;
  using tree = held.tree;
  try {
    fchmodSync(tree.descriptor, OWNER_ONLY);
    const base = Buffer.from(`${tree.path}/`);
    // By its descriptor and not by its name, which may be another directory's by now; rmSync itself goes on by descriptors.
    for (const name of readdirSync(tree.path, { encoding: 'buffer' }))
      rmSync(Buffer.concat([base, name]), { recursive: true, force: true });
    rmdirSync(`${parent.path}/${basename(named.path)}`);
  } catch (error) {
    throw failed(error, named);
  }
}

interface Held {
  readonly parent: HeldDirectory;
  readonly tree: HeldDirectory;
}

function holdIfThere(named: NamedDirectory, user: number): Held | undefined {
  try {
    return hold(named, user);
  } catch (error) {
    if (error instanceof PullError && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT')
      return undefined;
    throw error;
  }
}

/** A symbolic link on the way is the user's business; the directory itself must be the very one that the user means. */
function hold(named: NamedDirectory, user: number): Held {
  const { path, inode } = named;
  if (!isAbsolute(path) || resolve(path) !== path || !isStagingName(basename(path)))
    throw refused(named, 'it has not the name of a staging directory');
  try {
    using held = new DisposableStack();
    const parent = held.use(HeldDirectory.open(dirname(path), 'follow'));
    if (parent.stat().uid !== BigInt(user)) throw refused(named, 'it lies in a directory of somebody else');
    if (letsOthersRename(parent.stat()))
      throw refused(named, 'others can write to the directory that it lies in', CLOSE_PARENT);
    const tree = held.use(HeldDirectory.open(`${parent.path}/${basename(path)}`, 'refuse'));
    if (!isInode(tree.stat(), inode, parent.stat()))
      throw refused(named, 'it is another directory than it was');
    held.move();
    return { parent, tree };
  } catch (error) {
    throw failed(error, named);
  }
}

/** As it is made: of that user, closed to others, empty. */
function refuseUsed(root: NamedDirectory, tree: HeldDirectory, user: number): void {
  const { uid, mode } = tree.stat();
  if (uid !== BigInt(user)) throw refused(root, 'it belongs to somebody else');
  if ((mode & MODE_BITS) !== BigInt(OWNER_ONLY)) throw refused(root, 'it is open to others');
  if (readdirSync(tree.path).length > 0) throw refused(root, 'it is not empty');
}

function refused({ path }: NamedDirectory, reason: string, hint?: string): PullError {
  const message = `root does not touch the directory ${path}: ${reason}`;
  return new PullError('UNPACK_FAILED', message, hint === undefined ? {} : { hint });
}

function failed(cause: unknown, { path }: NamedDirectory): PullError {
  return toPullError(cause, { code: 'UNPACK_FAILED', message: `root cannot work in the directory ${path}` });
}
