// Unpacks an image on threads of this process.
import { isAbort } from '../errors.ts';
import { digestAlgorithm } from '../oci/digest.ts';
import { createHashRing, stopHashRing } from '../unpack/hash-lane.ts';
import type { UnpackEvent, UnpackJob, UnpackOutcome } from '../unpack/jobs.ts';
import { openPool } from './jobs.ts';

export interface UnpackHooks {
  /** The board is aborted by whoever owns it; this ends what does not wait for the board. */
  readonly signal: AbortSignal;
  readonly onEvent: (event: UnpackEvent) => void;
}

/** Throws what unpacking throws; afterwards no thread is running any more. */
export async function unpackHere(
  job: Omit<UnpackJob, 'ring'>,
  { signal, onEvent }: UnpackHooks,
): Promise<UnpackOutcome> {
  await using pool = openPool();
  const ring = createHashRing();
  const onAbort = () => stopHashRing(ring);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  const algorithms = job.layers.map(({ diffId }) => digestAlgorithm(diffId));
  try {
    const stopping = (error: unknown) => {
      onAbort();
      throw error;
    };
    const [unpacked, hashed] = await Promise.allSettled([
      pool.run('unpack', { ...job, ring }, { onEvent }).catch(stopping),
      // The unpacker ends the hasher when it takes a detour; that is no failure.
      pool.run('hash', { ring, algorithms }).catch(stopping),
    ]);
    if (hashed.status === 'rejected' && !isAbort(hashed.reason)) throw hashed.reason;
    if (unpacked.status === 'rejected') throw unpacked.reason;
    return unpacked.value;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
