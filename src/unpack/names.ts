// Names of entries: bytes in the form of latin1 strings, made harmless before anything looks them up.
import { isUtf8 } from 'node:buffer';
import { PullError } from '../errors.ts';
import { showName } from '../tar/entry.ts';
import { checkLimit, type UnpackLimits } from './limits.ts';
import type { DirectoryNode } from './tree.ts';

/** A name cut at its last slash. */
export interface SplitName {
  /** What leads to the entry; not cleaned. */
  readonly directory: string;
  /** The last component: neither `.` nor `..`; empty for the root itself. */
  readonly base: string;
}

/** A slice keeps the whole name alive in memory; where that would cost much, it is copied. */
const LONG_NAME = 256;

/** Throws PATH_UNSAFE if cleaning is needed to find the last component, and the name leads out of the root. */
export function splitName(name: string): SplitName {
  const end = name.endsWith('/') ? name.length - 1 : name.length;
  const slash = name.lastIndexOf('/', end - 1);
  const base = name.slice(slash + 1, end);
  if (base !== '' && base !== '.' && base !== '..')
    return {
      directory: slash < 0 ? '' : name.slice(0, slash),
      base: name.length > LONG_NAME ? copyOf(base) : base,
    };
  const components = cleanComponents(name);
  const last = components.pop() ?? '';
  return { directory: components.join('/'), base: last };
}

function copyOf(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

/** The components of a name: no `.`, no empty ones, each `..` takes one back. Throws PATH_UNSAFE if one leads out of the root. */
export function cleanComponents(name: string, whole = name): string[] {
  const components: string[] = [];
  for (const component of name.split('/')) {
    if (component === '' || component === '.') continue;
    if (component !== '..') components.push(component);
    else if (components.pop() === undefined)
      throw new PullError('PATH_UNSAFE', `the name ${showName(whole)} leads out of the root`);
  }
  return components;
}

/** Of something in the tree. Throws LIMIT_EXCEEDED. */
export function checkPath(parent: DirectoryNode, base: string, { pathLength }: UnpackLimits): void {
  const length = parent.pathLength + base.length;
  if (length <= pathLength) return;
  const path = showName(`/${parent.path()}${base}`);
  checkLimit(length, pathLength, `bytes in the path ${path}, to which links lead`, 'path-length');
}

export function checkName(name: string, limits: UnpackLimits): void {
  if (name.length > limits.pathLength)
    checkLimit(name.length, limits.pathLength, `bytes in the name ${showName(name)}`, 'path-length');
  if (name === '') throw new PullError('PATH_UNSAFE', 'an entry has an empty name');
}

/** Throws LIMIT_EXCEEDED for a component that no file system takes, PATH_UNSAFE for one that means something else here. */
export function checkComponent(
  component: string,
  limits: UnpackLimits,
  platform: NodeJS.Platform = process.platform,
): void {
  if (component.length > limits.componentLength)
    checkLimit(
      component.length,
      limits.componentLength,
      `bytes in the name ${showName(component)}`,
      'name-length',
    );
  if (platform === 'win32' && !isWindowsName(component))
    throw new PullError('PATH_UNSAFE', `${showName(component)} cannot be a name on Windows`);
}

/** Is it a plain name to Windows: no stream, no drive, no device, and nothing that Windows would cut off or write differently? */
function isWindowsName(component: string): boolean {
  if (/[<>:"|?*\\]|[^\x20-\xff]|[. ]$/.test(component)) return false;
  if (/^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)([1-9]|\xc2[\xb9\xb2\xb3]))( *\.|$)/i.test(component))
    return false;
  return isUtf8(Buffer.from(component, 'latin1'));
}

/** Raw bytes for a system call: the string itself if it is ASCII, which its length in UTF-8 tells faster than a search. */
export function toKernel(raw: string): string | Buffer {
  return Buffer.byteLength(raw) === raw.length ? raw : Buffer.from(raw, 'latin1');
}

/** Paths below a root. */
export class HostPaths {
  readonly #prefix: string;

  /** `root`: an absolute path. */
  constructor(root: string) {
    this.#prefix = Buffer.from(root.endsWith('/') ? root : `${root}/`).toString('latin1');
  }

  of(path: string): string | Buffer {
    return toKernel(this.#prefix + path);
  }

  /** The same as a latin1 string. */
  raw(path: string): string {
    return this.#prefix + path;
  }
}
