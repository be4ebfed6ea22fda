// What a pull does to the store as a whole: says which packs it reads, keeps what is new, and keeps the store within its size.
import { describeError, isAbort } from '../errors.ts';
import type { LayerMetadata } from '../fetch/layer-metadata.ts';
import type { FetchPlan } from '../plan/fetch-plan.ts';
import { count, formatBytes } from '../progress/figures.ts';
import { evict, markUsed } from '../store/evict.ts';
import { keepPacks, type Packs } from './live-packs.ts';
import type { Finished } from './report.ts';
import { type PullSession, warn } from './session.ts';

/** Marks the packs that are going to be read, so that no other pull removes them meanwhile, and they are known to be of use later. */
export async function markPlanned(
  { store }: PullSession,
  plan: FetchPlan,
  metadata: readonly LayerMetadata[],
): Promise<void> {
  const files = plan.files.flatMap((file) => (file.kind === 'stored' ? [file.path] : []));
  const blobs = metadata.flatMap((layer) =>
    layer.kind === 'chunked' ? layer.blobs.map(({ path }) => path) : [],
  );
  await markUsed(new Set([...files, ...blobs].filter((path) => store.packAt(path) !== undefined)));
}

/** The root file system stands by now; without a cache it is still what was asked for, whatever went wrong. Throws ABORTED. */
export async function keep(session: PullSession, finished: Finished): Promise<Packs> {
  session.options.emit({ kind: 'stage', stage: 'finish' });
  let packs: Packs = { fresh: [], live: [], mixed: new Set() };
  if (!session.caching.storeWrite) return packs;
  try {
    packs = await keepPacks(session, finished.plan, finished.metadata);
    await markUsed(packs.live.map(({ path }) => path));
  } catch (error) {
    if (isAbort(error)) throw error;
    warn(session, `the chunks could not be kept for the next pull: ${describeError(error)}`);
  }
  await trimStore(session, packs);
  return packs;
}

/** Removes packs that were not used for the longest time where the store has grown too large. Never throws. */
async function trimStore(session: PullSession, packs: Packs): Promise<void> {
  const { options, workshop, caching } = session;
  const { storeDirectory, storeMaxBytes: maxBytes, emit } = options;
  if (maxBytes === undefined || !caching.storeWrite) return;
  // What this pull has added is still to be uploaded.
  const spare = new Set(caching.cache ? packs.fresh.map(({ path }) => path) : []);
  try {
    const eviction = await evict(storeDirectory, { maxBytes, lease: workshop.lease?.id, spare });
    const { packs: gone, bytes, left, refusal } = eviction;
    const needed = packs.live.reduce((sum, { size }) => sum + size, 0);
    const what = `${count(gone, 'pack')} (${formatBytes(bytes)}) that had not been used for the longest time`;
    const over = `the cache holds ${formatBytes(left)}, more than the ${formatBytes(maxBytes)} that it may`;
    if (refusal !== undefined) throw refusal;
    if (needed > maxBytes)
      warn(
        session,
        `this image takes ${formatBytes(needed)} of the cache, which may hold ${formatBytes(maxBytes)}: not all of it is kept (\`cache-dir-max-size\`)`,
      );
    else if (gone > 0) emit({ kind: 'info', message: `${what} left the cache` });
    if (left > maxBytes) emit({ kind: 'info', message: `${over}: the rest is in use` });
  } catch (error) {
    emit({ kind: 'info', message: `the cache was not kept within its size: ${describeError(error)}` });
  }
}
