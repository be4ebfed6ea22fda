// Unpacks an image on threads of this process: one decodes, one writes files, two hash.
import { type ErrorCode, type ErrorData, fromErrorData } from '../errors.ts';
import { layersToStream, planPasses } from '../export/passes.ts';
import type { HashJob } from '../unpack/hash.ts';
import type {
  LayerFailure,
  LayerInput,
  MissingFiles,
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

type Done = { readonly kind: 'done' | 'missing' };

/** Throws PullError where the fault is the image's or this machine's, and fetching again would not help. */
export async function unpackHere(job: UnpackJob, hooks: UnpackHooks): Promise<UnpackOutcome> {
  const outcome = await runThreads(job, hooks);
  if (outcome.kind !== 'failed') return outcome;
  const { layer, error } = outcome;
  if (layer === undefined || FINAL.includes(error.code)) throw fromErrorData(error);
  return diagnosed(job, { index: layer, error }, hooks.signal);
}

async function diagnosed(
  { files, arriving, board, layers, limits }: UnpackJob,
  { index, error }: { index: number; error: ErrorData },
  signal: AbortSignal,
): Promise<UnpackOutcome> {
  await using pool = openPool(1, signal);
  const layer = layers[index] as LayerInput;
  const job = { files, arriving, board, layer, index, error };
  return await pool.run('diagnose', { ...job, ...(limits && { limits }) });
}

/** Settles with the first failure, and then has ended the other threads: what they wait for may take as long as the download. */
async function runThreads(
  job: UnpackJob,
  { signal, onEvent }: UnpackHooks,
): Promise<UnpackedImage | MissingFiles | LayerFailure> {
  await using pool = openPool(THREADS, signal);
  const ring = createRing();
  const stored = createRing();
  const stop = () => {
    stopRing(ring);
    stopRing(stored);
  };
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const { files, arriving, board, layers, output, ...options } = job;
  const passes = output && planPasses(output.format, layers);
  const streams = passes ? layersToStream(layers, passes) : layers;
  const failed = Promise.withResolvers<LayerFailure>();
  const watched = async <Outcome extends Done>(
    running: Promise<Outcome | LayerFailure>,
  ): Promise<Outcome> => {
    const outcome = await running;
    if (outcome.kind !== 'failed') return outcome;
    failed.resolve(outcome);
    // Nobody waits for it any more: the race below is over.
    return new Promise<Outcome>(() => undefined);
  };
  const streamed = watched<Done>(
    pool
      .run('stream', {
        files,
        arriving,
        board,
        layers: streams,
        ring,
        stored,
        limits: options.limits ?? {},
        reads: passes?.reads,
      })
      .then((outcome) => inImage(outcome, layers.length)),
  );
  const applied = watched<UnpackedImage | MissingFiles>(
    output
      ? pool.run(
          'export',
          { ...options, output, ring, stored, layers: layers.map(describeLayer) },
          { onEvent },
        )
      : pool.run('apply', { ...options, ring, layers: layers.map(describeLayer) }, { onEvent }),
  );
  const hash = (memory: SharedArrayBuffer, algorithms: HashJob['algorithms']) =>
    algorithms.some(Boolean) ? pool.run('hash', { ring: memory, algorithms }) : undefined;
  const hashed = [hash(ring, streamAlgorithms(streams)), hash(stored, blobAlgorithms(streams))];
  const proven = streamed.then(() => proveRing(ring));
  try {
    const all = Promise.all([applied, proven, ...hashed]).then(([image]) => image);
    return await Promise.race([failed.promise, all]);
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

/** What the thread that writes has to know of a layer besides what comes through the ring. */
function describeLayer({ kept, isStargz, diffId, digest, ...layer }: LayerInput) {
  const entries = layer.kind === 'chunked' ? layer.entries : undefined;
  return { kept, isStargz, diffId, digest, kind: layer.kind, entries };
}

/** Layers may be streamed more than once. */
function inImage<Outcome extends Done>(
  outcome: Outcome | LayerFailure,
  layerCount: number,
): Outcome | LayerFailure {
  if (outcome.kind !== 'failed' || outcome.layer === undefined) return outcome;
  return { ...outcome, layer: outcome.layer % layerCount };
}
