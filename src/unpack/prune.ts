// Takes out of the tree what is not wanted, once all layers have had their say.
import type { FileSink } from './file-sink.ts';
import type { Progress, Selection } from './selection.ts';
import type { DirectoryNode, Origin } from './tree.ts';

export interface Pruned {
  /** Names in the tree that match, whatever they are. */
  readonly matched: number;
  /** Patterns that match nothing in the whole tree, or leave nothing out. */
  readonly idle: readonly string[];
  /** Files of the tree that were not written, by the entries that they come from; with any, the tree is not what it should be. */
  readonly missing: readonly Origin[];
}

/**
 * What stays: what matches, and the directories that lead there. On the disk nothing else is left but what `missing` tells.
 * `selection`: absent: everything matches.
 */
export function prune(root: DirectoryNode, sink: FileSink, selection: Selection | undefined): Pruned {
  const [idle, missing] = [new Set(selection?.patterns), new Map<string, Origin>()];
  let matched = 0;
  const visit = (directory: DirectoryNode, prefix: string, above: Progress | undefined) => {
    for (const [name, node] of directory.children) {
      const path = prefix + name;
      const progress = above && selection?.below(above, name);
      if (idle.size > 0 && progress) selection?.cross(idle, progress);
      const isWanted = progress === undefined || progress.isWanted;
      if (isWanted) matched++;
      if (node.kind === 'directory') {
        visit(node, `${path}/`, progress);
        if (isWanted || node.children.size > 0) continue;
        if (node.isMade) sink.removeDirectory(path);
      } else if (isWanted) {
        if (node.kind === 'file' && node.aside) {
          const { origin } = node.aside;
          missing.set(`${origin.layer} ${origin.entry}`, origin);
        }
        continue;
      }
      directory.children.delete(name);
    }
  };
  visit(root, '', selection?.root);
  return { matched, idle: [...idle], missing: [...missing.values()] };
}
