// The first pass over the layers of an image: which entry of which layer is in the final tree, and under which names.
import { PullError } from '../errors.ts';
import { showName, type TarHandler } from '../tar/entry.ts';
import { BLOCK_SIZE } from '../tar/header.ts';
import type { SparseRegion } from '../tar/sparse.ts';
import { checkLimit, type UnpackLimits } from '../unpack/limits.ts';
import { NameBudget } from '../unpack/name-budget.ts';
import { NoDisk } from '../unpack/no-disk.ts';
import { Planner } from '../unpack/planner.ts';
import type { Quota } from '../unpack/quota.ts';
import type { SkipList } from '../unpack/skips.ts';
import type { DirectoryNode } from '../unpack/tree.ts';

/** PATH_MAX of Linux, less the NUL. */
const MAX_LINK_TARGET = 4095;
/** Stretches of data of all sparse files together, which are held in memory until the second pass. */
const MAX_HELD_REGIONS = 2_000_000;

/** A file or symbolic link of the final tree. */
export interface Winner {
  /** From the root, in the order of their bytes. */
  readonly names: string[];
  /** Of a file with holes: what has data, in order and in whole blocks but for the end of the file. */
  sparse: readonly SparseRegion[] | undefined;
}

export interface FinalTree {
  /** By the number of its entry, counted through all layers from 1. */
  readonly winners: ReadonlyMap<number, Winner>;
  /** Directories, devices and FIFOs, with their attributes. */
  readonly root: DirectoryNode;
}

interface File extends Winner {
  readonly entry: number;
}

/**
 * The planner decides as it does for a root file system; in place of one there are only names. So what an image means is decided in
 * one place.
 */
export class FinalTreeFinder implements TarHandler {
  readonly planner: Planner;
  readonly #sink = new NameSink();

  constructor(options: { readonly limits: UnpackLimits; readonly quota: Quota; readonly skips: SkipList }) {
    this.planner = new Planner({ ...options, sink: this.#sink, owner: 'preserve' });
  }

  entry(...[entry]: Parameters<TarHandler['entry']>): void {
    this.#sink.entry++;
    this.planner.entry(entry);
  }

  data(bytes: Uint8Array, position: number): void {
    this.planner.data(bytes, position);
  }

  end(): void {
    this.planner.end();
  }

  result(): FinalTree {
    const winners = new Map<number, Winner>();
    for (const [name, file] of this.#sink.files) {
      winners.set(file.entry, file);
      file.names.push(name);
    }
    for (const { names } of winners.values()) names.sort();
    return { winners, root: this.planner.root };
  }
}

/** A file system without content. */
class NameSink extends NoDisk {
  readonly files = new Map<string, File>();
  readonly #budget = new NameBudget();
  /** The one that is being read. */
  entry = 0;
  #open: File | undefined;
  #regions: { offset: number; length: number }[] = [];
  #held = 0;

  override openFile(path: string): void {
    this.#open = this.#add(path);
    this.#regions = [];
  }

  override writeFile(bytes: Uint8Array, position: number): void {
    const last = this.#regions.at(-1);
    if (last && last.offset + last.length === position) last.length += bytes.length;
    else this.#regions.push({ offset: position, length: bytes.length });
  }

  override closeFile(size: number): void {
    const [first, ...others] = this.#regions;
    const isWhole = size === 0 || (others.length === 0 && first?.offset === 0 && first.length === size);
    if (!isWhole && this.#open) {
      const regions = inBlocks(this.#regions, size);
      this.#open.sparse = regions;
      this.#held += regions.length;
      checkLimit(this.#held, MAX_HELD_REGIONS, 'stretches of data in sparse files');
    }
    this.#open = undefined;
  }

  override makeSymlink(path: string, target: string): void {
    if (target === '' || target.length > MAX_LINK_TARGET)
      throw new PullError(
        'UNPACK_FAILED',
        `the symbolic link ${showName(path)} has a target that no system takes`,
      );
    this.#add(path);
  }

  override makeHardLink(path: string, existing: string): 'linked' {
    const file = this.files.get(existing);
    if (!file) throw new PullError('INTERNAL', 'a hard link leads to a file that is not there');
    this.#set(path, file);
    return 'linked';
  }

  override removeFile(path: string): void {
    if (this.files.delete(path)) this.#budget.remove(path);
  }

  #add(path: string): File {
    const file: File = { entry: this.entry, names: [], sparse: undefined };
    this.#set(path, file);
    return file;
  }

  #set(path: string, file: File): void {
    if (!this.files.has(path)) this.#budget.add(path);
    this.files.set(path, file);
  }
}

/** GNU tar begins every region with a block of the archive, others where the one before ended: in whole blocks both is the same. */
function inBlocks(regions: readonly SparseRegion[], size: number): SparseRegion[] {
  const whole: { offset: number; length: number }[] = [];
  for (const { offset, length } of regions) {
    const start = offset - (offset % BLOCK_SIZE);
    const end = Math.min(size, Math.ceil((offset + length) / BLOCK_SIZE) * BLOCK_SIZE);
    const last = whole.at(-1);
    if (last && start <= last.offset + last.length) last.length = Math.max(last.length, end - last.offset);
    else whole.push({ offset: start, length: end - start });
  }
  return whole;
}
