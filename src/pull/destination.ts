// The directory that becomes the root file system: what may be replaced, and where the new one is made meanwhile.
import { lstat, mkdir, readdir, rmdir, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, parse, relative, resolve, sep } from 'node:path';
import { inodeName, inodeOf, isInodeAt } from '../elevate/inode.ts';
import type { NamedDirectory } from '../elevate/protocol.ts';
import { CLOSE_PARENT, letsOthersRename } from '../elevate/staged-tree.ts';
import { newStagingPath, stagingPrefix } from '../elevate/staging-name.ts';
import { PullError, toPullError } from '../errors.ts';
import { makeDirectories } from '../store/make-directories.ts';
import { OUTPUT_NAME } from '../unpack/output.ts';
import { configPath, publish, type SideFiles, skippedPath } from './destination-publish.ts';
import { type DestinationRecord, hasRecord, isOurs, recordPath } from './destination-record.ts';
import { removeOwnTree } from './remove-tree.ts';

/** A staging directory older than this belongs to a pull that was killed. */
const STALE_MS = 24 * 60 * 60 * 1000;

/** A claimed destination. `root` is where to unpack; it becomes the destination only by `publish`. */
export interface Destination {
  readonly path: string;
  readonly configPath: string;
  readonly skippedPath: string;
  readonly root: string;
  /** What takes the place of the destination: `root` itself, or what was made in it. */
  readonly made: string;
  /** Empties `root` for another attempt. */
  reset(): Promise<void>;
  /** Moves `made` to its place. The record is written last: without it nothing counts as complete. */
  publish(record: DestinationRecord, files: SideFiles): Promise<void>;
  /** Removes `root`, and parents that were made for it and are empty; what was at the destination before stays. Never throws. */
  discard(): Promise<void>;
}

export interface ClaimOptions {
  /** Default: the working directory. */
  readonly workspace?: string;
  /** What will be there. `tree`: the root file system; others are made inside of `root`, under OUTPUT_NAME. Default: tree. */
  readonly form?: 'tree' | 'directory' | 'file';
  /** Removes staging directories as root; absent: they are this user's. */
  readonly removeTree?: ((tree: NamedDirectory) => Promise<void>) | undefined;
  /** Told of each directory that was made to be unpacked to. */
  readonly onStaged?: ((tree: NamedDirectory) => void) | undefined;
}

/** Throws DESTINATION_UNSAFE before anything is changed, UNPACK_FAILED where the directory cannot be made. */
export async function claimDestination(path: string, options: ClaimOptions = {}): Promise<Destination> {
  const { workspace = process.cwd(), removeTree, onStaged, form = 'tree' } = options;
  refuseProtected(path, workspace);
  const accepted = await acceptedTree(path, form);
  if (removeTree) await refuseForeignParent(path);
  const remove = removeTree ?? removeOwnTree;
  const root = newStagingPath(path);
  const made = form === 'tree' ? root : join(root, OUTPUT_NAME);
  let inode: string | undefined;
  const make = async () => {
    await mkdir(root, { mode: 0o700 });
    inode = await inodeOf(root);
    if (inode !== undefined) onStaged?.({ path: root, inode });
  };
  const removeRoot = async () => {
    if (inode !== undefined) await remove({ path: root, inode });
  };
  const parents = await missingParents(path);
  const discard = async () => {
    await removeRoot().catch(() => undefined);
    await removeEmpty(parents);
  };
  await guarded(`nothing can be created in ${dirname(path)}, where the destination is to be`, async () => {
    // Root works only where others cannot write, whatever the umask says.
    await makeDirectories(dirname(path), removeTree ? 0o755 : 0o777);
    await removeStale(path, removeTree);
    await make();
  }).catch(async (error: unknown) => {
    await discard();
    throw error;
  });
  return {
    path,
    root,
    made,
    configPath: configPath(path),
    skippedPath: skippedPath(path),
    reset: () =>
      guarded(`${root} cannot be emptied for another attempt`, async () => {
        await removeRoot();
        await make();
      }),
    publish: async (record, files) => {
      await refuseForeignFiles(path);
      await publish({ path, root, made, accepted, files, remove }, record);
    },
    discard,
  };
}

/** Those that there are not, the deepest first. */
async function missingParents(path: string): Promise<readonly string[]> {
  const parent = dirname(path);
  const isThere = parent === path || (await lstat(parent).catch(() => undefined)) !== undefined;
  return isThere ? [] : [parent, ...(await missingParents(parent))];
}

/** Never throws: one that is not empty is in use. */
async function removeEmpty(directories: readonly string[]): Promise<void> {
  for (const directory of directories) await rmdir(directory).catch(() => undefined);
}

async function guarded(message: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    throw toPullError(cause, { code: 'UNPACK_FAILED', message });
  }
}

/** The workspace, the home directory, their parents, and version control are nobody's root file system. */
function refuseProtected(path: string, workspace: string): void {
  const target = resolve(path);
  const holds = (inner: string) => relative(target, inner).split(sep)[0] !== '..';
  const reasons: [boolean, string][] = [
    [target === parse(target).root, 'it is the root of the file system'],
    [target.split(sep).includes('.git'), 'it lies inside of a .git directory'],
    [holds(resolve(workspace)), 'it is or holds the working directory'],
    [homedir() !== '' && holds(resolve(homedir())), 'it is or holds the home directory'],
  ];
  const reason = reasons.find(([applies]) => applies)?.[1];
  if (reason) throw new PullError('DESTINATION_UNSAFE', `destination ${path} is refused: ${reason}`);
}

/** The inode of what an earlier pull has made and may be replaced; undefined where there is nothing, or an empty directory. */
async function acceptedTree(path: string, form: ClaimOptions['form']): Promise<string | undefined> {
  await refuseForeignFiles(path);
  const found = await lstat(path).catch(() => undefined);
  if (!found) return undefined;
  if (found.isSymbolicLink())
    throw new PullError('DESTINATION_UNSAFE', `destination ${path} is a symbolic link`, {
      hint: 'Name the directory that it leads to.',
    });
  const inode = await inodeOf(path);
  // In this order: what is ours now is what had this inode before.
  if ((await isOurs(path)) && (await isInodeAt(path, inode))) return inode;
  if (!found.isDirectory())
    throw new PullError(
      'DESTINATION_UNSAFE',
      `destination ${path} exists and ${form === 'file' ? 'was not made by an earlier pull' : 'is not a directory'}`,
      form === 'file' ? { hint: 'Choose a file that is absent, or was made by an earlier pull.' } : {},
    );
  const entries = await readdir(path).catch(() => ['?']);
  if (entries.length === 0) return undefined;
  throw new PullError(
    'DESTINATION_UNSAFE',
    `destination ${path} is not empty and was not made by an earlier pull`,
    {
      hint: `Remove it, or choose another destination. (An earlier pull would have left ${recordPath(path)}, which knows its own directory from a copy.)`,
    },
  );
}

/** Files are written beside the tree; somebody's own file of such a name is not ours to replace. */
async function refuseForeignFiles(path: string): Promise<void> {
  for (const file of [configPath(path), skippedPath(path)]) {
    if ((await inodeOf(file)) === undefined || (await hasRecord(path))) continue;
    throw new PullError('DESTINATION_UNSAFE', `${file} exists, and a file of that name belongs to a pull`, {
      hint: 'Move it away, or choose another destination.',
    });
  }
}

/** Root works on behalf of this user only where names are this user's to give. */
async function refuseForeignParent(path: string): Promise<void> {
  const parent = await stat(dirname(path), { bigint: true }).catch(() => undefined);
  if (!parent) return;
  if (Number(parent.uid) === process.geteuid?.()) {
    if (!letsOthersRename(parent)) return;
    const message = `destination ${path} lies in a directory that other users can write to, where root does not work`;
    throw new PullError('DESTINATION_UNSAFE', message, { hint: CLOSE_PARENT });
  }
  throw new PullError(
    'DESTINATION_UNSAFE',
    `destination ${path} lies in a directory of another user, where root does not work on behalf of this one`,
    {
      hint: 'Choose a destination in a directory of your own, set ownership to runner, or run the whole pull as root.',
    },
  );
}

async function removeStale(path: string, removeTree: ClaimOptions['removeTree']): Promise<void> {
  const parent = dirname(path);
  const names = (await readdir(parent)).filter((name) => name.startsWith(stagingPrefix(path)));
  for (const name of names) {
    // Not mtime: that of an unpacked tree is the image's, which may be years old while another pull still works on it.
    const found = await lstat(join(parent, name), { bigint: true }).catch(() => undefined);
    if (!found || Date.now() - Number(found.ctimeMs) <= STALE_MS) continue;
    const tree = { path: join(parent, name), inode: inodeName(found) };
    const isOwn = found.uid === BigInt(process.geteuid?.() ?? found.uid);
    // Whoever may write here can give anybody's directory such a name.
    if (found.isDirectory() && removeTree && (isOwn || found.uid === 0n))
      await removeTree(tree).catch(() => undefined);
    else if (isOwn) await removeOwnTree(tree).catch(() => undefined);
  }
}
