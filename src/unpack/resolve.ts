// Looks up directories in the tree as a process with its root there would: links are followed, and nothing leads out.
import { PullError } from '../errors.ts';
import { showName } from '../tar/entry.ts';
import { checkLimit, MAX_WALKED_COMPONENTS } from './limits.ts';
import type { DirectoryNode } from './tree.ts';

export interface Lookup<Missing extends DirectoryNode | undefined> {
  /** Symbolic links that may be followed. */
  readonly symlinkSteps: number;
  /** Told of every link that is followed, with the bytes of its target; may throw. */
  readonly onFollow: (bytes: number) => void;
  readonly onMissing: (parent: DirectoryNode, name: string) => Missing;
}

/**
 * The directory that `components` lead to. `onMissing` may make one where there is none, perhaps in place of something
 * else; if it does not, the answer is undefined. It is asked only for what is left once every `..` has taken back the
 * missing component before it: `missing/..` is where it started, as other unpackers have it. Throws PATH_UNSAFE if too
 * many symbolic links are on the way, LIMIT_EXCEEDED if they are so long that following them takes too much work.
 */
export function resolveDirectory<Missing extends DirectoryNode | undefined>(
  root: DirectoryNode,
  components: readonly string[],
  { symlinkSteps, onFollow, onMissing }: Lookup<Missing>,
): DirectoryNode | Missing {
  const pending = components.toReversed();
  const missing: string[] = [];
  let directory = root;
  let steps = 0;
  let walked = components.length;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name === '' || name === '.') continue;
    if (name === '..') {
      if (missing.pop() === undefined) directory = directory.parent;
      continue;
    }
    const node = missing.length === 0 ? directory.children.get(name) : undefined;
    if (node?.kind === 'directory') directory = node;
    else if (node?.kind === 'symlink') {
      if (++steps > symlinkSteps) throw tooManyLinks(components, symlinkSteps);
      onFollow(node.target.length);
      if (node.target.startsWith('/')) directory = root;
      const target = node.target.split('/');
      walked += target.length;
      checkLimit(walked, MAX_WALKED_COMPONENTS, 'components on the way to an entry');
      for (const next of target.reverse()) pending.push(next);
    } else missing.push(name);
  }
  for (const name of missing) {
    const made = onMissing(directory, name);
    if (made === undefined) return made;
    directory = made;
  }
  return directory;
}

function tooManyLinks(components: readonly string[], limit: number): PullError {
  const path = showName(`/${components.join('/')}`);
  return new PullError('PATH_UNSAFE', `more than ${limit} symbolic links on the way to ${path}`);
}
