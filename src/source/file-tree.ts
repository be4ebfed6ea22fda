// Files by name: what is in a directory or in an archive, behind one interface.
import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { isAbsolute, join, relative } from 'node:path';
import { PullError } from '../errors.ts';
import { quote } from '../oci/json.ts';
import { type FileAt, unreadable } from './local-file.ts';

export interface FileTree {
  /** Of the directory or the archive, for messages. */
  readonly path: string;
  /**
   * `name`: relative, with slashes. undefined where there is nothing of that name; throws LAYOUT_INVALID where there is something
   * that cannot be used. Not async, because planning asks it: a few calls for each layer of an image.
   */
  find(name: string): FileAt | undefined;
  /** Removes what was made to read it. */
  close(): Promise<void>;
}

/** `path`: absolute. Its files may be symbolic links as long as they stay inside of it. Throws LAYOUT_INVALID. */
export function openDirectory(path: string): FileTree {
  const root = realPath(path);
  return {
    path,
    find: (name) => {
      const found = realPathIfAny(join(root, ...name.split('/')));
      if (found === undefined) return undefined;
      if (!isInside(root, found))
        throw new PullError('LAYOUT_INVALID', `${path}: ${quote(name)} leads out of the directory`, {
          hint: 'Copy the layout so that it holds the file itself, for example with cp -RL.',
        });
      return fileAt(found);
    },
    close: async () => undefined,
  };
}

/** Throws LAYOUT_INVALID for what is no file or must not be read. */
export function fileAt(path: string): FileAt {
  try {
    const stats = statSync(path);
    if (!stats.isFile()) throw new PullError('LAYOUT_INVALID', `${path} is no file`);
    accessSync(path, constants.R_OK);
    return { path, offset: 0, size: stats.size };
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/** Throws LAYOUT_INVALID, with this hint, where there is nothing. */
export function realPath(path: string, hint = 'Check the path.'): string {
  const found = realPathIfAny(path);
  if (found !== undefined) return found;
  throw new PullError('LAYOUT_INVALID', `${path} does not exist`, { hint });
}

function realPathIfAny(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw unreadable(path, cause);
  }
}

function isInside(root: string, path: string): boolean {
  const way = relative(root, path);
  return !/^\.\.(?:[\\/]|$)/.test(way) && !isAbsolute(way);
}
