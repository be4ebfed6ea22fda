// What an entry becomes in the tree, and its content on the disk.
import type { TarEntry } from '../tar/entry.ts';
import type { AsideNames } from './aside.ts';
import type { FileSink } from './file-sink.ts';
import type { OwnerPolicy } from './ownership.ts';
import type { Quota } from './quota.ts';
import { SkipList } from './skips.ts';
import { specialFileOf } from './special-files.ts';
import type { FileNode, Origin, TreeNode, Xattrs } from './tree.ts';
import { keptXattrs } from './xattr-policy.ts';

/** Which files of a layer are written, whatever their names. */
export interface KeptEntries {
  /** By entry of the layer: 1 for those that are needed for what they are, like the target of a hard link. */
  readonly flags: Uint8Array;
  /** No others are: their content is not at hand. Otherwise those whose names are wanted are written as well. */
  readonly isExact: boolean;
}

/** Bytes of files, as their entries say. */
export interface FileBytes {
  read: number;
  written: number;
}

export interface NodeMakerOptions {
  readonly sink: FileSink;
  readonly quota: Quota;
  readonly owner: OwnerPolicy;
  readonly skips: SkipList;
  /** Names for what has none that is wanted. */
  readonly asides: AsideNames;
}

/** Used in this order: beginLayer; for each entry beginEntry, then perhaps a method that makes something, write, end. Throws as Planner. */
export class NodeMaker {
  readonly #options: NodeMakerOptions;
  readonly #skipsOfOthers = new SkipList();
  #layer = 0;
  #entries = 0;
  #kept: KeptEntries | undefined;
  /** What every file of this layer without extended attributes is in the tree. */
  #plainFile: FileNode = { kind: 'file', layer: -1, xattrs: undefined };
  /** The file whose data is coming. */
  #open: TarEntry | undefined;
  readonly bytes: FileBytes = { read: 0, written: 0 };

  constructor(options: NodeMakerOptions) {
    this.#options = options;
  }

  beginLayer(index: number, kept: KeptEntries | undefined): void {
    this.#layer = index;
    this.#kept = kept;
    this.#plainFile = { kind: 'file', layer: index, xattrs: undefined };
    this.#entries = 0;
  }

  beginEntry(): void {
    this.#entries++;
  }

  /** Of this layer, so far. */
  get entries(): number {
    return this.#entries;
  }

  /** The entry that is being placed. */
  get origin(): Origin {
    return { layer: this.#layer, entry: this.#entries - 1 };
  }

  /** What is wanted, at its path. */
  make(path: string, entry: TarEntry): TreeNode {
    const layer = this.#layer;
    if (entry.kind === 'file') {
      const xattrs = this.keepXattrs(entry);
      this.#countFile(entry);
      if (this.#kept?.isExact && !this.#isKept())
        return { kind: 'file', layer, xattrs, aside: { path: undefined, origin: this.origin } };
      this.#openFile(path, entry);
      return xattrs ? { kind: 'file', layer, xattrs } : this.#plainFile;
    }
    if (entry.kind !== 'symlink') return this.#makeSpecial(entry);
    this.keepXattrs(entry);
    this.#options.quota.countLinkTarget(entry.linkPath.length);
    this.#options.sink.makeSymlink(path, entry.linkPath, entry);
    return { kind: 'symlink', layer, target: entry.linkPath };
  }

  /** What is not wanted, but may yet be the target of a hard link that is. */
  makeAside(entry: TarEntry): TreeNode {
    const layer = this.#layer;
    if (entry.kind === 'symlink') {
      this.#options.quota.countLinkTarget(entry.linkPath.length);
      const { mode, uid, gid, mtime, linkPath: target } = entry;
      const aside = { path: undefined, origin: this.origin, attributes: { mode, uid, gid, mtime } };
      return { kind: 'symlink', layer, target, aside };
    }
    if (entry.kind !== 'file') return this.#makeSpecial(entry, false);
    const isKept = this.#isKept();
    const xattrs = this.keepXattrs(entry, isKept);
    this.#countFile(entry);
    const path = isKept ? this.#options.asides.next() : undefined;
    if (path !== undefined) this.#openFile(path, entry);
    return { kind: 'file', layer, xattrs, aside: { path, origin: this.origin } };
  }

  keepXattrs(entry: TarEntry, isWanted = true): Xattrs | undefined {
    const { owner, skips, quota } = this.#options;
    const xattrs = keptXattrs(entry, owner, isWanted ? skips : this.#skipsOfOthers);
    quota.countXattrs(xattrs);
    return xattrs;
  }

  write(bytes: Uint8Array, position: number): void {
    if (this.#open) this.#options.sink.writeFile(bytes, position);
  }

  end(): void {
    if (this.#open) this.#options.sink.closeFile(this.#open.size);
    this.#open = undefined;
  }

  /** It is made at the end, if it is still there. */
  #makeSpecial(entry: TarEntry, isWanted = true): TreeNode {
    this.keepXattrs(entry, isWanted);
    this.#options.quota.countSpecialFile();
    return { kind: 'special', layer: this.#layer, file: specialFileOf(entry) };
  }

  #countFile(entry: TarEntry): void {
    this.#options.quota.countFile(entry);
    this.bytes.read += entry.size;
  }

  #openFile(path: string, entry: TarEntry): void {
    this.#options.sink.openFile(path, entry);
    this.#open = entry;
    this.bytes.written += entry.size;
  }

  #isKept(): boolean {
    return this.#kept?.flags[this.#entries - 1] === 1;
  }
}
