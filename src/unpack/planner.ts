// Decides what each entry of a layer does to the root file system.
import { PullError } from '../errors.ts';
import { showName, type TarEntry, type TarHandler } from '../tar/entry.ts';
import type { FileSink } from './file-sink.ts';
import type { UnpackLimits } from './limits.ts';
import { LiveTree } from './live-tree.ts';
import { explainClash } from './name-clash.ts';
import { checkComponent, checkName, splitName } from './names.ts';
import type { OwnerPolicy } from './ownership.ts';
import type { Quota } from './quota.ts';
import type { SkipList } from './skips.ts';
import type { DirectoryNode, FileNode, SpecialFile, TreeNode, Xattrs } from './tree.ts';
import { meaningOf } from './whiteout.ts';
import { keptXattrs } from './xattr-policy.ts';

export interface PlannerOptions {
  readonly sink: FileSink;
  readonly limits: UnpackLimits;
  readonly quota: Quota;
  readonly owner: OwnerPolicy;
  readonly skips: SkipList;
}

/** Throws PATH_UNSAFE, TAR_INVALID, LIMIT_EXCEEDED, and what the sink throws. */
export class Planner implements TarHandler {
  readonly #options: PlannerOptions;
  readonly #sink: FileSink;
  readonly #tree: LiveTree;
  /** What every file of this layer without extended attributes is in the tree. */
  #plainFile: FileNode = { kind: 'file', layer: -1, xattrs: undefined };
  #entries = 0;
  /** The file whose data is coming. */
  #open: TarEntry | undefined;

  constructor(options: PlannerOptions) {
    this.#options = options;
    this.#sink = options.sink;
    this.#tree = new LiveTree(options.sink, options.limits, options.quota);
  }

  get root(): DirectoryNode {
    return this.#tree.root;
  }

  /** Layers start with 0, each comes after the ones below it. */
  beginLayer(index: number): void {
    this.#tree.layer = index;
    this.#plainFile = { kind: 'file', layer: index, xattrs: undefined };
    this.#entries = 0;
  }

  /** Returns the number of the layer's entries. */
  endLayer(): number {
    this.#tree.removeLeftovers();
    return this.#entries;
  }

  entry(entry: TarEntry): void {
    this.#entries++;
    this.#options.quota.countNode();
    checkName(entry.path, this.#options.limits);
    const { directory, base } = splitName(entry.path);
    const meaning = meaningOf(base);
    if (base === '') this.#setRoot(entry);
    else if (meaning.kind === 'plain') this.#place(this.#tree.directory(directory, entry.path), base, entry);
    else if (meaning.kind === 'whiteout') this.#whiteout(directory, meaning.target);
    else if (meaning.kind === 'opaque') this.#whiteoutAll(directory);
  }

  data(bytes: Uint8Array, position: number): void {
    if (this.#open) this.#sink.writeFile(bytes, position);
  }

  end(): void {
    if (this.#open) this.#sink.closeFile(this.#open.size);
    this.#open = undefined;
  }

  #whiteout(directory: string, target: string): void {
    const parent = this.#tree.findDirectory(directory);
    if (parent) this.#tree.removeLower(parent, target);
  }

  #whiteoutAll(directory: string): void {
    const parent = this.#tree.findDirectory(directory);
    if (parent) this.#tree.removeLowerChildren(parent);
  }

  #setRoot(entry: TarEntry): void {
    if (entry.kind !== 'directory')
      throw new PullError('PATH_UNSAFE', `the root is to become a ${entry.kind}`);
    this.#setDirectory(this.root, entry);
  }

  #place(parent: DirectoryNode, base: string, entry: TarEntry): void {
    checkComponent(base, this.#options.limits);
    parent.touch(this.#tree.layer);
    const existing = parent.children.get(base);
    if (entry.kind === 'directory') {
      const isThere = existing?.kind === 'directory';
      this.#setDirectory(isThere ? existing : this.#tree.makeDirectory(parent, base), entry);
      return;
    }
    try {
      if (entry.kind === 'hardlink') this.#placeHardLink(parent, base, entry);
      else {
        if (existing) this.#tree.remove(parent, base);
        this.#tree.add(parent, base, this.#make(this.#tree.pathIn(parent, base), entry));
      }
    } catch (error) {
      throw explainClash(error, parent, base);
    }
  }

  /** An existing directory keeps its content and gets all its attributes anew. */
  #setDirectory(directory: DirectoryNode, entry: TarEntry): void {
    const { mode, uid, gid, mtime } = entry;
    const { layer } = this.#tree;
    directory.touch(layer);
    directory.describe({ mode, uid, gid, mtime }, this.#keepXattrs(entry), layer);
  }

  #make(path: string, entry: TarEntry): TreeNode {
    const { layer } = this.#tree;
    const xattrs = this.#keepXattrs(entry);
    if (entry.kind === 'file') {
      this.#options.quota.countFile(entry);
      this.#sink.openFile(path, entry);
      this.#open = entry;
      return xattrs ? { kind: 'file', layer, xattrs } : this.#plainFile;
    }
    if (entry.kind === 'symlink') {
      this.#options.quota.countLinkTarget(entry.linkPath.length);
      this.#sink.makeSymlink(path, entry.linkPath, entry);
      return { kind: 'symlink', layer, target: entry.linkPath };
    }
    this.#options.quota.countSpecialFile();
    return { kind: 'special', layer, file: specialFile(entry) };
  }

  /** A link takes no attributes from its entry: they could reach further than the entry, and sane images repeat the target's. */
  #placeHardLink(parent: DirectoryNode, base: string, entry: TarEntry): void {
    const target = this.#tree.find(entry.linkPath);
    const isItself = target?.parent === parent && target.base === base;
    if (!isItself && target?.node) this.#tree.remove(parent, base);
    // Looked up again: what was removed may have held the target.
    const found = this.#tree.find(entry.linkPath);
    if (!found?.node || found.node.kind === 'directory') throw badTarget(entry, found?.node);
    const { node } = found;
    const isCopy =
      !isItself &&
      node.kind !== 'special' &&
      this.#sink.makeHardLink(
        this.#tree.pathIn(parent, base),
        this.#tree.pathIn(found.parent, found.base),
        node.kind,
      ) === 'copied';
    const { layer } = this.#tree;
    const hasOwnXattrs = isCopy && node.kind === 'file' && node.xattrs;
    const copy = hasOwnXattrs ? { ...node, xattrs: this.#copyXattrs(hasOwnXattrs) } : node;
    this.#tree.add(parent, base, { ...copy, layer });
  }

  /** For an inode of its own: the same object would mean that they are set already. */
  #copyXattrs(xattrs: Xattrs): Xattrs {
    this.#options.quota.countXattrs(xattrs);
    return new Map(xattrs);
  }

  #keepXattrs(entry: TarEntry): Xattrs | undefined {
    const xattrs = keptXattrs(entry, this.#options.owner, this.#options.skips);
    this.#options.quota.countXattrs(xattrs);
    return xattrs;
  }
}

function specialFile(entry: TarEntry): SpecialFile {
  const { mode, uid, gid, mtime, deviceMajor, deviceMinor } = entry;
  const kind = entry.kind === 'fifo' || entry.kind === 'char' ? entry.kind : 'block';
  return { kind, mode, uid, gid, mtime, deviceMajor, deviceMinor };
}

function badTarget(entry: TarEntry, node: TreeNode | undefined): PullError {
  const reason = node ? 'a directory' : 'not there';
  const target = showName(entry.linkPath);
  return new PullError(
    'TAR_INVALID',
    `the hard link ${showName(entry.path)} names ${target}, which is ${reason}`,
  );
}
