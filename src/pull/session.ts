// What one pull holds open: source, store, staging area and worker threads, and the counters. Closed in one place.

import { createTally, type LayerTally } from '../fetch/tally.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { ImageSource } from '../source/source.ts';
import { Staging } from '../store/staging.ts';
import { ChunkStore } from '../store/store.ts';
import { WorkerPool } from '../workers/pool.ts';
import { type PullJobs, workerScript } from './jobs.ts';
import type { PullOptions } from './options.ts';
import type { ResolvedImage } from './resolve.ts';

/** One unpacks and one hashes what it unpacks; before that both read tables of contents. */
const WORKERS = 2;

export interface PullSession {
  readonly options: PullOptions;
  readonly source: ImageSource;
  readonly image: ResolvedImage;
  readonly layers: readonly Descriptor[];
  readonly store: ChunkStore;
  readonly staging: Staging;
  readonly pool: WorkerPool<PullJobs>;
  readonly tallies: LayerTally[];
  readonly warnings: string[];
}

export async function openSession(
  options: PullOptions,
  source: ImageSource,
  image: ResolvedImage,
): Promise<PullSession> {
  const store = await ChunkStore.open(options.storeDirectory, options.storeRead);
  const { layers } = image.manifest;
  return {
    options,
    source,
    image,
    layers,
    store,
    staging: new Staging(store),
    pool: new WorkerPool<PullJobs>(workerScript(), WORKERS),
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
  await session.pool.close().catch(() => undefined);
  await session.staging.discard();
}
