// What tells a directory from another one that has taken its name: inode number and time of birth.
import type { BigIntStats } from 'node:fs';
import { lstat, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

export function inodeName({ ino, birthtimeNs }: BigIntStats): string {
  return `${ino} ${birthtimeNs}`;
}

/** undefined where there is nothing. */
export async function inodeOf(path: string): Promise<string | undefined> {
  const found = await lstat(path, { bigint: true }).catch(() => undefined);
  return found && inodeName(found);
}

/**
 * An inode number alone is not enough: ext4 gives that of a removed directory to the next one. Where the file system knows no time of
 * birth, Node shows the time of the last change instead, and the number has to do. `parent`: the directory that it lies in. That tells
 * the two apart: it has changed since its birth, as something was made in it, while a new directory's two times are equal anyway.
 */
export function isInode(found: BigIntStats, name: unknown, parent: BigIntStats): boolean {
  const [number, birth] = String(name).split(' ');
  if (number !== `${found.ino}`) return false;
  return birth === `${found.birthtimeNs}` || [found, parent].every((each) => hidesBirth(each, found));
}

/** Is what stands at `path` (a link itself, not where it leads) the inode of this name? */
export async function isInodeAt(path: string, name: unknown): Promise<boolean> {
  const options = { bigint: true } as const;
  const [found, parent] = [
    await lstat(path, options).catch(() => undefined),
    await stat(dirname(path), options).catch(() => undefined),
  ];
  return found !== undefined && parent !== undefined && isInode(found, name, parent);
}

/** Another file system's times say nothing. */
function hidesBirth({ dev, birthtimeNs, ctimeNs }: BigIntStats, found: BigIntStats): boolean {
  return dev === found.dev && birthtimeNs === ctimeNs;
}
