// Who owns what is made, and when that has to be said to the kernel.
import { lstatSync } from 'node:fs';
import { PullError } from '../errors.ts';

/**
 * `preserve`: owners, modes and devices as in the image; needs root. `runner`: everything belongs to this user, who
 * keeps access to all of it.
 */
export type OwnerPolicy = 'preserve' | 'runner';

export interface Ownership {
  /** Are modes kept as they are, or does the owner get access to everything? */
  readonly keepsModes: boolean;
  /** Has this owner to be set on something just made? */
  differs(uid: number, gid: number): boolean;
}

const S_ISGID = 0o2000;

export function createOwnership(root: string, owner: OwnerPolicy): Ownership {
  const stats = lstatSync(root);
  if (!stats.isDirectory()) throw new PullError('UNPACK_FAILED', `${root} is no directory`);
  if (owner === 'runner') return { keepsModes: false, differs: () => false };
  const uid = process.geteuid?.();
  const gid = process.getegid?.();
  // Groups are inherited from a directory with the set-group-id bit, and on some mounts from any directory.
  const isInherited = (stats.mode & S_ISGID) !== 0 || stats.gid !== gid || stats.uid !== uid;
  return { keepsModes: true, differs: (u, g) => isInherited || u !== uid || g !== gid };
}
