// A file system that keeps of each file only what it takes to compare it with another.
import { createHasher, type Hasher } from '../integrity/hash.ts';
import { digestHex } from '../oci/digest.ts';
import { NameBudget } from './name-budget.ts';
import { NoDisk } from './no-disk.ts';
import type { Attributes } from './tree.ts';

/** A file or symbolic link. The same object for all names of one inode. */
export interface Inode {
  readonly kind: 'file' | 'symlink';
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  size: number;
  /** sha256 of a file in hexadecimal, or what a link leads to. */
  content: string;
}

const ZEROS = new Uint8Array(64 << 10);

export class ListingSink extends NoDisk {
  /** By path from the root. */
  readonly inodes = new Map<string, Inode>();
  readonly #budget = new NameBudget();
  /** Of the file that is open, where it is known and its bytes do not come. */
  knownContent: string | undefined;
  #open: Inode | undefined;
  #hasher: Hasher = createHasher();
  #hashed = 0;

  override openFile(path: string, { mode, uid, gid }: Attributes): void {
    this.#open = { kind: 'file', mode, uid, gid, size: 0, content: '' };
    this.#set(path, this.#open);
    this.#hasher = createHasher();
    this.#hashed = 0;
  }

  override writeFile(bytes: Uint8Array, position: number): void {
    this.#fillTo(position);
    this.#hasher.update(bytes);
    this.#hashed = position + bytes.length;
  }

  override closeFile(size: number): void {
    if (!this.#open) return;
    this.#open.size = size;
    this.#open.content = this.knownContent ?? this.#digestOf(size);
    this.#open = undefined;
  }

  override makeSymlink(path: string, target: string, { mode, uid, gid }: Attributes): void {
    this.#set(path, { kind: 'symlink', mode, uid, gid, size: 0, content: target });
  }

  override makeHardLink(path: string, existing: string): 'linked' {
    const inode = this.inodes.get(existing);
    if (inode) this.#set(path, inode);
    return 'linked';
  }

  override removeFile(path: string): void {
    if (this.inodes.delete(path)) this.#budget.remove(path);
  }

  #set(path: string, inode: Inode): void {
    if (!this.inodes.has(path)) this.#budget.add(path);
    this.inodes.set(path, inode);
  }

  #digestOf(size: number): string {
    this.#fillTo(size);
    return digestHex(this.#hasher.digest());
  }

  /** A hole reads as zeros. */
  #fillTo(position: number): void {
    while (this.#hashed < position) {
      const length = Math.min(ZEROS.length, position - this.#hashed);
      this.#hasher.update(ZEROS.subarray(0, length));
      this.#hashed += length;
    }
  }
}
