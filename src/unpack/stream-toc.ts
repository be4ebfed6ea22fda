// The content of a layer whose table of contents is trusted: each chunk is hashed, because no digest of the whole covers it.
import { createHash } from 'node:crypto';
import { PullError } from '../errors.ts';
import { digestKey } from '../layer/chunk-table.ts';
import { digestOfKey } from '../oci/digest-key.ts';
import type { ChunkedInput } from './job.ts';
import type { RunReader } from './run-reader.ts';

/** Throws DIGEST_MISMATCH. What has gone through by then belongs to an attempt that fails. */
export async function streamChunks(
  { chunks: { sizes }, chunkDigests }: ChunkedInput,
  reader: RunReader,
  sink: (bytes: Uint8Array) => void,
): Promise<void> {
  for (let chunk = 0; chunk < sizes.length; chunk++) {
    const hash = createHash('sha256');
    const waiting = reader.emit(chunk, (bytes) => {
      hash.update(bytes);
      sink(bytes);
    });
    if (waiting) await waiting;
    const key = digestKey(chunkDigests, chunk);
    if (hash.digest('binary') !== key)
      throw new PullError('DIGEST_MISMATCH', `chunk ${digestOfKey(key)} does not match its digest`);
  }
}
