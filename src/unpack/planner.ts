// Decides what each entry of a layer does to the root file system.
import { PullError } from '../errors.ts';
import type { TarEntry, TarHandler } from '../tar/entry.ts';
import { AsideNames } from './aside.ts';
import type { FileSink } from './file-sink.ts';
import type { UnpackLimits } from './limits.ts';
import { badTarget, Links } from './links.ts';
import { LiveTree } from './live-tree.ts';
import { explainClash } from './name-clash.ts';
import { checkName, splitName } from './names.ts';
import { type FileBytes, type KeptEntries, NodeMaker } from './node-maker.ts';
import type { OwnerPolicy } from './ownership.ts';
import { type Pruned, prune } from './prune.ts';
import type { Quota } from './quota.ts';
import type { Selection } from './selection.ts';
import type { SkipList } from './skips.ts';
import type { DirectoryNode } from './tree.ts';
import { meaningOf } from './whiteout.ts';

export interface PlannerOptions {
  readonly sink: FileSink;
  readonly limits: UnpackLimits;
  readonly quota: Quota;
  readonly owner: OwnerPolicy;
  readonly skips: SkipList;
  /** What is to be unpacked; absent: everything. */
  readonly selection?: Selection | undefined;
}

/** Throws PATH_UNSAFE, TAR_INVALID, LIMIT_EXCEEDED, and what the sink throws. */
export class Planner implements TarHandler {
  readonly #options: PlannerOptions;
  readonly #sink: FileSink;
  readonly #tree: LiveTree;
  readonly #asides: AsideNames;
  readonly #links: Links;
  readonly #maker: NodeMaker;
  #isPartial: boolean;

  constructor(options: PlannerOptions) {
    this.#options = options;
    this.#sink = options.sink;
    this.#tree = new LiveTree(options.sink, options.limits, options.quota, options.selection);
    this.#asides = new AsideNames(options.sink);
    this.#links = new Links({ ...options, asides: this.#asides });
    this.#maker = new NodeMaker({ ...options, asides: this.#asides });
    this.#isPartial = options.selection !== undefined;
  }

  get root(): DirectoryNode {
    return this.#tree.root;
  }

  get bytes(): Readonly<FileBytes> {
    return this.#maker.bytes;
  }

  /** Layers start with 0, each comes after the ones below it. `kept`: absent: all files are written whose names are wanted. */
  beginLayer(index: number, kept?: KeptEntries): void {
    this.#tree.layer = index;
    this.#maker.beginLayer(index, kept);
    if (kept) this.#isPartial = true;
  }

  /** Returns the number of the layer's entries. */
  endLayer(): number {
    this.#tree.removeLeftovers();
    return this.#maker.entries;
  }

  /** After the last layer: leaves only what is wanted, in the tree and on the disk. undefined: that is all of it. */
  prune(): Pruned | undefined {
    if (!this.#isPartial) return undefined;
    const pruned = prune(this.root, this.#sink, this.#options.selection);
    this.#asides.clear();
    return pruned;
  }

  entry(entry: TarEntry): void {
    this.#maker.beginEntry();
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
    this.#maker.write(bytes, position);
  }

  end(): void {
    this.#maker.end();
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
    this.#tree.checkPlace(parent, base);
    parent.touch(this.#tree.layer);
    const existing = parent.children.get(base);
    const isWanted = this.#tree.isWanted(parent, base);
    if (entry.kind === 'directory') {
      const isThere = existing?.kind === 'directory';
      this.#setDirectory(isThere ? existing : this.#tree.makeDirectory(parent, base), entry, isWanted);
      return;
    }
    try {
      if (entry.kind === 'hardlink') this.#placeHardLink({ parent, base, isWanted }, entry);
      else {
        if (existing) this.#tree.remove(parent, base);
        const node = isWanted
          ? this.#maker.make(this.#placeFor(parent, base), entry)
          : this.#maker.makeAside(entry);
        this.#tree.add(parent, base, node);
      }
    } catch (error) {
      throw explainClash(error, parent, base);
    }
  }

  /** The path at which something is about to be made. */
  #placeFor(parent: DirectoryNode, base: string): string {
    this.#tree.bringToDisk(parent);
    return this.#tree.pathIn(parent, base);
  }

  /** An existing directory keeps its content and gets all its attributes anew. */
  #setDirectory(directory: DirectoryNode, entry: TarEntry, isWanted = true): void {
    const { mode, uid, gid, mtime, mtimeText } = entry;
    const { layer } = this.#tree;
    directory.touch(layer);
    directory.describe({ mode, uid, gid, mtime, mtimeText }, this.#maker.keepXattrs(entry, isWanted), layer);
  }

  /** A link takes no attributes from its entry: they could reach further than the entry, and sane images repeat the target's. */
  #placeHardLink({ parent, base, isWanted }: WantedPlace, entry: TarEntry): void {
    const target = this.#tree.find(entry.linkPath);
    const isItself = target?.parent === parent && target.base === base;
    if (!isItself && target?.node) this.#tree.remove(parent, base);
    // Looked up again: what was removed may have held the target.
    const found = this.#tree.find(entry.linkPath);
    if (!found?.node || found.node.kind === 'directory') throw badTarget(entry, found?.node);
    const { node } = found;
    const { layer } = this.#tree;
    if (isItself || node.kind === 'special') {
      if (isWanted) this.#tree.bringToDisk(parent);
      this.#tree.add(parent, base, { ...node, layer });
    } else {
      const existing = this.#tree.pathIn(found.parent, found.base);
      const linked = isWanted
        ? this.#links.add(this.#placeFor(parent, base), node, existing)
        : this.#links.addAside(node, existing, this.#maker.origin);
      this.#tree.add(parent, base, { ...linked, layer });
    }
  }
}

interface WantedPlace {
  readonly parent: DirectoryNode;
  readonly base: string;
  readonly isWanted: boolean;
}
