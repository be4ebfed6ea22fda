// Unpacks an image on threads of this process: one decodes, one writes files, others hash.
import { fromErrorData, isAbort } from '../errors.ts';
import type { LayerFailure, UnpackEvent, UnpackedImage, UnpackJob, UnpackOutcome } from '../unpack/job.ts';
import { createRing, proveRing, stopRing } from '../unpack/ring.ts';
import { readersOf, streamAlgorithms } from '../unpack/stream.ts';
import { throwFirstCause } from './first-cause.ts';
import { openPool } from './jobs.ts';

export interface UnpackHooks {
  /** The board is aborted by whoever owns it; this ends what does not wait for the board. */
  readonly signal: AbortSignal;
  readonly onEvent: (event: UnpackEvent) => void;
}

/** Throws PullError where the fault is the image's or this machine's, and fetching again would not help. */
export async function unpackHere(job: UnpackJob, hooks: UnpackHooks): Promise<UnpackOutcome> {
  await using pool = openPool(4);
  const outcome = await runThreads(job, hooks, pool);
  if (outcome.kind === 'done') return outcome;
  const { layer: index, error } = outcome;
  const layer = job.layers[index ?? -1];
  if (index === undefined || !layer || ['ABORTED', 'DISK_FULL'].includes(error.code))
    throw fromErrorData(error);
  const { files, board } = job;
  return await pool.run('diagnose', { files, board, layer, index, error });
}

async function runThreads(
  job: UnpackJob,
  { signal, onEvent }: UnpackHooks,
  pool: ReturnType<typeof openPool>,
): Promise<UnpackedImage | LayerFailure> {
  const ring = createRing();
  const stop = () => stopRing(ring);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const ending = <Outcome extends { kind: string }>(outcome: Outcome) => {
    if (outcome.kind === 'failed') stop();
    return outcome;
  };
  const breaking = (error: unknown) => {
    stop();
    throw error;
  };
  const { files, board, layers, ...options } = job;
  const input = { files, board, layers };
  const proofs = [
    pool.run('stream', { ...input, ring }),
    ...(layers.some(({ kind }) => kind === 'plain') ? [pool.run('hashBlobs', input)] : []),
  ].map((proof) => proof.then(ending, breaking));
  const settled = await Promise.allSettled([
    pool.run('apply', { ...options, ring, layerCount: layers.length }, { onEvent }).then(ending, breaking),
    ...proofs,
    Promise.all(proofs).then((outcomes) => proveIfAllDone(ring, outcomes)),
    readersOf(layers).includes('hash') ? runHasher(pool, ring, layers).catch(breaking) : undefined,
  ]);
  signal.removeEventListener('abort', stop);
  throwFirstCause(...settled);
  return worstOf(
    settled.flatMap((result) => (result.status === 'fulfilled' && result.value ? [result.value] : [])),
  );
}

function proveIfAllDone(ring: SharedArrayBuffer, outcomes: readonly { readonly kind: string }[]): undefined {
  if (outcomes.every(({ kind }) => kind === 'done')) proveRing(ring);
  return undefined;
}

/** Whoever stops it has a reason to tell; that it was stopped is none. */
async function runHasher(
  pool: ReturnType<typeof openPool>,
  ring: SharedArrayBuffer,
  layers: UnpackJob['layers'],
): Promise<undefined> {
  try {
    await pool.run('hash', { ring, algorithms: streamAlgorithms(layers) });
  } catch (error) {
    if (!isAbort(error)) throw error;
  }
  return undefined;
}

/** What failed in the lowest layer: whatever failed besides may be its consequence. The echo of a stop is no failure of its own. */
function worstOf(outcomes: readonly (UnpackedImage | { kind: 'done' } | LayerFailure)[]) {
  const failures = outcomes.filter((outcome) => outcome.kind === 'failed');
  const [first] = failures
    .filter(({ error }) => error.code !== 'ABORTED')
    .sort((a, b) => (a.layer ?? 0) - (b.layer ?? 0));
  return first ?? failures[0] ?? (outcomes[0] as UnpackedImage);
}
