// The file sink that makes synchronous system calls. Everything is created exclusively and changed through descriptors where there are any.
import * as fs from 'node:fs';
import { PullError, toPullError } from '../errors.ts';
import { showName } from '../tar/entry.ts';
import type { FileSink } from './file-sink.ts';
import { copyInsteadOfLink, isWithoutHardLinks } from './link-copy.ts';
import { HostPaths, toKernel } from './names.ts';
import { createOwnership, type OwnerPolicy, type Ownership } from './ownership.ts';
import { toTime } from './times.ts';
import type { Attributes, SpecialFile } from './tree.ts';

// Windows knows neither flag; there, exclusive creation alone has to do.
const { O_CREAT, O_EXCL, O_WRONLY, O_RDONLY, O_NOFOLLOW = 0, O_DIRECTORY = 0 } = fs.constants;
const CREATE_FILE = O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY;
const OPEN_DIRECTORY = O_RDONLY | O_NOFOLLOW | O_DIRECTORY;

export interface FsSinkOptions {
  readonly root: string;
  readonly owner: OwnerPolicy;
  /** Called with its size in bytes before a copy is made in place of a hard link; may throw. */
  readonly onCopy: (size: number) => void;
}

/** Throws UNPACK_FAILED if `root` is no directory. */
export function createFsSink(options: FsSinkOptions): FileSink {
  return new FsSink(options);
}

class FsSink implements FileSink {
  readonly #paths: HostPaths;
  readonly #ownership: Ownership;
  readonly #onCopy: (size: number) => void;
  #file: number | undefined;
  #filePath = '';
  #fileAttributes: Attributes = { mode: 0, uid: 0, gid: 0, mtime: undefined };
  #hasMode = false;
  #written = 0;

  constructor({ root, owner, onCopy }: FsSinkOptions) {
    this.#paths = new HostPaths(root);
    this.#onCopy = onCopy;
    try {
      this.#ownership = createOwnership(root, owner);
    } catch (error) {
      throw failure(error, 'use the root', '');
    }
  }

  makeDirectory(path: string): void {
    try {
      fs.mkdirSync(this.#paths.of(path), 0o700);
    } catch (error) {
      throw failure(error, 'make the directory', path);
    }
  }

  openFile(path: string, attributes: Attributes): void {
    const mode = this.#ownership.finalMode(attributes.mode, 0o600);
    // A call saved for each file. Nobody else gets at it meanwhile: the root lets only its owner in.
    this.#hasMode =
      this.#ownership.isGranted(mode) && !this.#ownership.differs(attributes.uid, attributes.gid);
    this.#filePath = path;
    this.#fileAttributes = attributes;
    this.#written = 0;
    try {
      this.#file = fs.openSync(this.#paths.of(path), CREATE_FILE, this.#hasMode ? mode : 0o600);
    } catch (error) {
      throw failure(error, 'make the file', path);
    }
  }

  writeFile(bytes: Uint8Array, position: number): void {
    try {
      for (let done = 0; done < bytes.length; )
        done += fs.writeSync(this.#open(), bytes, done, bytes.length - done, position + done);
    } catch (error) {
      throw failure(error, 'write the file', this.#filePath);
    }
    this.#written = position + bytes.length;
  }

  closeFile(size: number): void {
    const file = this.#open();
    try {
      if (this.#written < size) fs.ftruncateSync(file, size);
      if (this.#hasMode) setTimes(file, this.#fileAttributes);
      else this.#setOpen(file, this.#fileAttributes, 0o600);
      this.#file = undefined;
      fs.closeSync(file);
    } catch (error) {
      throw failure(error, 'finish the file', this.#filePath);
    }
  }

  makeSymlink(path: string, target: string, attributes: Attributes): void {
    const host = this.#paths.of(path);
    try {
      fs.symlinkSync(toKernel(target), host);
      this.#setPath(host, attributes);
    } catch (error) {
      throw failure(error, 'make the symbolic link', path);
    }
  }

  makeHardLink(path: string, existing: string, kind: 'file' | 'symlink' | 'special'): 'linked' | 'copied' {
    // link(2) of macOS follows symbolic links.
    if (kind === 'symlink' && process.platform === 'darwin') return this.#copy(path, existing, kind);
    try {
      fs.linkSync(this.#paths.of(existing), this.#paths.of(path));
      return 'linked';
    } catch (error) {
      if (kind === 'special' || !isWithoutHardLinks(error)) throw failure(error, 'make the hard link', path);
      return this.#copy(path, existing, kind);
    }
  }

  removeFile(path: string): void {
    try {
      fs.unlinkSync(this.#paths.of(path));
    } catch (error) {
      throw failure(error, 'remove', path);
    }
  }

  removeDirectory(path: string): void {
    try {
      fs.rmdirSync(this.#paths.of(path));
    } catch (error) {
      throw failure(error, 'remove the directory', path);
    }
  }

  setDirectory(path: string, attributes: Attributes): void {
    let directory: number | undefined;
    try {
      directory = fs.openSync(this.#paths.of(path), OPEN_DIRECTORY);
      this.#setOpen(directory, attributes, 0o700);
    } catch (error) {
      throw failure(error, 'finish the directory', path);
    } finally {
      if (directory !== undefined) fs.closeSync(directory);
    }
  }

  setSpecialFile(path: string, file: SpecialFile): boolean {
    const host = this.#paths.of(path);
    try {
      const stats = fs.lstatSync(host, { throwIfNoEntry: false });
      if (!stats || !isKind(stats, file.kind)) return false;
      this.#setPath(host, file);
      // Not a symbolic link, so nothing is followed; opening it instead would wake a device.
      fs.chmodSync(host, this.#ownership.finalMode(file.mode, 0));
      return true;
    } catch (error) {
      throw failure(error, `finish the ${file.kind}`, path);
    }
  }

  abort(): void {
    try {
      if (this.#file !== undefined) fs.closeSync(this.#file);
    } catch {
      // It is about to be removed.
    }
    this.#file = undefined;
  }

  #open(): number {
    if (this.#file === undefined) throw new PullError('INTERNAL', 'no file is open');
    return this.#file;
  }

  /** The order matters: chown(2) takes away set-id bits, chmod(2) and writing change no times that are set last. */
  #setOpen(descriptor: number, attributes: Attributes, ownerBits: number): void {
    const { uid, gid, mode } = attributes;
    if (this.#ownership.differs(uid, gid)) fs.fchownSync(descriptor, uid, gid);
    fs.fchmodSync(descriptor, this.#ownership.finalMode(mode, ownerBits));
    setTimes(descriptor, attributes);
  }

  /** Owner and times of something that must not be opened. */
  #setPath(host: string | Buffer, { uid, gid, mtime }: Attributes): void {
    if (this.#ownership.differs(uid, gid)) fs.lchownSync(host, uid, gid);
    if (mtime === undefined) return;
    const time = toTime(mtime);
    fs.lutimesSync(host, time, time);
  }

  #copy(path: string, existing: string, kind: 'file' | 'symlink'): 'copied' {
    try {
      copyInsteadOfLink(this.#paths.of(existing), this.#paths.of(path), { kind, onCopy: this.#onCopy });
      return 'copied';
    } catch (error) {
      throw failure(error, 'copy in place of a hard link', path);
    }
  }
}

function setTimes(descriptor: number, { mtime }: Attributes): void {
  if (mtime === undefined) return;
  const time = toTime(mtime);
  fs.futimesSync(descriptor, time, time);
}

function isKind(stats: fs.Stats, kind: SpecialFile['kind']): boolean {
  if (kind === 'fifo') return stats.isFIFO();
  return kind === 'char' ? stats.isCharacterDevice() : stats.isBlockDevice();
}

/** The tree said that the name is free. If the file system disagrees, it takes two names for one (case, Unicode forms). */
function failure(error: unknown, action: string, path: string): PullError {
  const code = (error as NodeJS.ErrnoException).code;
  const name = showName(`/${path}`);
  if (code === 'EEXIST')
    return new PullError(
      'PATH_UNSAFE',
      `cannot ${action} ${name}: this file system takes its name for that of another entry`,
      { hint: 'Unpack to a file system that tells upper and lower case apart.', cause: error },
    );
  return toPullError(error, {
    code: 'UNPACK_FAILED',
    message: `cannot ${action} ${name}: ${code ?? 'unknown reason'}`,
  });
}
