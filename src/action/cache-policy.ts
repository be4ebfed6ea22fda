// Which caches a pull may read and write. Pure: every fact comes in, a decision and its reason go out.
import type { RequestedCacheMode } from './inputs.ts';
import type { StoreKind } from './store-place.ts';

/** Who can read the repository, and with it, through a pull request, the caches of its default branch. */
export type Visibility = 'public' | 'internal' | 'private' | 'unknown';

export interface CacheFacts {
  readonly requested: RequestedCacheMode;
  /** ACTIONS_CACHE_MODE, what the workflow allows this job; empty or unknown: everything. */
  readonly jobMode: string;
  /** Is there an Actions cache service? */
  readonly serviceAvailable: boolean;
  /** Is the image one that not everybody may pull? */
  readonly isRestricted: boolean;
  readonly visibility: Visibility;
  readonly store: StoreKind;
  /** Does the job pull more than one image? */
  readonly hasSeveral: boolean;
}

export interface CacheDecision {
  readonly storeRead: boolean;
  readonly storeWrite: boolean;
  /** The Actions cache service. */
  readonly remoteRead: boolean;
  readonly remoteWrite: boolean;
  /** For the log. */
  readonly reason: string;
}

const JOB_MODES: Readonly<Record<string, { read: boolean; write: boolean }>> = {
  none: { read: false, write: false },
  read: { read: true, write: false },
  write: { read: true, write: true },
  'write-only': { read: false, write: true },
};

export function decideCache(facts: CacheFacts): CacheDecision {
  const mode = effectiveMode(facts);
  const [read, write] = [mode === 'read' || mode === 'write', mode === 'write' || mode === 'write-only'];
  const remote = remoteRights(facts);
  const [remoteRead, remoteWrite] = [read && remote.read, write && remote.write];
  const temporary = facts.store === 'temporary';
  return {
    storeRead: read,
    // A store that ends with the job is worth filling only for the upload, or for the next image of the step.
    storeWrite: temporary ? remoteWrite || (write && facts.hasSeveral) : write,
    remoteRead,
    remoteWrite,
    reason: explain(facts, { mode, remote: remote.reason }),
  };
}

function effectiveMode(facts: CacheFacts): Exclude<RequestedCacheMode, 'auto'> {
  if (facts.requested !== 'auto') return facts.requested;
  return wouldLeak(facts) && facts.store !== 'cache-dir' ? 'none' : 'write';
}

/** What a credential was needed for must not become readable to everyone who can open a pull request. */
function wouldLeak({ isRestricted, visibility }: CacheFacts): boolean {
  return isRestricted && visibility !== 'private';
}

function remoteRights(facts: CacheFacts): { read: boolean; write: boolean; reason: string } {
  const neither = { read: false, write: false };
  if (facts.store !== 'temporary' && facts.requested === 'auto')
    return { ...neither, reason: 'the chunk store outlives the job' };
  if (!facts.serviceAvailable) return { ...neither, reason: 'this runner has no cache service' };
  const jobMode = facts.jobMode.trim().toLowerCase();
  const allowed = Object.hasOwn(JOB_MODES, jobMode) ? JOB_MODES[jobMode] : undefined;
  if (allowed) return { ...allowed, reason: `the workflow sets cache-mode ${jobMode}` };
  return { read: true, write: true, reason: '' };
}

function explain(facts: CacheFacts, found: { mode: string; remote: string }): string {
  if (found.mode === 'none' && facts.requested === 'none') return 'caching is off: cache-mode is none';
  if (found.mode === 'none')
    return (
      `caching is off: the image cannot be pulled without a credential and the repository is ${describe(facts.visibility)}, ` +
      'so others could read the image from the cache. If the image is not secret, set cache-mode to write, or cache-dir to a directory of your own'
    );
  if (facts.store === 'temporary' && !facts.serviceAvailable)
    return `nothing is kept after the job: ${found.remote}, and there is no cache-dir`;
  const place = facts.store === 'temporary' ? 'the Actions cache' : 'the chunk store on this machine';
  return `cache-mode ${found.mode}: ${place}${found.remote === '' ? '' : ` (${found.remote})`}`;
}

function describe(visibility: Visibility): string {
  return visibility === 'unknown' ? 'not known to be private' : visibility;
}
