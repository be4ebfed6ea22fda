// What one pull holds open: source, store and staging area, and the counters. Closed in one place.

import { rm } from 'node:fs/promises';
import { newStagingPath } from '../elevate/staging-name.ts';
import { createTally, type LayerTally } from '../fetch/tally.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { Staging } from '../store/staging.ts';
import { ChunkStore } from '../store/store.ts';
import type { Access } from './access.ts';
import type { PullOptions } from './options.ts';
import type { Privileges } from './privileges.ts';

export interface PullSession extends Access {
  readonly options: PullOptions;
  readonly privileges: Privileges;
  readonly layers: readonly Descriptor[];
  readonly store: ChunkStore;
  readonly staging: Staging;
  readonly tallies: LayerTally[];
  readonly warnings: string[];
}

/** A pull that neither reads the store nor keeps anything has one of its own beside the destination while it runs. */
export async function openSession(
  options: PullOptions,
  access: Access,
  privileges: Privileges,
): Promise<PullSession> {
  const { image, caching } = access;
  const isShared = caching.storeRead || caching.storeWrite;
  const storeDirectory = isShared ? options.storeDirectory : newStagingPath(options.destination);
  const store = await ChunkStore.open(storeDirectory, caching.storeRead);
  const { layers } = image.manifest;
  return {
    ...access,
    options,
    privileges,
    layers,
    store,
    staging: new Staging(store),
    tallies: createTally(layers.length),
    warnings: [],
  };
}

export function warn(session: PullSession, message: string): void {
  session.warnings.push(message);
  session.options.emit({ kind: 'warning', message });
}

/** Never throws. What was staged and not sealed is gone afterwards. */
export async function closeSession(session: PullSession): Promise<void> {
  await session.staging.discard();
  // After a failure too: what is known to be wrong should not be tried again.
  if (session.caching.storeWrite) await session.store.removeDamaged(new Set());
  const { directory } = session.store;
  if (directory !== session.options.storeDirectory)
    await rm(directory, { recursive: true, force: true }).catch(() => undefined);
}
