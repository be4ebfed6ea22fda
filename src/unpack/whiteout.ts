// Names that mean removal. https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
import { PullError } from '../errors.ts';
import { showName } from '../tar/entry.ts';

const WHITEOUT_PREFIX = '.wh.';
const OPAQUE = '.wh..wh..opq';
/** Left behind by the file system aufs. */
const AUFS_PREFIX = '.wh..wh.';

export type NameMeaning =
  | { readonly kind: 'plain' }
  /** Lower layers' entry of that name is gone. */
  | { readonly kind: 'whiteout'; readonly target: string }
  /** All that lower layers left in the directory is gone. */
  | { readonly kind: 'opaque' }
  | { readonly kind: 'ignored' };

const PLAIN: NameMeaning = { kind: 'plain' };

/** What the last component of a name means. Throws PATH_UNSAFE for whiteouts of nothing, of `.` and of `..`. */
export function meaningOf(base: string): NameMeaning {
  if (!base.startsWith(WHITEOUT_PREFIX)) return PLAIN;
  if (base === OPAQUE) return { kind: 'opaque' };
  if (isAufsName(base)) return { kind: 'ignored' };
  const target = base.slice(WHITEOUT_PREFIX.length);
  if (target === '' || target === '.' || target === '..')
    throw new PullError('PATH_UNSAFE', `the whiteout ${showName(base)} would remove a whole directory`);
  return { kind: 'whiteout', target };
}

export function isAufsName(base: string): boolean {
  return base.startsWith(AUFS_PREFIX);
}
