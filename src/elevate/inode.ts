// What tells a directory from another one that has taken its name: inode number and time of birth.
import type { BigIntStats } from 'node:fs';
import { lstat } from 'node:fs/promises';

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
 * birth, Node shows the time of the last change instead, and the number has to do.
 */
export function isInode({ ino, birthtimeNs, ctimeNs }: BigIntStats, name: unknown): boolean {
  const [number, birth] = String(name).split(' ');
  return number === `${ino}` && (birth === `${birthtimeNs}` || birthtimeNs === ctimeNs);
}
