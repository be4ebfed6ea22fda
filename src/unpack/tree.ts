// The root file system as it stands, in memory. Paths are looked up here and never by the kernel, which cannot be told to stay inside.
// Everything below the root was made by this run, so the tree is the truth.
import type { Progress } from './selection.ts';

/** Every node knows the last layer that wrote it, or for a directory something below it. */
export type TreeNode = DirectoryNode | FileNode | SymlinkNode | SpecialNode;

export interface Attributes {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since the epoch; undefined: as it comes. */
  readonly mtime: number | undefined;
  /** See TarEntry; only an archive can hold it so exactly. */
  readonly mtimeText?: string | undefined;
}

export type Xattrs = ReadonlyMap<string, Uint8Array>;

/**
 * Where an inode is that is not on the disk under its name, because that name is not wanted or the inode is not there at all.
 * One object for all such names of one inode: a hard link whose name is wanted needs it.
 */
export interface Aside {
  /** Another name for it below the root, until the tree is finished; undefined: it is not on the disk. */
  path: string | undefined;
  /** The entry that it comes from, counted within its layer. */
  readonly origin: Origin;
  /** Of a symbolic link, which can be made at any time. */
  readonly attributes?: Attributes;
}

/** An entry of a layer. Both count from 0. */
export interface Origin {
  readonly layer: number;
  readonly entry: number;
}

export interface FileNode {
  readonly kind: 'file';
  readonly layer: number;
  /** Set at the end. The same object for every name of one inode, and for no other. */
  readonly xattrs: Xattrs | undefined;
  /** Absent for what is on the disk under its name. */
  readonly aside?: Aside | undefined;
}

export interface SymlinkNode {
  readonly kind: 'symlink';
  readonly layer: number;
  readonly target: string;
  readonly aside?: Aside | undefined;
}

/** A device or FIFO. Made at the end, so until then it exists only here. */
export interface SpecialFile extends Attributes {
  readonly kind: 'char' | 'block' | 'fifo';
  readonly deviceMajor: number;
  readonly deviceMinor: number;
}

export interface SpecialNode {
  readonly kind: 'special';
  readonly layer: number;
  /** The same object for every name of it. */
  readonly file: SpecialFile;
}

const IMPLICIT: Attributes = { mode: 0o755, uid: 0, gid: 0, mtime: undefined };

export class DirectoryNode {
  readonly kind = 'directory';
  /** The root is its own parent, as in any file system. */
  readonly parent: DirectoryNode;
  readonly name: string;
  /** Directories from the root to this one, which has 0. */
  readonly depth: number;
  /** Characters of path(). */
  readonly pathLength: number;
  /** Keys are latin1 strings of the raw bytes. */
  readonly children = new Map<string, TreeNode>();
  layer: number;
  /** Is it on the disk? One that is not wanted comes there with the first thing in it that is. */
  isMade = false;
  /** What the patterns of the pull say of its path, once that was asked. */
  progress: Progress | undefined;
  /** Applied at the end, when nothing is written below any more. */
  attributes = IMPLICIT;
  xattrs: Xattrs | undefined;
  /** The layer whose entry gave it these attributes. */
  #describedIn = -1;
  /** The last layer that took away all that lower ones left below; nothing older can come back during it. */
  emptiedIn: number | undefined;

  constructor(parent: DirectoryNode | undefined, name: string, layer: number) {
    this.parent = parent ?? this;
    this.name = name;
    this.depth = parent ? parent.depth + 1 : 0;
    this.pathLength = parent ? parent.pathLength + name.length + 1 : 0;
    this.layer = layer;
  }

  /** From the root; empty for the root, otherwise with a slash at its end. */
  path(): string {
    let path = '';
    for (let node: DirectoryNode = this; node.parent !== node; node = node.parent)
      path = `${node.name}/${path}`;
    return path;
  }

  describe(attributes: Attributes, xattrs: Xattrs | undefined, layer: number): void {
    this.attributes = attributes;
    this.xattrs = xattrs;
    this.#describedIn = layer;
  }

  /** It was taken away and made anew, both by `layer`: what lower layers said of it no longer counts. */
  renew(layer: number): void {
    if (this.#describedIn !== layer) this.describe(IMPLICIT, undefined, layer);
  }

  /** Marks it and all that leads to it as written by `layer`. */
  touch(layer: number): void {
    for (let node: DirectoryNode = this; node.layer !== layer; node = node.parent) node.layer = layer;
  }
}
