// The hash job: digests of the tar streams or the blobs of an image, on a thread of its own. Without SHA instructions SHA-256 takes longer than
// everything else a layer needs; see docs/performance.md.
import { createHash } from 'node:crypto';
import type { DigestAlgorithm } from '../oci/digest.ts';
import { RingReader } from './ring.ts';

export interface HashJob {
  readonly ring: SharedArrayBuffer;
  /** By stream, in the order in which they come; undefined for one that needs no digest. */
  readonly algorithms: readonly (DigestAlgorithm | undefined)[];
}

/** Runs until it has read all streams. Throws ABORTED where the ring is stopped before. */
export async function hashStreams({ ring, algorithms }: HashJob): Promise<undefined> {
  const reader = new RingReader(ring, 'hash');
  for (const algorithm of algorithms) {
    const hash = algorithm === undefined ? undefined : createHash(algorithm);
    reader.readStream((bytes) => hash?.update(bytes));
    reader.endStream(hash?.digest('hex'));
  }
  return undefined;
}
