// Who owns what is made, and when that has to be said to the kernel.
import { closeSync, constants, fstatSync, lstatSync, openSync, unlinkSync } from 'node:fs';
import { PullError } from '../errors.ts';

/**
 * `preserve`: owners, modes and devices as in the image; needs root. `runner`: everything belongs to this user, who
 * keeps access to all of it. Nothing runs as this user for others, so there are no set-id bits.
 */
export type OwnerPolicy = 'preserve' | 'runner';

export interface Ownership {
  /** The mode to set in the end, where the owner needs these bits. */
  finalMode(mode: number, ownerBits: number): number;
  /** Has this owner to be set on something just made? */
  differs(uid: number, gid: number): boolean;
  /** Is a file that is made with this mode left with it, so that it need not be set again? */
  isGranted(mode: number): boolean;
}

const S_ISGID = 0o2000;
/** S_ISUID and S_ISGID: in an image they mean its owners, not whoever unpacks it. */
const SET_ID_BITS = 0o6000;
const { O_CREAT, O_EXCL, O_WRONLY } = constants;

/** `root`: an empty directory. */
export function createOwnership(root: string, owner: OwnerPolicy): Ownership {
  const stats = lstatSync(root);
  if (!stats.isDirectory()) throw new PullError('UNPACK_FAILED', `${root} is no directory`);
  const granted = grantedBits(root);
  const isGranted = (mode: number) => (mode & ~granted) === 0;
  if (owner === 'runner') {
    const finalMode = (mode: number, bits: number) => (mode & ~SET_ID_BITS) | bits;
    return { finalMode, differs: () => false, isGranted };
  }
  const uid = process.geteuid?.();
  const gid = process.getegid?.();
  // Groups are inherited from a directory with the set-group-id bit, and on some mounts from any directory.
  const isInherited = (stats.mode & S_ISGID) !== 0 || stats.gid !== gid || stats.uid !== uid;
  return { finalMode: (mode) => mode, differs: (u, g) => isInherited || u !== uid || g !== gid, isGranted };
}

/** The permissions of a file that is made with all of them: what the umask, or an ACL of the directory, lets through. */
function grantedBits(root: string): number {
  const probe = `${root}/.mode`;
  const file = openSync(probe, O_CREAT | O_EXCL | O_WRONLY, 0o777);
  try {
    return fstatSync(file).mode & 0o777;
  } finally {
    closeSync(file);
    unlinkSync(probe);
  }
}
