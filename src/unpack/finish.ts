// What has to wait until everything else is in place: devices and FIFOs, attributes of directories, extended attributes.
import type { FileSink } from './file-sink.ts';
import type { HostPaths } from './names.ts';
import type { OwnerPolicy } from './ownership.ts';
import type { SkipList } from './skips.ts';
import { makeSpecialFiles, type NamedSpecialFile } from './special-files.ts';
import type { DirectoryNode, SpecialFile, TreeNode, Xattrs } from './tree.ts';
import { type NamedXattrs, setXattrs } from './xattrs.ts';

export interface FinishContext {
  readonly sink: FileSink;
  readonly paths: HostPaths;
  readonly owner: OwnerPolicy;
  readonly skips: SkipList;
}

/**
 * Special files first, because they change the times of their directories. Extended attributes last: chown(2) would
 * take capabilities away again, and setting them changes no modification time. The root after all: until then, nobody
 * else gets in and meddles with paths that programs are about to use.
 */
export async function finishTree(root: DirectoryNode, context: FinishContext): Promise<void> {
  const { special, xattrs } = whatIsLeft(root);
  await makeSpecialFiles(special, context);
  visit(root, '', (node, path) => {
    if (node.kind === 'directory' && node !== root) context.sink.setDirectory(path, node.attributes);
  });
  await setXattrs(xattrs, context.paths, context.skips);
  context.sink.setDirectory('', root.attributes);
}

interface LeftToDo {
  readonly special: readonly NamedSpecialFile[];
  readonly xattrs: readonly NamedXattrs[];
}

/** What programs of the host have to do: each device, FIFO and file once, whatever the number of its names. */
export function whatIsLeft(root: DirectoryNode): LeftToDo {
  const special = new Map<SpecialFile, [string, ...string[]]>();
  const xattrs = new Map<Xattrs, NamedXattrs>();
  visit(root, '', (node, path) => {
    if (node.kind === 'special') {
      const names = special.get(node.file);
      if (names) names.push(path);
      else special.set(node.file, [path]);
    } else if (node.kind !== 'symlink' && node.xattrs && !xattrs.has(node.xattrs))
      xattrs.set(node.xattrs, { path, xattrs: node.xattrs });
  });
  return { special: [...special].map(([file, names]) => ({ file, names })), xattrs: [...xattrs.values()] };
}

/** Children before their directory. As deep as the limit allows, which recursion bears. */
function visit(node: TreeNode, path: string, see: (node: TreeNode, path: string) => void): void {
  if (node.kind === 'directory')
    for (const [name, child] of node.children) visit(child, path === '' ? name : `${path}/${name}`, see);
  see(node, path);
}
