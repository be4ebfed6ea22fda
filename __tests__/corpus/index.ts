// All cases, by theme. Names are unique.
import { CLIMBING, CONTAINED } from './attacks.ts';
import { MODES_AND_OWNERS, TIMES } from './attributes.ts';
import type { Theme } from './case.ts';
import { CHANGES } from './changes.ts';
import { DEVICES, XATTRS } from './extras.ts';
import { LIMITS } from './limits.ts';
import { LINK_ATTACKS } from './link-attacks.ts';
import { IMPOSSIBLE_LINKS, LINKS } from './links.ts';
import { BAD_HEADERS, BAD_PAX, DESYNC, TRUNCATED } from './malformed.ts';
import { NAMES } from './names.ts';
import { PARENTS } from './parents.ts';
import { BAD_SPARSE, SPARSE } from './sparse.ts';
import { DIALECTS, ENDS } from './tar-formats.ts';
import { OPAQUE, WHITEOUTS } from './whiteouts.ts';

export const CORPUS: readonly Theme[] = [
  { theme: 'changes', cases: CHANGES },
  { theme: 'whiteouts', cases: WHITEOUTS },
  { theme: 'opaque directories', cases: OPAQUE },
  { theme: 'parents', cases: PARENTS },
  { theme: 'names', cases: NAMES },
  { theme: 'links', cases: LINKS },
  { theme: 'impossible links', cases: IMPOSSIBLE_LINKS },
  { theme: 'modes and owners', cases: MODES_AND_OWNERS },
  { theme: 'times', cases: TIMES },
  { theme: 'extended attributes', cases: XATTRS },
  { theme: 'devices and FIFOs', cases: DEVICES },
  { theme: 'dialects of tar', cases: DIALECTS },
  { theme: 'ends of archives', cases: ENDS },
  { theme: 'sparse files', cases: SPARSE },
  { theme: 'bad sparse maps', cases: BAD_SPARSE },
  { theme: 'bad headers', cases: BAD_HEADERS },
  { theme: 'bad pax headers', cases: BAD_PAX },
  { theme: 'truncated archives', cases: TRUNCATED },
  { theme: 'sizes that readers disagree about', cases: DESYNC },
  { theme: 'attacks by names and whiteouts', cases: CLIMBING },
  { theme: 'attacks by symbolic links, kept inside of the root', cases: CONTAINED },
  { theme: 'attacks by hard links', cases: LINK_ATTACKS },
  { theme: 'limits', cases: LIMITS },
];
