// How a finished tree and the files beside it take their places, so that nothing half-done is ever left under their names.
import { lstat, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { inodeOf, isInodeAt } from '../elevate/inode.ts';
import type { NamedDirectory } from '../elevate/protocol.ts';
import { oldTreePath } from '../elevate/staging-name.ts';
import { PullError, toPullError } from '../errors.ts';
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
  /** The staging directory. */
  readonly root: string;
  /** What takes the place of the destination: the staging directory, or what was made in it. */
  readonly made: string;
  /** The inode of an earlier tree that may be replaced; undefined where there was nothing but perhaps an empty directory. */
  readonly accepted: string | undefined;
  readonly files: SideFiles;
  readonly remove: (tree: NamedDirectory) => Promise<void>;
}

export function configPath(destination: string): string {
  return `${destination}.config.json`;
}

export function skippedPath(destination: string): string {
  return `${destination}.skipped.json`;
}

/**
 * Throws UNPACK_FAILED or DISK_FULL, and DESTINATION_UNSAFE where something else than was accepted is at the destination by now. Then
 * what was there is still there.
 */
export async function publish(tree: FinishedTree, record: DestinationRecord): Promise<void> {
  const { path, root, made, accepted, remove } = tree;
  const old = oldTreePath(root);
  const after = await inodeOf(made);
  let isMoved = false;
  await refuseNewcomer(path, accepted);
  try {
    await writeSideFiles(tree);
    // From here on the record says that either tree is ours to replace, but not complete.
    await writeRecord(path, { ...record, complete: false, inodes: [accepted, after] });
    isMoved = await moveAway({ path, old }, accepted);
    try {
      await rename(made, path);
      await placeSideFiles(tree);
      await writeRecord(path, { ...record, complete: true, inodes: [after] });
    } catch (cause) {
      await putBack({ path, made, old }, after);
      throw cause;
    }
  } catch (cause) {
    for (const [staged] of sideFiles(tree)) await rm(staged, { force: true }).catch(() => undefined);
    throw toPullError(cause, {
      code: 'UNPACK_FAILED',
      message: `what was made cannot be moved to ${path}`,
    });
  }
  if (isMoved && accepted !== undefined)
    await removeOld({ path: old, inode: accepted }, remove).catch(() => undefined);
}

/** An archive is this user's, like all that is no tree. */
async function removeOld(old: NamedDirectory, remove: FinishedTree['remove']): Promise<void> {
  const isTree = (await lstat(old.path)).isDirectory();
  await (isTree ? remove(old) : rm(old.path));
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

/** Was there a tree, and is it now at `old`? Empty directories are gone instead. */
async function moveAway(
  { path, old }: { path: string; old: string },
  accepted: string | undefined,
): Promise<boolean> {
  if (!(await lstat(path).catch(() => undefined))) return false;
  if (await isEmptyDirectory(path)) {
    await rmdir(path);
    return false;
  }
  await rename(path, old);
  // Only now can nobody put another one in its place.
  if (await isInodeAt(old, accepted)) return true;
  await rename(old, path).catch(() => undefined);
  throw newcomer(path);
}

/** What has appeared since the destination was claimed is somebody's. */
async function refuseNewcomer(path: string, accepted: string | undefined): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (!found || (await isInodeAt(path, accepted)) || (await isEmptyDirectory(path))) return;
  throw newcomer(path);
}

function newcomer(path: string): PullError {
  const message = `something else was put at the destination ${path} while the pull was running`;
  return new PullError('DESTINATION_UNSAFE', message, {
    hint: 'It was left as it is. Let one pull at a time, and nothing else, write there.',
  });
}

/** One that cannot be read is not empty: its owner is another user, from the image of an earlier pull. */
async function isEmptyDirectory(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  return found?.isDirectory() === true && (await readdir(path).catch(() => ['?'])).length === 0;
}

/** The new tree could not take the place of the old one: that stays what it was. `after`: inode of the new one. */
async function putBack(
  paths: { path: string; made: string; old: string },
  after: string | undefined,
): Promise<void> {
  const { path, made, old } = paths;
  if (await isInodeAt(path, after)) await rename(path, made).catch(() => undefined);
  await rename(old, path).catch(() => undefined);
}
