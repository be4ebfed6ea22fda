// Unpacks an image on threads of this process: one decodes, one writes files, others hash.
import { type ErrorCode, fromErrorData } from '../errors.ts';
import type { LayerFailure, UnpackedImage, UnpackHooks, UnpackJob, UnpackOutcome } from '../unpack/job.ts';
import { createRing, proveRing, stopRing } from '../unpack/ring.ts';
import { readersOf, streamAlgorithms } from '../unpack/stream.ts';
import { openPool } from './jobs.ts';

/** No other bytes would help. */
const FINAL: readonly ErrorCode[] = ['ABORTED', 'DISK_FULL'];
/** They wait for one another: with one less they would wait for ever. */
const THREADS = 4;

type Done = { readonly kind: 'done' };

/** Throws PullError where the fault is the image's or this machine's, and fetching again would not help. */
export async function unpackHere(job: UnpackJob, hooks: UnpackHooks): Promise<UnpackOutcome> {
  const outcome = await runThreads(job, hooks);
  if (outcome.kind === 'done') return outcome;
  const { layer, error } = outcome;
  if (layer === undefined || FINAL.includes(error.code)) throw fromErrorData(error);
  const { files, board, layers } = job;
  await using pool = openPool(1);
  return await pool.run('diagnose', { files, board, layers: layers.slice(0, layer + 1), error });
}

/** Settles with the first failure, and then has ended the other threads: what they wait for may take as long as the download. */
async function runThreads(
  job: UnpackJob,
  { signal, onEvent }: UnpackHooks,
): Promise<UnpackedImage | LayerFailure> {
  await using pool = openPool(THREADS);
  const ring = createRing();
  const stop = () => stopRing(ring);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const { files, board, layers, ...options } = job;
  const input = { files, board, layers };
  const failed = Promise.withResolvers<LayerFailure>();
  const watched = async <Outcome extends Done>(
    running: Promise<Outcome | LayerFailure>,
  ): Promise<Outcome> => {
    const outcome = await running;
    if (outcome.kind === 'done') return outcome;
    failed.resolve(outcome);
    // Nobody waits for it any more: the race below is over.
    return new Promise<Outcome>(() => undefined);
  };
  const proofs = [
    watched<Done>(pool.run('stream', { ...input, ring })),
    layers.some(({ kind }) => kind === 'plain') ? watched<Done>(pool.run('hashBlobs', input)) : undefined,
  ];
  const applied = watched<UnpackedImage>(
    pool.run('apply', { ...options, ring, layerCount: layers.length }, { onEvent }),
  );
  const hashed = readersOf(layers).includes('hash')
    ? pool.run('hash', { ring, algorithms: streamAlgorithms(layers) })
    : undefined;
  const proven = Promise.all(proofs).then(() => proveRing(ring));
  try {
    const all = Promise.all([applied, proven, hashed]).then(([image]) => image);
    return await Promise.race([failed.promise, all]);
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}
