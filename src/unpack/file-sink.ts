// What the planner asks the file system to do. A small interface, so that another thread may do it some day.
// Paths are relative to the root, latin1 strings of raw bytes, and lead through real directories only.
import type { Attributes, SpecialFile } from './tree.ts';

export interface FileSink {
  makeDirectory(path: string): void;
  /** Starts a new file; there is one at a time. */
  openFile(path: string, attributes: Attributes): void;
  writeFile(bytes: Uint8Array, position: number): void;
  /** Ends the file that is open. `size`: in bytes, with a hole at the end where less was written. */
  closeFile(size: number): void;
  makeSymlink(path: string, target: string, attributes: Attributes): void;
  /** Makes `path` one more name of `existing`, or a copy of it where the file system has no room for one more. */
  makeHardLink(path: string, existing: string, kind: 'file' | 'symlink' | 'special'): 'linked' | 'copied';
  /** Anything but a directory. */
  removeFile(path: string): void;
  /** An empty directory. */
  removeDirectory(path: string): void;
  setDirectory(path: string, attributes: Attributes): void;
  /** For a device or FIFO that is there. Returns whether it is what it should be. */
  setSpecialFile(path: string, file: SpecialFile): boolean;
  /** Closes what is open. Never throws. */
  abort(): void;
}
