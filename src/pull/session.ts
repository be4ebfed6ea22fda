// What one pull holds open: source, store and staging area, and the counters. Closed in one place.

import { describeError, isAbort, PullError } from '../errors.ts';
import { createTally, type LayerTally } from '../fetch/tally.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Staging } from '../store/staging.ts';
import type { ChunkStore } from '../store/store.ts';
import type { Access } from './access.ts';
import type { Arrivals } from './arrivals.ts';
import type { Caching, PullOptions } from './options.ts';
import type { Privileges } from './privileges.ts';
import { closeWorkshop, openWorkshop, openWorkshopApart, type Workshop } from './workshop.ts';

export interface PullSession extends Access {
  readonly options: PullOptions;
  readonly privileges: Privileges;
  readonly layers: readonly Descriptor[];
  readonly store: ChunkStore;
  readonly staging: Staging;
  /** Where store and staging area come from. */
  readonly workshop: Workshop;
  readonly arrivals: Arrivals;
  readonly tallies: LayerTally[];
}

/** Throws STORE_FAILED or DISK_FULL where there is no place for what is fetched, not even beside the destination. */
export async function openSession(
  options: PullOptions,
  access: Access,
  { privileges, arrivals }: Pick<PullSession, 'privileges' | 'arrivals'>,
): Promise<PullSession> {
  const { layers } = access.image.manifest;
  const note = (message: string) => {
    access.warnings.push(message);
    options.emit({ kind: 'warning', message });
  };
  const workshop = await openWorkshop(options, access.caching, note);
  return {
    ...access,
    ...placesOf(workshop),
    caching: restrained(access.caching, workshop),
    workshop,
    options,
    privileges,
    arrivals,
    layers,
    tallies: createTally(layers.length),
  };
}

function placesOf({ store, staging }: Workshop): Pick<PullSession, 'store' | 'staging'> {
  return { store, staging };
}

/** What is staged in a place of this pull's own is never kept, whatever may be. */
export function withCaching(session: PullSession, caching: Caching): PullSession {
  return { ...session, caching: restrained(caching, session.workshop) };
}

function restrained(caching: Caching, { keeps }: Workshop): Caching {
  return { ...caching, storeWrite: caching.storeWrite && keeps };
}

/**
 * After a failure because of the store: a session that keeps nothing and puts what it fetches somewhere else, while what the store
 * holds is still used. What was staged is gone. Throws `error` where the store is not to blame, else STORE_FAILED or DISK_FULL where
 * there is no other place either.
 */
export async function leaveStore(session: PullSession, error: unknown): Promise<PullSession> {
  const { staging, workshop: before, options, caching } = session;
  if (isAbort(error) || before.own !== undefined || !(await staging.hasFailed())) throw error;
  warn(session, `the cache cannot be written, so nothing new is kept: ${describeError(error)}`);
  await staging.discard();
  const workshop = await openWorkshopApart(before, options, caching);
  return { ...session, ...placesOf(workshop), workshop, caching: restrained(caching, workshop) };
}

export function warn(session: PullSession, message: string): void {
  session.warnings.push(message);
  session.options.emit({ kind: 'warning', message });
}

/** Whatever else the work has come to by now: who cancels is to hear of that. Throws ABORTED. */
export function throwIfCancelled({ options }: Pick<PullSession, 'options'>): void {
  if (options.signal.aborted) throw new PullError('ABORTED', 'the pull was cancelled');
}

/** Never throws. What was staged and not sealed is gone afterwards. */
export async function closeSession(session: PullSession): Promise<void> {
  await session.staging.discard();
  // After a failure too: what is known to be wrong should not be tried again.
  if (session.caching.storeWrite) await session.store.removeDamaged(new Set());
  await closeWorkshop(session.workshop);
}
