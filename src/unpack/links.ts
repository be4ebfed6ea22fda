// One more name for an inode, wherever that is: on the disk, aside, or nowhere yet.
import { PullError } from '../errors.ts';
import { showName, type TarEntry } from '../tar/entry.ts';
import type { AsideNames } from './aside.ts';
import type { FileSink } from './file-sink.ts';
import type { Quota } from './quota.ts';
import type { FileNode, Origin, SymlinkNode, TreeNode, Xattrs } from './tree.ts';

export type LinkableNode = FileNode | SymlinkNode;

interface LinksOptions {
  readonly sink: FileSink;
  readonly asides: AsideNames;
  readonly quota: Quota;
}

export class Links {
  readonly #options: LinksOptions;

  constructor(options: LinksOptions) {
    this.#options = options;
  }

  /** A name that is wanted, at `path`. `existing`: where the inode is in the tree. */
  add(path: string, node: LinkableNode, existing: string): LinkableNode {
    const { aside } = node;
    const { asides, sink } = this.#options;
    if (!aside) return this.#make(path, node, existing);
    if (node.kind === 'symlink' && aside.path === undefined && aside.attributes) {
      aside.path = asides.next();
      sink.makeSymlink(aside.path, node.target, aside.attributes);
    }
    // It should have been written, and was not: prune() will tell.
    if (aside.path === undefined) return node;
    return this.#make(path, { ...node, aside: undefined }, aside.path);
  }

  /** A name that is not wanted: what is on the disk needs one that lasts, for the other one may go. */
  addAside(node: LinkableNode, existing: string, origin: Origin): LinkableNode {
    if (node.aside) return node;
    const path = this.#options.asides.next();
    return { ...this.#make(path, node, existing), aside: { path, origin } };
  }

  #make(path: string, node: LinkableNode, existing: string): LinkableNode {
    const isCopy = this.#options.sink.makeHardLink(path, existing, node.kind) === 'copied';
    if (!isCopy || node.kind !== 'file' || !node.xattrs) return node;
    return { ...node, xattrs: this.#copyXattrs(node.xattrs) };
  }

  /** For an inode of its own: the same object would mean that they are set already. */
  #copyXattrs(xattrs: Xattrs): Xattrs {
    this.#options.quota.countXattrs(xattrs);
    return new Map(xattrs);
  }
}

export function badTarget(entry: TarEntry, node: TreeNode | undefined): PullError {
  const reason = node ? 'a directory' : 'not there';
  const target = showName(entry.linkPath);
  return new PullError(
    'TAR_INVALID',
    `the hard link ${showName(entry.path)} names ${target}, which is ${reason}`,
  );
}
