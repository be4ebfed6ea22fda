// One attempt at a plan: chunks are fetched and layers unpacked at the same time.

import { PullError } from '../errors.ts';
import type { LayerMetadata } from '../fetch/metadata.ts';
import { transfer } from '../fetch/transfer.ts';
import { digestAlgorithm } from '../oci/digest.ts';
import type { FetchPlan, LayerPlan } from '../plan/fetch-plan.ts';
import { MAX_RANGE_BYTES } from '../plan/plan.ts';
import { createHashRing, stopHashRing } from '../unpack/hash-lane.ts';
import type { LayerInput, UnpackEvent, UnpackJob, UnpackOutcome } from '../unpack/jobs.ts';
import { ProgressBoard } from '../workers/progress-board.ts';
import { openPool } from './jobs.ts';
import type { PullSession } from './session.ts';

export interface Attempt {
  readonly plan: FetchPlan;
  readonly metadata: readonly LayerMetadata[];
  /** Empty directory to unpack to. */
  readonly root: string;
}

/** Throws what fetching or unpacking throws; afterwards nothing is running any more and fetched chunks can be found in the store. */
export async function runAttempt(session: PullSession, attempt: Attempt): Promise<UnpackOutcome> {
  const { options, source, staging, tallies, layers } = session;
  await using pool = openPool();
  const board = ProgressBoard.create(attempt.plan.groups.length);
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const pack = (number: number) => staging.pack(number);
  const { concurrency, emit } = options;
  const job = await toJob(session, attempt, board);
  const onAbort = () => {
    board.abort();
    stopHashRing(job.ring);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  const stopping = (error: unknown) => {
    stop.abort();
    throw error;
  };
  const context = { source, descriptors: layers, tallies, pack, board, concurrency, emit, signal };
  const onEvent = ({ layer, entries }: UnpackEvent) => emit({ kind: 'unpacked', index: layer, entries });
  const algorithms = session.image.config.diffIds.map(digestAlgorithm);
  const [unpacked, fetched, hashed] = await Promise.allSettled([
    pool.run('unpack', job, { onEvent }).catch(stopping),
    transfer(attempt.plan.groups, context).catch(stopping),
    // The unpacker ends the hasher when it takes a detour; that stops nothing else.
    pool
      .run('hash', { ring: job.ring, algorithms })
      .catch((error) => (isAbort(error) ? undefined : stopping(error))),
  ]);
  signal.removeEventListener('abort', onAbort);
  throwFirstCause(fetched, unpacked, hashed);
  await adoptFetched(session, attempt.plan);
  return (unpacked as PromiseFulfilledResult<UnpackOutcome>).value;
}

/** When one side fails the other is aborted: the failure to tell is the one that is no ABORTED. */
function throwFirstCause(...results: PromiseSettledResult<unknown>[]): void {
  const failures = results.flatMap((result) =>
    result.status === 'rejected' ? [result.reason as unknown] : [],
  );
  if (failures.length > 0) throw failures.find((failure) => !isAbort(failure)) ?? failures[0];
}

function isAbort(error: unknown): boolean {
  return error instanceof PullError && error.code === 'ABORTED';
}

async function toJob(
  session: PullSession,
  { plan, metadata, root }: Attempt,
  board: ProgressBoard,
): Promise<UnpackJob> {
  const files: string[] = [];
  for (const file of plan.files)
    files.push(file.kind === 'stored' ? file.path : (await session.staging.pack(file.pack)).path);
  const layers = session.layers.map((descriptor, index): LayerInput => {
    const layer = metadata[index] as LayerMetadata;
    const planned = plan.layers[index] as LayerPlan;
    const diffId = session.image.config.diffIds[index];
    if (!diffId || layer.kind !== planned.kind)
      throw new Error(`layer ${index} was planned as another kind than it is`);
    const names = { diffId, digest: descriptor.digest };
    if (planned.kind === 'plain') {
      const { file, offset, compressedSize, groups } = planned;
      return {
        ...names,
        kind: 'plain',
        blob: { file, offset, compressedSize, groups, groupBytes: MAX_RANGE_BYTES },
      };
    }
    const { table, tarSplit } = layer as LayerMetadata & { kind: 'chunked' };
    const { path, offset, compressedSize, digest } = tarSplit;
    const file = files.push(path) - 1;
    return {
      ...names,
      kind: 'chunked',
      chunks: planned.sources,
      chunkDigests: table.digests,
      firstChunk: table.firstChunk,
      tarSplit: { file, offset, compressedSize, groups: [], groupBytes: 1 },
      tarSplitDigest: digest,
    };
  });
  return {
    root,
    owner: process.geteuid?.() === 0 ? 'preserve' : 'runner',
    files,
    board: board.memory,
    ring: createHashRing(),
    layers,
  };
}

/** Only sha256 names chunks in the store; a layer named by another digest is fetched anew each time. */
async function adoptFetched(session: PullSession, plan: FetchPlan): Promise<void> {
  const named = plan.chunks.filter(({ digest }) => digest.startsWith('sha256:'));
  for (const [number, chunks] of Map.groupBy(named, ({ pack }) => pack)) {
    const entries = chunks.map(({ digest, ...chunk }) => ({ ...chunk, hex: digest.slice('sha256:'.length) }));
    await session.staging.adopt(number, entries);
  }
}
