// For file systems without hard links, or with no room for one more: a second object with the same content.
import * as fs from 'node:fs';
import { toTime } from './times.ts';

const WITHOUT_HARD_LINKS = new Set(['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

export function isWithoutHardLinks(error: unknown): boolean {
  return WITHOUT_HARD_LINKS.has((error as NodeJS.ErrnoException).code ?? '');
}

export interface LinkCopy {
  readonly kind: 'file' | 'symlink';
  /** Called with the copy's size in bytes before anything is written; what it throws prevents the copy. */
  readonly onCopy: (size: number) => void;
}

/** Both paths lead through real directories of the tree; `from` is what the tree says, so nothing is followed. */
export function copyInsteadOfLink(
  from: string | Buffer,
  to: string | Buffer,
  { kind, onCopy }: LinkCopy,
): void {
  const { uid, gid, mode, mtimeMs, size } = fs.lstatSync(from);
  onCopy(size);
  if (kind === 'symlink') fs.symlinkSync(fs.readlinkSync(from, 'buffer'), to);
  else fs.copyFileSync(from, to, fs.constants.COPYFILE_EXCL);
  if (process.geteuid?.() === 0) fs.lchownSync(to, uid, gid);
  if (kind === 'file') fs.chmodSync(to, mode & 0o7777);
  const time = toTime(mtimeMs / 1000);
  fs.lutimesSync(to, time, time);
}
