// Counts what an image asks for, and refuses when it is too much. Throws LIMIT_EXCEEDED.
import { showName, type TarEntry } from '../tar/entry.ts';
import {
  checkLimit,
  FOLLOW_OVERHEAD,
  MAX_FOLLOWED_BYTES,
  MAX_LINK_TARGET_BYTES,
  MAX_PENDING_XATTR_BYTES,
  MAX_SPECIAL_FILES,
  type UnpackLimits,
  XATTR_OVERHEAD,
} from './limits.ts';
import type { Xattrs } from './tree.ts';

export class Quota {
  readonly #limits: UnpackLimits;
  #entries = 0;
  #fileBytes = 0;
  #streamBytes = 0;
  #archiveBytes = 0;
  #xattrBytes = 0;
  #specialFiles = 0;
  #linkBytes = 0;
  #followedBytes = 0;

  constructor(limits: UnpackLimits) {
    this.#limits = limits;
  }

  countStream(bytes: number): void {
    this.#streamBytes += bytes;
    if (this.#streamBytes > this.#limits.totalSize)
      checkLimit(this.#streamBytes, this.#limits.totalSize, 'bytes of uncompressed layers', 'total-size');
  }

  /** What is written in place of a tree: by way of links, headers may name more than the layers hold. */
  countArchive(bytes: number): void {
    this.#archiveBytes += bytes;
    if (this.#archiveBytes > this.#limits.totalSize)
      checkLimit(this.#archiveBytes, this.#limits.totalSize, 'bytes of the archive', 'total-size');
  }

  /** Entries, and directories made without one. */
  countNode(): void {
    this.#entries++;
    if (this.#entries > this.#limits.entries)
      checkLimit(this.#entries, this.#limits.entries, 'entries of the image', 'entries');
  }

  countFile(entry: TarEntry): void {
    const { fileSize } = this.#limits;
    if (entry.size > fileSize)
      checkLimit(entry.size, fileSize, `bytes in the file ${showName(entry.path)}`, 'file-size');
    this.countCopy(entry.size);
  }

  /** A copy in place of a hard link takes as much room as a file. */
  countCopy(size: number): void {
    const { totalSize } = this.#limits;
    this.#fileBytes += size;
    if (this.#fileBytes > totalSize)
      checkLimit(this.#fileBytes, totalSize, 'bytes of all files', 'total-size');
  }

  countLinkTarget(bytes: number): void {
    this.#linkBytes += bytes;
    checkLimit(this.#linkBytes, MAX_LINK_TARGET_BYTES, 'bytes of the targets of symbolic links');
  }

  /** A link on the way to an entry: what looking entries up costs is what their links make of it. */
  countFollowed(bytes: number): void {
    this.#followedBytes += bytes + FOLLOW_OVERHEAD;
    if (this.#followedBytes > MAX_FOLLOWED_BYTES)
      checkLimit(
        this.#followedBytes,
        MAX_FOLLOWED_BYTES,
        'bytes of symbolic links on the way to all entries',
      );
  }

  countSpecialFile(): void {
    checkLimit(++this.#specialFiles, MAX_SPECIAL_FILES, 'devices and FIFOs');
  }

  countXattrs(xattrs: Xattrs | undefined): void {
    if (!xattrs) return;
    for (const [name, value] of xattrs) this.#xattrBytes += name.length + value.length + XATTR_OVERHEAD;
    checkLimit(this.#xattrBytes, MAX_PENDING_XATTR_BYTES, 'bytes of extended attributes');
  }
}
