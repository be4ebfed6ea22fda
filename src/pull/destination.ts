// The directory that becomes the root file system: what may be replaced, and how nothing half-done is ever left under its name.
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { chmod, lstat, mkdir, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join, parse, relative, resolve, sep } from 'node:path';
import { PullError, toPullError } from '../errors.ts';
import { makeDirectories } from '../store/make-directories.ts';
import {
  type DestinationRecord,
  hasRecord,
  inodeOf,
  isOurs,
  recordPath,
  writeRecord,
} from './destination-record.ts';

/** A staging directory older than this belongs to a pull that was killed. */
const STALE_MS = 24 * 60 * 60 * 1000;

/** A claimed destination. `root` is where to unpack; it becomes the destination only by `publish`. */
export interface Destination {
  readonly path: string;
  readonly configPath: string;
  readonly root: string;
  /** Empties `root` for another attempt. */
  reset(): Promise<void>;
  /** Moves `root` to its place. The record is written last: without it nothing counts as complete. */
  publish(record: DestinationRecord, config: Uint8Array): Promise<void>;
  /** Removes `root`; what was at the destination before stays. Never throws. */
  discard(): Promise<void>;
}

/** Throws DESTINATION_UNSAFE before anything is changed, UNPACK_FAILED where the directory cannot be made. */
export async function claimDestination(path: string, workspace = process.cwd()): Promise<Destination> {
  refuseProtected(path, workspace);
  await refuseForeign(path);
  const prefix = `.${basename(path)}.oci-pull-`;
  const root = join(dirname(path), `${prefix}${randomBytes(6).toString('hex')}`);
  try {
    await makeDirectories(dirname(path));
    await removeStale(dirname(path), prefix);
    await mkdir(root, { mode: 0o700 });
  } catch (cause) {
    throw toPullError(cause, {
      code: 'UNPACK_FAILED',
      message: `nothing can be created in ${dirname(path)}, where the destination is to be`,
    });
  }
  return {
    path,
    root,
    configPath: configPath(path),
    reset: () => reset(root),
    publish: (record, config) => publish({ path, root, config }, record),
    discard: () => removeTree(root).catch(() => undefined),
  };
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

async function refuseForeign(path: string): Promise<void> {
  await refuseForeignConfig(path);
  const found = await lstat(path).catch(() => undefined);
  if (!found) return;
  if (!found.isDirectory())
    throw new PullError('DESTINATION_UNSAFE', `destination ${path} exists and is not a directory`);
  if (await isOurs(path)) return;
  const entries = await readdir(path).catch(() => ['?']);
  if (entries.length === 0) return;
  throw new PullError(
    'DESTINATION_UNSAFE',
    `destination ${path} is not empty and was not made by an earlier pull`,
    {
      hint: `Remove it, or choose another destination. (An earlier pull would have left ${recordPath(path)}, which knows its own directory from a copy.)`,
    },
  );
}

/** The image config is written beside the tree; somebody's own file of that name is not ours to replace. */
async function refuseForeignConfig(path: string): Promise<void> {
  const config = configPath(path);
  if ((await inodeOf(config)) === undefined || (await hasRecord(path))) return;
  throw new PullError(
    'DESTINATION_UNSAFE',
    `${config} exists, and the image's config would be written there`,
    {
      hint: 'Move it away, or choose another destination.',
    },
  );
}

function configPath(destination: string): string {
  return `${destination}.config.json`;
}

async function reset(root: string): Promise<void> {
  try {
    await removeTree(root);
    await mkdir(root, { mode: 0o700 });
  } catch (cause) {
    throw toPullError(cause, {
      code: 'UNPACK_FAILED',
      message: `${root} cannot be emptied for another attempt`,
    });
  }
}

async function publish(
  made: { path: string; root: string; config: Uint8Array },
  record: DestinationRecord,
): Promise<void> {
  const { path, root, config } = made;
  const old = `${root}.old`;
  try {
    await writeFile(`${root}.config`, config, { flag: 'wx' });
    const [before, after] = [await inodeOf(path), await inodeOf(root)];
    // From here on the record says that whatever is at the destination is ours to replace, but not complete.
    await writeRecord(path, { ...record, complete: false, inodes: [before, after] });
    await moveAway(path, old);
    try {
      await rename(root, path);
      await rename(`${root}.config`, configPath(path));
      await writeRecord(path, { ...record, complete: true, inodes: [after] });
    } catch (cause) {
      await putBack({ path, root, old }, after);
      throw cause;
    }
  } catch (cause) {
    await rm(`${root}.config`, { force: true }).catch(() => undefined);
    throw toPullError(cause, {
      code: 'UNPACK_FAILED',
      message: `the root file system cannot be moved to ${path}`,
    });
  }
  await removeTree(old).catch(() => undefined);
}

async function moveAway(path: string, old: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (!found) return;
  const entries = await readdir(path);
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

async function removeStale(parent: string, prefix: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (!name.startsWith(prefix)) continue;
    // Not mtime: that of an unpacked tree is the image's, which may be years old while another pull still works on it.
    const found = await lstat(join(parent, name)).catch(() => undefined);
    const isOwn = found !== undefined && found.uid === (process.geteuid?.() ?? found.uid);
    if (isOwn && Date.now() - found.ctimeMs > STALE_MS)
      await removeTree(join(parent, name)).catch(() => undefined);
  }
}

/**
 * Closes a tree to others, then removes it. Synchronous, because only that removal goes by descriptors: the other one goes by path, and
 * as root could be led out of the tree by the owner of a directory in it.
 */
async function removeTree(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isDirectory()) await chmod(path, 0o700).catch(() => undefined);
  rmSync(path, { recursive: true, force: true, maxRetries: 3 });
}
