// Where a pull finds chunks and puts what it fetches: the chunk store, or a directory of its own that is gone in the end.
import { rm } from 'node:fs/promises';
import { newStagingPath } from '../elevate/staging-name.ts';
import { describeError } from '../errors.ts';
import { count } from '../progress/figures.ts';
import { type Lease, takeLease } from '../store/lease.ts';
import { Staging } from '../store/staging.ts';
import { ChunkStore } from '../store/store.ts';
import type { Caching, PullOptions } from './options.ts';

export interface Workshop {
  readonly store: ChunkStore;
  readonly staging: Staging;
  /** May what is staged here be kept? */
  readonly keeps: boolean;
  /** What tells other pulls that this one uses the store; absent where it does not, or where none can be written. */
  readonly lease: Lease | undefined;
  /** A directory that is this pull's alone; absent where there is none. */
  readonly own: string | undefined;
}

/** Without the store a pull takes longer, no more: where it cannot be used, `note` tells so. Throws STORE_FAILED or DISK_FULL. */
export async function openWorkshop(
  options: PullOptions,
  { storeRead, storeWrite }: Caching,
  note: (message: string) => void,
): Promise<Workshop> {
  if (!storeRead && !storeWrite) return openOwn(options);
  try {
    const workshop = await openShared(options.storeDirectory, storeRead);
    const { brokenPacks } = workshop.store;
    if (brokenPacks > 0)
      note(
        `${count(brokenPacks, 'file')} of the cache ${brokenPacks === 1 ? 'was' : 'were'} damaged and removed`,
      );
    return workshop;
  } catch (error) {
    note(`the cache is not used: ${describeError(error)}`);
    return openOwn(options);
  }
}

/** Reads the store as before, and stages beside the destination. Throws STORE_FAILED or DISK_FULL. */
export async function openWorkshopApart(
  { lease }: Workshop,
  options: PullOptions,
  { storeRead }: Caching,
): Promise<Workshop> {
  const own = newStagingPath(options.destination);
  try {
    const store = await ChunkStore.open(options.storeDirectory, storeRead, { stagingDirectory: own });
    return { store, staging: new Staging(store), keeps: false, lease, own };
  } catch (error) {
    await closeWorkshop({ lease: undefined, own });
    throw error;
  }
}

/** Never throws. */
export async function closeWorkshop({ lease, own }: Pick<Workshop, 'lease' | 'own'>): Promise<void> {
  await lease?.[Symbol.asyncDispose]();
  if (own !== undefined) await rm(own, { recursive: true, force: true }).catch(() => undefined);
}

async function openShared(directory: string, read: boolean): Promise<Workshop> {
  // A store that may only be read can be used without.
  const lease = await takeLease(directory).catch(() => undefined);
  try {
    const store = await ChunkStore.open(directory, read, { lease: lease?.id });
    return { store, staging: new Staging(store), keeps: true, lease, own: undefined };
  } catch (error) {
    await lease?.[Symbol.asyncDispose]();
    throw error;
  }
}

/** Beside the destination, where there has to be room for more. */
async function openOwn({ destination }: PullOptions): Promise<Workshop> {
  const own = newStagingPath(destination);
  const store = await ChunkStore.open(own, false);
  return { store, staging: new Staging(store), keeps: false, lease: undefined, own };
}
