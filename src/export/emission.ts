// The second pass: writes the entries of the final tree to one tar stream, in the order in which they come.
import { type EntryToWrite, encodeEntry, PLAIN_ENTRY, paddingOf } from '../tar/encode.ts';
import type { TarEntry, TarHandler } from '../tar/entry.ts';
import type { SparseRegion } from '../tar/sparse.ts';
import { NameBudget } from '../unpack/name-budget.ts';
import { SkipList } from '../unpack/skips.ts';
import type { DirectoryNode, SpecialFile, SpecialNode } from '../unpack/tree.ts';
import { keptXattrs } from '../unpack/xattr-policy.ts';
import type { FinalTree, Winner } from './final-tree.ts';
import { END_OF_ARCHIVE } from './image-files.ts';

interface OpenFile {
  readonly entry: TarEntry;
  readonly winner: Winner;
  readonly map: RegionCursor | undefined;
  /** Bytes in the archive so far. */
  stored: number;
}

/** Finds its way through the regions of a sparse file, from front to back. */
class RegionCursor {
  readonly #regions: readonly SparseRegion[];
  #next = 0;
  #before = 0;

  constructor(regions: readonly SparseRegion[]) {
    this.#regions = regions;
  }

  /** How many bytes the archive holds of what stands before `position`, which may not become smaller. */
  storedBefore(position: number): number {
    let region = this.#regions[this.#next];
    for (; region && region.offset + region.length <= position; region = this.#regions[++this.#next])
      this.#before += region.length;
    return this.#before + (region ? Math.max(0, position - region.offset) : 0);
  }
}

/**
 * Directories come last, each behind all that is in it: files of one directory may come from many layers, and whatever is made in a
 * directory changes its time. So even a program that sets attributes at once leaves every directory as it should be.
 */
export class Emission implements TarHandler {
  readonly #tree: FinalTree;
  readonly #append: (bytes: Uint8Array) => void;
  /** For paths that are not among the names of files. */
  readonly #budget = new NameBudget();
  /** The first pass has told of them already. */
  readonly #skips = new SkipList();
  #entry = 0;
  #open: OpenFile | undefined;

  /** `append`: may throw. */
  constructor(tree: FinalTree, append: (bytes: Uint8Array) => void) {
    this.#tree = tree;
    this.#append = append;
  }

  entry(entry: TarEntry): void {
    const winner = this.#tree.winners.get(++this.#entry);
    if (!winner) return;
    const path = winner.names[0] ?? '';
    const xattrs = entry.kind === 'file' ? keptXattrs(entry, 'preserve', this.#skips) : undefined;
    this.#append(encodeEntry({ ...entry, path, xattrs }, winner.sparse));
    const map = winner.sparse && new RegionCursor(winner.sparse);
    if (entry.kind === 'file') this.#open = { entry, winner, map, stored: 0 };
    else this.#link(winner.names, entry);
  }

  data(bytes: Uint8Array, position: number): void {
    if (!this.#open) return;
    this.#fill(this.#open, this.#open.map?.storedBefore(position) ?? this.#open.stored);
    this.#open.stored += bytes.length;
    this.#append(bytes);
  }

  end(): void {
    if (!this.#open) return;
    const { entry, winner, map } = this.#open;
    this.#fill(this.#open, map?.storedBefore(entry.size) ?? this.#open.stored);
    this.#append(Buffer.alloc(paddingOf(this.#open.stored)));
    this.#open = undefined;
    this.#link(winner.names, entry);
  }

  /** Zeros where the regions of a sparse file are wider than what the layer stores of it. */
  #fill(open: OpenFile, stored: number): void {
    if (stored > open.stored) this.#append(Buffer.alloc(stored - open.stored));
    open.stored = stored;
  }

  /** What has no content: devices and FIFOs, then directories. Throws LIMIT_EXCEEDED. */
  finish(): void {
    const { root } = this.#tree;
    const special = new Map<SpecialFile, string[]>();
    visit(root, '', (node, path) => {
      this.#budget.add(path);
      if (node.kind !== 'special') return;
      const names = special.get(node.file);
      if (names) names.push(path);
      else special.set(node.file, [path]);
    });
    for (const [file, names] of special) {
      const entry = { ...PLAIN_ENTRY, ...file, mtime: file.mtime ?? 0, path: names.sort()[0] ?? '' };
      this.#append(encodeEntry(entry));
      this.#link(names, entry);
    }
    visit(root, '', (node, path) => {
      if (node.kind === 'directory') this.#append(encodeEntry(directoryEntry(node, path)));
    });
    this.#append(END_OF_ARCHIVE);
  }

  /** All names but the first. */
  #link(
    [first = '', ...others]: readonly string[],
    { mode, uid, gid, mtime, mtimeText }: EntryToWrite,
  ): void {
    const attributes = { mode, uid, gid, mtime, mtimeText };
    for (const path of others) {
      this.#budget.add(first);
      this.#append(encodeEntry({ ...PLAIN_ENTRY, ...attributes, kind: 'hardlink', path, linkPath: first }));
    }
  }
}

/** One that no layer describes has no time of its own; the same image is to give the same archive. */
function directoryEntry({ attributes, xattrs }: DirectoryNode, path: string): EntryToWrite {
  const { mtime = 0, ...others } = attributes;
  return { ...PLAIN_ENTRY, ...others, mtime, kind: 'directory', path: path === '' ? './' : path, xattrs };
}

/** In the order of the names' bytes, children before their directory. As deep as the limit allows, which recursion bears. */
function visit(
  directory: DirectoryNode,
  path: string,
  see: (node: DirectoryNode | SpecialNode, path: string) => void,
): void {
  const names = [...directory.children.keys()].sort();
  for (const name of names) {
    const child = directory.children.get(name);
    const below = path === '' ? name : `${path}/${name}`;
    if (child?.kind === 'directory') visit(child, below, see);
    else if (child?.kind === 'special') see(child, below);
  }
  see(directory, path);
}
