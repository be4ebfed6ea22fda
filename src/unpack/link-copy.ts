// For file systems without hard links, or with no room for one more: a second object with the same content.
import * as fs from 'node:fs';
import { toTime } from './times.ts';

const WITHOUT_HARD_LINKS = new Set(['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

export function isWithoutHardLinks(error: unknown): boolean {
  return WITHOUT_HARD_LINKS.has((error as NodeJS.ErrnoException).code ?? '');
}

/** Both paths lead through real directories of the tree; `from` is what the tree says, so nothing is followed. */
export function copyInsteadOfLink(
  from: string | Buffer,
  to: string | Buffer,
  kind: 'file' | 'symlink',
): void {
  const { uid, gid, mode, mtimeMs } = fs.lstatSync(from);
  if (kind === 'symlink') fs.symlinkSync(fs.readlinkSync(from, 'buffer'), to);
  else fs.copyFileSync(from, to, fs.constants.COPYFILE_EXCL);
  if (process.geteuid?.() === 0) fs.lchownSync(to, uid, gid);
  if (kind === 'file') fs.chmodSync(to, mode & 0o7777);
  const time = toTime(mtimeMs / 1000);
  fs.lutimesSync(to, time, time);
}
