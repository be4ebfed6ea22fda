// The files of a layout or an archive, one after the other: in a directory, or in a tar file.
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { toPullError } from '../errors.ts';
import { encodeNamedHeader, PLAIN_ENTRY, paddingOf } from '../tar/encode.ts';
import { OutputFile } from './output-file.ts';

/** Names are relative, with slashes, and made of digests or constants. Each throws UNPACK_FAILED or DISK_FULL. */
export interface ImageFiles {
  has(name: string): boolean;
  /** Starts a file whose size only its end tells; there is one at a time. */
  begin(name: string): void;
  write(bytes: Uint8Array): void;
  /** Returns its size. */
  end(): number;
  /** After the last file. */
  finish(): void;
  /** Closes what is open. Never throws. */
  abort(): void;
}

export function putFile(files: ImageFiles, name: string, bytes: Uint8Array): void {
  if (files.has(name)) return;
  files.begin(name);
  files.write(bytes);
  files.end();
}

/** A document to put there. */
export function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** `directory`: does not exist yet. */
export function directoryFiles(directory: string): ImageFiles {
  const names = new Set<string>();
  let file: OutputFile | undefined;
  makeDirectory(directory);
  return {
    has: (name) => names.has(name),
    begin: (name) => {
      names.add(name);
      makeDirectory(dirname(join(directory, name)));
      file = new OutputFile(join(directory, name));
    },
    write: (bytes) => file?.append(bytes),
    end: () => {
      const size = file?.size ?? 0;
      file?.close();
      file = undefined;
      return size;
    },
    finish: () => undefined,
    abort: () => file?.abort(),
  };
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (cause) {
    throw toPullError(cause, { code: 'UNPACK_FAILED', message: `the directory ${path} cannot be made` });
  }
}

/**
 * Every time is 0, every owner root, and the order is that of the calls: the same files make the same archive. The header of a file
 * whose size is not known yet is written once more at its end, so that nothing is stored twice.
 */
export function archiveFiles(path: string): ImageFiles {
  const file = new OutputFile(path);
  const names = new Set<string>();
  let open = { name: '', headerAt: 0 };
  const addParents = (name: string) => {
    for (let slash = name.indexOf('/'); slash >= 0; slash = name.indexOf('/', slash + 1)) {
      const parent = name.slice(0, slash + 1);
      if (names.has(parent)) continue;
      names.add(parent);
      file.append(encodeNamedHeader({ ...PLAIN_ENTRY, kind: 'directory', path: parent, mode: 0o755 }));
    }
  };
  const header = (size: number) => encodeNamedHeader({ ...PLAIN_ENTRY, kind: 'file', path: open.name, size });
  return {
    has: (name) => names.has(name),
    begin: (name) => {
      addParents(name);
      names.add(name);
      open = { name, headerAt: file.size };
      file.append(header(0));
    },
    write: (bytes) => file.append(bytes),
    end: () => {
      const block = header(0);
      const size = file.size - open.headerAt - block.length;
      file.append(Buffer.alloc(paddingOf(size)));
      file.patch(header(size), open.headerAt);
      return size;
    },
    finish: () => {
      file.append(END_OF_ARCHIVE);
      file.close();
    },
    abort: () => file.abort(),
  };
}

/** Two blocks of zeros. */
export const END_OF_ARCHIVE = Buffer.alloc(1024);
