// How a finished tree and the files beside it take their places, so that nothing half-done is ever left under their names.
import { lstat, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { inodeOf } from '../elevate/inode.ts';
import type { NamedDirectory } from '../elevate/protocol.ts';
import { oldTreePath } from '../elevate/staging-name.ts';
import { toPullError } from '../errors.ts';
import { type DestinationRecord, writeRecord } from './destination-record.ts';

/** What lies beside the tree. */
export interface SideFiles {
  /** The image's config as it is in the registry. */
  readonly config: Uint8Array;
  /** The list of what was left out; undefined where nothing was. */
  readonly skipped: Uint8Array | undefined;
}

export interface FinishedTree {
  /** The destination. */
  readonly path: string;
  /** The staging directory that takes its place. */
  readonly root: string;
  readonly files: SideFiles;
  readonly remove: (tree: NamedDirectory) => Promise<void>;
}

export function configPath(destination: string): string {
  return `${destination}.config.json`;
}

export function skippedPath(destination: string): string {
  return `${destination}.skipped.json`;
}

/** Throws UNPACK_FAILED or DISK_FULL; then what was at the destination before is still there. */
export async function publish(tree: FinishedTree, record: DestinationRecord): Promise<void> {
  const { path, root, remove } = tree;
  const old = oldTreePath(root);
  const [before, after] = [await inodeOf(path), await inodeOf(root)];
  try {
    await writeSideFiles(tree);
    // From here on the record says that whatever is at the destination is ours to replace, but not complete.
    await writeRecord(path, { ...record, complete: false, inodes: [before, after] });
    await moveAway(path, old);
    try {
      await rename(root, path);
      await placeSideFiles(tree);
      await writeRecord(path, { ...record, complete: true, inodes: [after] });
    } catch (cause) {
      await putBack({ path, root, old }, after);
      throw cause;
    }
  } catch (cause) {
    for (const [staged] of sideFiles(tree)) await rm(staged, { force: true }).catch(() => undefined);
    throw toPullError(cause, {
      code: 'UNPACK_FAILED',
      message: `the root file system cannot be moved to ${path}`,
    });
  }
  if (before !== undefined) await remove({ path: old, inode: before }).catch(() => undefined);
}

/** Where each is written first, where it belongs, and what it holds. */
function sideFiles({ path, root, files }: FinishedTree): [string, string, Uint8Array | undefined][] {
  return [
    [`${root}.config`, configPath(path), files.config],
    [`${root}.skipped`, skippedPath(path), files.skipped],
  ];
}

async function writeSideFiles(tree: FinishedTree): Promise<void> {
  for (const [staged, , content] of sideFiles(tree)) {
    if (content) await writeFile(staged, content, { flag: 'wx' });
  }
}

/** What the last pull left and this one has not is removed: it would speak of a tree that is gone. */
async function placeSideFiles(tree: FinishedTree): Promise<void> {
  for (const [staged, place, content] of sideFiles(tree)) {
    if (content) await rename(staged, place);
    else await rm(place, { force: true });
  }
}

async function moveAway(path: string, old: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (!found) return;
  // One that cannot be read is not empty: its owner is another user, from the image of an earlier pull.
  const entries = await readdir(path).catch(() => ['?']);
  if (entries.length === 0) await rmdir(path);
  else await rename(path, old);
}

/** The new tree could not take the place of the old one: that stays what it was. `made`: inode of the new tree. */
async function putBack(
  paths: { path: string; root: string; old: string },
  made: string | undefined,
): Promise<void> {
  const { path, root, old } = paths;
  if ((await inodeOf(path)) === made) await rename(path, root).catch(() => undefined);
  await rename(old, path).catch(() => undefined);
}
