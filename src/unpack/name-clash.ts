// Two entries of an image whose names are one to the file system: it folds case or Unicode forms, or knows short aliases.
import { PullError } from '../errors.ts';
import { showName } from '../tar/entry.ts';
import type { DirectoryNode } from './tree.ts';

/**
 * The error to throw when `base` could not be made in `parent`. If the reason is that something stands there of which
 * the tree knows nothing, it names the entry that it must be; every other error is returned as it is.
 */
export function explainClash(error: unknown, parent: DirectoryNode, base: string): unknown {
  if (!(error instanceof PullError) || error.code !== 'PATH_UNSAFE') return error;
  if ((error.cause as NodeJS.ErrnoException | undefined)?.code !== 'EEXIST') return error;
  const standing = alike(parent, base);
  if (standing === undefined) return error;
  const [before, now] = [standing, base].map((name) => showName(`/${parent.path()}${name}`));
  const message = `this file system takes ${now} and ${before}, which the image has too, for one name`;
  return new PullError('PATH_UNSAFE', message, { hint: error.hint, cause: error });
}

/** What is not on the disk yet, devices and FIFOs, cannot be in the way. */
function alike(parent: DirectoryNode, base: string): string | undefined {
  const wanted = folded(base);
  for (const [name, node] of parent.children)
    if (name !== base && node.kind !== 'special' && folded(name) === wanted) return name;
  return undefined;
}

/** As folding file systems compare: without case, in one Unicode form, without characters that show nothing. */
function folded(raw: string): string {
  const text = Buffer.from(raw, 'latin1')
    .toString('utf8')
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '');
  return text.normalize('NFD').toUpperCase().toLowerCase().normalize('NFD');
}
