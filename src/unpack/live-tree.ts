// The tree and the disk, changed together.
import type { FileSink } from './file-sink.ts';
import { checkLimit, type UnpackLimits } from './limits.ts';
import { explainClash } from './name-clash.ts';
import { checkComponent, checkPath, cleanComponents, splitName } from './names.ts';
import type { Quota } from './quota.ts';
import { resolveDirectory } from './resolve.ts';
import type { Progress, Selection } from './selection.ts';
import { DirectoryNode, type TreeNode } from './tree.ts';
import { isAufsName } from './whiteout.ts';

/** A place in a directory, and what stands there. */
export interface Place {
  readonly parent: DirectoryNode;
  readonly base: string;
  readonly node: TreeNode | undefined;
}

interface Found {
  readonly name: string;
  readonly node: DirectoryNode;
  /** Of the node, once that was asked. */
  path: string | undefined;
  /** No link was followed. */
  readonly isLiteral: boolean;
}

// Recursion is safe here: no directory is made deeper than the limit, wherever links lead.

export class LiveTree {
  readonly root = new DirectoryNode(undefined, '', -1);
  /** The layer that is being applied. */
  layer = -1;
  readonly #sink: FileSink;
  readonly #limits: UnpackLimits;
  readonly #quota: Quota;
  readonly #selection: Selection | undefined;
  /** The directory that was asked for last: the next entry mostly stands there too. */
  #last: Found | undefined;
  #leftovers: DirectoryNode[] = [];

  /** `selection`: what of the tree comes onto the disk; absent: all of it. The tree itself always knows everything. */
  constructor(sink: FileSink, limits: UnpackLimits, quota: Quota, selection?: Selection) {
    this.#sink = sink;
    this.#limits = limits;
    this.#quota = quota;
    this.#selection = selection;
    this.root.isMade = true;
  }

  isWanted(parent: DirectoryNode, base: string): boolean {
    const selection = this.#selection;
    return selection === undefined || selection.below(progressOf(parent, selection), base).isWanted;
  }

  /** The directory of that name, made where it is missing. `whole`: the entry's name, for messages. */
  directory(name: string, whole: string): DirectoryNode {
    if (this.#last?.name === name) return this.#last.node;
    const components = cleanComponents(name, whole);
    checkLimit(components.length + 1, this.#limits.depth, 'directories above an entry', 'depth');
    const onMissing = (parent: DirectoryNode, child: string) => {
      this.#quota.countNode();
      return this.makeDirectory(parent, child);
    };
    const node = resolveDirectory(this.root, components, { ...this.#following(), onMissing });
    // Where no path is needed, a deep directory is as cheap as any.
    const path = node.pathLength === name.length + 1 ? node.path() : undefined;
    this.#last = { name, node, path, isLiteral: path === `${name}/` };
    return node;
  }

  /** The directory of that name, if there is one. Nothing is made. */
  findDirectory(name: string): DirectoryNode | undefined {
    if (this.#last?.name === name) return this.#last.node;
    const lookup = { ...this.#following(), onMissing: () => undefined };
    return resolveDirectory(this.root, cleanComponents(name), lookup);
  }

  #following() {
    const onFollow = (bytes: number) => this.#quota.countFollowed(bytes);
    return { symlinkSteps: this.#limits.symlinkSteps, onFollow };
  }

  /** Where `name` stands; its last component is not followed. undefined: its directory does not exist, or it is the root. */
  find(name: string): Place | undefined {
    const { directory, base } = splitName(name);
    const parent = base === '' ? undefined : this.findDirectory(directory);
    return parent && { parent, base, node: parent.children.get(base) };
  }

  /** From the root. */
  pathIn(parent: DirectoryNode, base: string): string {
    if (this.#last?.node !== parent) return parent.path() + base;
    this.#last.path ??= parent.path();
    return this.#last.path + base;
  }

  /** Enters what the disk has already, in place of nothing. */
  add(parent: DirectoryNode, base: string, node: TreeNode): void {
    parent.children.set(base, node);
    // Where links lead over its name and back with `..`, they led elsewhere until now.
    if (node.kind === 'symlink' && !this.#last?.isLiteral) this.#last = undefined;
  }

  /** Throws LIMIT_EXCEEDED or PATH_UNSAFE where nothing of that name can be: by way of links it may be longer and deeper than an entry's name. */
  checkPlace(parent: DirectoryNode, base: string): void {
    checkComponent(base, this.#limits);
    checkLimit(parent.depth + 1, this.#limits.depth, 'directories above an entry', 'depth');
    checkPath(parent, base, this.#limits);
  }

  /** A new directory, in place of whatever stands there. */
  makeDirectory(parent: DirectoryNode, base: string): DirectoryNode {
    this.checkPlace(parent, base);
    this.remove(parent, base);
    const node = new DirectoryNode(parent, base, -1);
    if (this.isWanted(parent, base)) this.bringToDisk(node);
    parent.children.set(base, node);
    node.touch(this.layer);
    if (isAufsName(base)) this.#leftovers.push(node);
    return node;
  }

  /** With all that lead to it. */
  bringToDisk(directory: DirectoryNode): void {
    if (directory.isMade) return;
    const { parent, name } = directory;
    this.bringToDisk(parent);
    try {
      this.#sink.makeDirectory(this.pathIn(parent, name));
    } catch (error) {
      throw explainClash(error, parent, name);
    }
    directory.isMade = true;
  }

  /** At the end of a layer: what aufs left behind was made only because hard links of the same layer may name it. */
  removeLeftovers(): void {
    for (const node of this.#leftovers) if (this.#isAttached(node)) this.remove(node.parent, node.name);
    this.#leftovers = [];
  }

  /** Is it still where it was made? */
  #isAttached(node: DirectoryNode): boolean {
    for (let at = node; at !== this.root; at = at.parent)
      if (at.parent.children.get(at.name) !== at) return false;
    return true;
  }

  /** Removes what stands there, if anything does, with all that is below. */
  remove(parent: DirectoryNode, base: string): void {
    const node = parent.children.get(base);
    if (!node) return;
    this.#last = undefined;
    parent.children.delete(base);
    this.#removeFromDisk(node, parent.path() + base);
  }

  /** Removes what lower layers left there. What this layer wrote stays, and so do the directories that lead to it. */
  removeLower(parent: DirectoryNode, base: string): void {
    const node = parent.children.get(base);
    if (!node) return;
    if (node.layer !== this.layer) this.remove(parent, base);
    else if (node.kind === 'directory') {
      node.renew(this.layer);
      this.removeLowerChildren(node);
    }
  }

  removeLowerChildren(directory: DirectoryNode): void {
    if (directory.emptiedIn === this.layer) return;
    directory.emptiedIn = this.layer;
    for (const name of directory.children.keys()) this.removeLower(directory, name);
  }

  #removeFromDisk(node: TreeNode, path: string): void {
    if (node.kind === 'directory') {
      for (const [name, child] of node.children) this.#removeFromDisk(child, `${path}/${name}`);
      if (node.isMade) this.#sink.removeDirectory(path);
    } else if (node.kind !== 'special' && !node.aside) this.#sink.removeFile(path);
  }
}

/** Once for each directory: the image decides how many entries follow in how deep a one. */
function progressOf(directory: DirectoryNode, selection: Selection): Progress {
  const { parent, name } = directory;
  if (parent === directory) return selection.root;
  directory.progress ??= selection.hold(selection.below(progressOf(parent, selection), name));
  return directory.progress;
}
