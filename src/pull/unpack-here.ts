// Unpacks an image on threads of this process: one decodes, one writes files, two hash.
import { type ErrorCode, type ErrorData, fromErrorData } from '../errors.ts';
import type { HashJob } from '../unpack/hash.ts';
import type {
  LayerFailure,
  LayerInput,
  UnpackedImage,
  UnpackHooks,
  UnpackJob,
  UnpackOutcome,
} from '../unpack/job.ts';
import { createRing, proveRing, stopRing } from '../unpack/ring.ts';
import { blobAlgorithms, streamAlgorithms } from '../unpack/stream.ts';
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
  return diagnosed(job, { index: layer, error }, hooks.signal);
}

async function diagnosed(
  { files, board, layers }: UnpackJob,
  { index, error }: { index: number; error: ErrorData },
  signal: AbortSignal,
): Promise<UnpackOutcome> {
  await using pool = openPool(1);
  const stop = () => void pool.close();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    return await pool.run('diagnose', { files, board, layer: layers[index] as LayerInput, index, error });
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Settles with the first failure, and then has ended the other threads: what they wait for may take as long as the download. */
async function runThreads(
  job: UnpackJob,
  { signal, onEvent }: UnpackHooks,
): Promise<UnpackedImage | LayerFailure> {
  await using pool = openPool(THREADS);
  const ring = createRing();
  const stored = createRing();
  const stop = () => {
    stopRing(ring);
    stopRing(stored);
  };
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const { files, board, layers, ...options } = job;
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
  const streamed = watched<Done>(pool.run('stream', { files, board, layers, ring, stored }));
  const applied = watched<UnpackedImage>(
    pool.run('apply', { ...options, ring, layerCount: layers.length }, { onEvent }),
  );
  const hash = (memory: SharedArrayBuffer, algorithms: HashJob['algorithms']) =>
    algorithms.some(Boolean) ? pool.run('hash', { ring: memory, algorithms }) : undefined;
  const hashed = [hash(ring, streamAlgorithms(layers)), hash(stored, blobAlgorithms(layers))];
  const proven = streamed.then(() => proveRing(ring));
  try {
    const all = Promise.all([applied, proven, ...hashed]).then(([image]) => image);
    return await Promise.race([failed.promise, all]);
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}
