// A file system that keeps nothing: for those who only want to know what is in a tree. What they need of it they override.
import type { FileSink } from './file-sink.ts';
import type { Attributes } from './tree.ts';

export class NoDisk implements FileSink {
  makeDirectory(): void {}
  openFile(_path: string, _attributes: Attributes): void {}
  writeFile(_bytes: Uint8Array, _position: number): void {}
  closeFile(_size: number): void {}
  makeSymlink(_path: string, _target: string, _attributes: Attributes): void {}
  makeHardLink(_path: string, _existing: string): 'linked' {
    return 'linked';
  }
  removeFile(_path: string): void {}
  removeDirectory(): void {}
  setDirectory(): void {}
  setSpecialFile(): boolean {
    return true;
  }
  abort(): void {}
}
