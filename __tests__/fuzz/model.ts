// What layers mean, written from the specification and nothing else: a flat map of paths, and the paths a layer has written.
// Slow and simple; nothing of it comes from src/unpack.
// https://github.com/opencontainers/image-spec/blob/main/layer.md
import { contentOf, type EntryKind, type LayerEntry } from './entry.ts';
import type { Failure, Oddity, Outcome, TimeLoss } from './traits.ts';

/** What stands at a path. All names of a hard link share one object. */
export interface Inode {
  readonly kind: Exclude<EntryKind, 'hardlink'>;
  /** undefined: a directory that only leads somewhere, or the root before anything is said about it. */
  readonly attributes: Attributes | undefined;
  readonly content: Buffer;
  readonly target: string;
  readonly device: readonly [major: number, minor: number];
  readonly xattrs: ReadonlyMap<string, Buffer>;
}

export interface Attributes {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: bigint;
}

class Failed extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure);
    this.failure = failure;
  }
}

const MAX_LINKS = 255;
const MAX_COMPONENT = 255;
const ROOT = '';
const NOTHING = { content: Buffer.alloc(0), target: '', device: [0, 0], xattrs: new Map() } as const;
const IMPLICIT: Inode = { ...NOTHING, kind: 'directory', attributes: undefined };

export class Model {
  /** Paths are latin1, components joined by a slash; the root is empty. */
  readonly inodes = new Map<string, Inode>([[ROOT, IMPLICIT]]);
  readonly timeLosses = new Map<string, Set<TimeLoss>>();
  /** Directories that a whiteout took away and that this layer still needs, as lower layers had them. */
  readonly renewed = new Map<string, Inode>();
  /** What this layer has written, and what leads to it. */
  #upper = new Set<string>();
  /** What this layer has said something about. */
  #given = new Set<string>();
  #oddities = new Set<Oddity>();

  copy(): Model {
    const copy = new Model();
    for (const [path, inode] of this.inodes) copy.inodes.set(path, inode);
    for (const [path, losses] of this.timeLosses) copy.timeLosses.set(path, new Set(losses));
    for (const [path, inode] of this.renewed) copy.renewed.set(path, inode);
    copy.#upper = new Set(this.#upper);
    copy.#given = new Set(this.#given);
    return copy;
  }

  beginLayer(): void {
    this.#upper = new Set();
    this.#given = new Set();
  }

  /** After a failure the model is of no use. */
  apply(entry: LayerEntry): Outcome {
    this.#oddities = new Set();
    try {
      this.#apply(entry);
      return { failure: undefined, oddities: this.#oddities };
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      return { failure: error.failure, oddities: this.#oddities };
    }
  }

  #apply(entry: LayerEntry): void {
    if (entry.name === '') throw new Failed('empty name');
    const components = clean(entry.name);
    const base = components.pop();
    if (base === undefined) {
      if (entry.kind !== 'directory') throw new Failed('root is no directory');
      this.#set(ROOT, this.#inodeOf(entry));
    } else if (base.startsWith('.wh.')) this.#whiteout(components, base);
    else if (entry.kind === 'hardlink') this.#hardLink(components, base, entry);
    else {
      const path = join(this.#parent(components), checked(base));
      if (entry.kind === 'symlink' && entry.link === '') throw new Failed('empty link target');
      const keeps = entry.kind === 'directory' && this.inodes.get(path)?.kind === 'directory';
      if (!keeps) this.#remove(path);
      this.#set(path, this.#inodeOf(entry));
    }
  }

  // A marker does nothing but remove, and only what lower layers left.
  #whiteout(directory: readonly string[], base: string): void {
    const isOpaque = base === '.wh..wh..opq';
    if (base.startsWith('.wh..wh.') && !isOpaque) {
      this.#oddities.add('aufs metadata');
      return;
    }
    const name = base.slice('.wh.'.length);
    if (name === '' || name === '.' || name === '..') throw new Failed('whiteout of nothing');
    if ([...directory, name].some((component) => component.length > MAX_COMPONENT))
      this.#oddities.add('whiteout of a name that cannot be');
    const parent = this.#resolve(directory, 'find');
    if (parent === undefined) return;
    const target = isOpaque ? parent : join(parent, name);
    for (const path of this.#atOrBelow(target)) {
      if (isOpaque && path === target) continue;
      if (this.#upper.has(path)) this.#renew(path);
      else {
        this.#delete(path);
        if (dirname(path) !== parent) this.#lose(dirname(path), 'whiteout below it');
      }
    }
  }

  /** A directory that stays because this layer wrote below it is not the one that lower layers knew. */
  #renew(path: string): void {
    const inode = this.inodes.get(path);
    if (inode?.kind !== 'directory' || inode === IMPLICIT || this.#given.has(path)) return;
    this.renewed.set(path, inode);
    this.inodes.set(path, IMPLICIT);
  }

  #hardLink(directory: readonly string[], base: string, { link }: LayerEntry): void {
    const components = clean(link);
    const targetBase = components.pop();
    if (targetBase === undefined) throw new Failed('hard link to a directory');
    const find = () => {
      const parent = this.#resolve(components, 'find');
      return parent === undefined ? undefined : join(parent, targetBase);
    };
    const path = join(this.#parent(directory), checked(base));
    if (path === find()) this.#oddities.add('hard link to itself');
    else this.#remove(path);
    // What stood there is gone by now, though it may have been the way to the target.
    const target = find();
    const inode = target === undefined ? undefined : this.inodes.get(target);
    if (inode === undefined) throw new Failed('hard link target missing');
    if (inode.kind === 'directory') throw new Failed('hard link to a directory');
    this.#set(path, inode);
  }

  /** The real path of a directory; with `make`, one that is made where it is missing. */
  #parent(components: readonly string[]): string {
    return this.#resolve(components, 'make') as string;
  }

  /**
   * As a process would look it up whose root is the root: links are followed, and nothing is above the root. What is
   * missing may be taken back by a dot-dot; only what is left of it is made.
   */
  #resolve(components: readonly string[], mode: 'find' | 'make'): string | undefined {
    const queue = [...components];
    const missing: string[] = [];
    let current = ROOT;
    let links = 0;
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      if (next === '' || next === '.') continue;
      const path = join(current, next);
      const inode = missing.length > 0 ? undefined : this.inodes.get(path);
      if (next === '..' && missing.length > 0) missing.pop();
      else if (next === '..') current = dirname(current);
      else if (inode?.kind === 'directory') current = path;
      else if (inode?.kind === 'symlink') {
        if (++links > MAX_LINKS) throw new Failed('symlink loop');
        if (inode.target.startsWith('/')) current = ROOT;
        queue.unshift(...inode.target.split('/'));
      } else missing.push(next);
    }
    if (missing.length > 0 && mode === 'find') return undefined;
    for (const name of missing) {
      current = join(current, name);
      this.#makeParent(current);
    }
    return current;
  }

  #makeParent(path: string): void {
    checked(path.slice(path.lastIndexOf('/') + 1));
    if (this.inodes.has(path)) this.#oddities.add('parent is no directory');
    this.#remove(path);
    const parent = dirname(path);
    const above = (this.renewed.get(parent) ?? this.inodes.get(parent))?.attributes;
    if (above && (above.mode & 0o2000) !== 0)
      this.#oddities.add('parent made below a set-group-id directory');
    this.#lose(parent, 'parent made in it');
    this.#set(path, IMPLICIT);
  }

  #set(path: string, inode: Inode): void {
    this.inodes.set(path, inode);
    if (inode !== IMPLICIT) {
      this.timeLosses.delete(path);
      this.renewed.delete(path);
      this.#given.add(path);
    }
    for (let at = path; at !== ROOT; at = dirname(at)) this.#upper.add(at);
  }

  #remove(target: string): void {
    for (const path of this.#atOrBelow(target)) {
      this.#delete(path);
    }
  }

  #delete(path: string): void {
    this.inodes.delete(path);
    this.timeLosses.delete(path);
    this.renewed.delete(path);
    this.#upper.delete(path);
    this.#given.delete(path);
  }

  #atOrBelow(target: string): string[] {
    const prefix = target === ROOT ? '' : `${target}/`;
    return [...this.inodes.keys()].filter((path) => path === target || path.startsWith(prefix));
  }

  #lose(path: string, loss: TimeLoss): void {
    const losses = this.timeLosses.get(path) ?? new Set();
    this.timeLosses.set(path, losses.add(loss));
  }

  #inodeOf(entry: LayerEntry): Inode {
    const { kind, mode, uid, gid, mtimeNs, device, link } = entry;
    const isDevice = kind === 'char' || kind === 'block';
    return {
      kind: kind as Inode['kind'],
      attributes: { mode: mode & 0o7777, uid, gid, mtimeNs },
      content: kind === 'file' ? contentOf(entry) : NOTHING.content,
      target: kind === 'symlink' ? link : '',
      device: isDevice ? device : NOTHING.device,
      xattrs: this.#xattrsOf(entry),
    };
  }

  /** Linux has attributes of users on files and directories only. Of the others, a capability is content, the rest is the host's. */
  #xattrsOf({ kind, xattrs }: LayerEntry): ReadonlyMap<string, Buffer> {
    const takesThem = kind === 'file' || kind === 'directory';
    if (!takesThem && xattrs.length > 0) this.#oddities.add('attribute on what takes none');
    const isKept = (name: string) => name.startsWith('user.') || name === 'security.capability';
    if (xattrs.some(([name]) => !isKept(name))) this.#oddities.add('attribute of another kind');
    return new Map(takesThem ? xattrs.filter(([name]) => isKept(name)) : []);
  }
}

/** Components without `.` and empty ones; each `..` takes one back, and must find one. */
function clean(name: string): string[] {
  const components: string[] = [];
  for (const component of name.split('/')) {
    if (component === '' || component === '.') continue;
    if (component !== '..') components.push(component);
    else if (components.pop() === undefined) throw new Failed('leaves the root');
  }
  return components;
}

function checked(component: string): string {
  if (component.length > MAX_COMPONENT) throw new Failed('component too long');
  return component;
}

function join(directory: string, name: string): string {
  return directory === ROOT ? name : `${directory}/${name}`;
}

function dirname(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
