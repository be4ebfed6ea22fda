// One attempt at a plan: chunks are fetched and layers unpacked at the same time.

import type { ArrivingPack } from '../cache/arriving-pack.ts';
import { isAbort } from '../errors.ts';
import { transfer } from '../fetch/transfer.ts';
import type { FetchPlan } from '../plan/fetch-plan.ts';
import type { UnpackEvent, UnpackOutcome } from '../unpack/job.ts';
import { ProgressBoard } from '../workers/progress-board.ts';
import { countersOf, followArrivals } from './arrivals.ts';
import { throwFirstCause } from './first-cause.ts';
import type { PullSession } from './session.ts';
import { type Attempt, toUnpackJob } from './unpack-job.ts';

/** A pack of the remote cache on which the plan relied did not arrive. */
export interface LostPack {
  readonly kind: 'lost';
  readonly reason: string;
}

/** Throws what fetching or unpacking throws; afterwards nothing is running any more and fetched chunks can be found in the store. */
export async function runAttempt(session: PullSession, attempt: Attempt): Promise<UnpackOutcome | LostPack> {
  const { options, source, staging, tallies, layers, arrivals } = session;
  const { packs } = arrivals;
  const first = attempt.plan.groups.length;
  const board = ProgressBoard.create(first + packs.length);
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const pack = (number: number) => staging.pack(number);
  const { concurrency, emit } = options;
  const arriving = countersOf(packs, first);
  const job = await toUnpackJob(session, attempt, { board: board.memory, arriving });
  const enough = new AbortController();
  const unpackSignal = AbortSignal.any([signal, enough.signal]);
  const onAbort = () => board.abort();
  unpackSignal.addEventListener('abort', onAbort, { once: true });
  if (unpackSignal.aborted) onAbort();
  let lost: ArrivingPack | undefined;
  const stopping = (error: unknown) => {
    // What is being fetched is needed in the next attempt, too.
    if (!lost || !isAbort(error)) stop.abort();
    throw error;
  };
  const context = { source, descriptors: layers, tallies, pack, board, concurrency, emit, signal };
  const onEvent = ({ layer, entries }: UnpackEvent) => emit({ kind: 'unpacked', index: layer, entries });
  const unfollow = followArrivals(packs, { board, first }, (pack) => {
    if (!job.files.includes(pack.path)) return;
    lost ??= pack;
    enough.abort();
  });
  const [unpacked, fetched] = await Promise.allSettled([
    session.privileges.unpack(job, { signal: unpackSignal, onEvent }).catch(stopping),
    transfer(attempt.plan.groups, context).catch(stopping),
  ]);
  unpackSignal.removeEventListener('abort', onAbort);
  unfollow();
  const isLost =
    lost && !options.signal.aborted && unpacked.status === 'rejected' && isAbort(unpacked.reason);
  throwFirstCause(fetched, ...(isLost ? [] : [unpacked]));
  await adoptFetched(session, attempt.plan);
  if (unpacked.status === 'fulfilled') return unpacked.value;
  return { kind: 'lost', reason: `pack ${lost?.key} of the cache did not arrive` };
}

/** Only sha256 names chunks in the store; a layer named by another digest is fetched anew each time. */
async function adoptFetched(session: PullSession, plan: FetchPlan): Promise<void> {
  const named = plan.chunks.filter(({ digest }) => digest.startsWith('sha256:'));
  for (const [number, chunks] of Map.groupBy(named, ({ pack }) => pack)) {
    const entries = chunks.map(({ digest, ...chunk }) => ({ ...chunk, hex: digest.slice('sha256:'.length) }));
    await session.staging.adopt(number, entries);
  }
}
