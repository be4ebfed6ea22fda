// Which extended attributes of an image mean something outside of the system it was built on.
import { showName, type TarEntry } from '../tar/entry.ts';
import type { OwnerPolicy } from './ownership.ts';
import type { SkipList } from './skips.ts';
import type { Xattrs } from './tree.ts';

/** Keeps `user.*`, and file capabilities where owners are kept too; the others belong to a host or its security modules. */
export function keptXattrs(entry: TarEntry, owner: OwnerPolicy, skips: SkipList): Xattrs | undefined {
  if (!entry.xattrs) return undefined;
  const kept = new Map<string, Uint8Array>();
  const path = fromRoot(entry.path);
  for (const [name, value] of entry.xattrs) {
    const reason = reasonToSkip(entry, name, owner);
    if (reason === undefined) kept.set(name, value);
    else skips.add(path, 'xattr', reason);
  }
  return kept.size > 0 ? kept : undefined;
}

function reasonToSkip(entry: TarEntry, name: string, owner: OwnerPolicy): string | undefined {
  const shown = showName(name);
  if (entry.kind !== 'file' && entry.kind !== 'directory') return `${shown} cannot be set on a ${entry.kind}`;
  if (name.startsWith('user.')) return undefined;
  if (name !== 'security.capability')
    return `${shown} means nothing outside of the system the image was built on`;
  return owner === 'preserve' ? undefined : `${shown} is kept only where owners are preserved`;
}

/** As the tree has it, where the archive writes `./name`, `/name` or `name/`. A loop: on thousands of slashes `/\/+$/` is slow. */
function fromRoot(path: string): string {
  let end = path.length;
  while (path[end - 1] === '/') end--;
  return path.slice(0, end).replace(/^(?:\.?\/)+/, '');
}
