// Looks up directories in the tree as a process with its root there would: links are followed, and nothing leads out.
import { PullError } from '../errors.ts';
import { showName } from '../tar/entry.ts';
import { checkLimit, MAX_SYMLINK_STEPS, MAX_WALKED_COMPONENTS } from './limits.ts';
import type { DirectoryNode } from './tree.ts';

/**
 * The directory that `components` lead to. `onMissing` may make one where there is none, perhaps in place of something
 * else; if it does not, the answer is undefined. Throws PATH_UNSAFE if too many symbolic links are on the way,
 * LIMIT_EXCEEDED if they are so long that following them takes too much work.
 */
export function resolveDirectory<Missing extends DirectoryNode | undefined>(
  root: DirectoryNode,
  components: readonly string[],
  onMissing: (parent: DirectoryNode, name: string) => Missing,
): DirectoryNode | Missing {
  const pending = components.toReversed();
  let directory = root;
  let steps = 0;
  let walked = components.length;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name === '' || name === '.') continue;
    const node = name === '..' ? directory.parent : directory.children.get(name);
    if (node?.kind === 'directory') directory = node;
    else if (node?.kind === 'symlink') {
      if (++steps > MAX_SYMLINK_STEPS) throw tooManyLinks(components);
      if (node.target.startsWith('/')) directory = root;
      const target = node.target.split('/');
      walked += target.length;
      checkLimit(walked, MAX_WALKED_COMPONENTS, 'components on the way to an entry');
      for (const next of target.reverse()) pending.push(next);
    } else {
      const made = onMissing(directory, name);
      if (made === undefined) return made;
      directory = made;
    }
  }
  return directory;
}

function tooManyLinks(components: readonly string[]): PullError {
  const path = showName(`/${components.join('/')}`);
  return new PullError('PATH_UNSAFE', `more than ${MAX_SYMLINK_STEPS} symbolic links on the way to ${path}`);
}
