// The content of a layer whose table of contents is trusted: each chunk is hashed, because no digest of the whole covers it.
import { createHash } from 'node:crypto';
import { PullError } from '../errors.ts';
import { digestKey } from '../layer/chunk-table.ts';
import { digestOfKey } from '../oci/digest-key.ts';
import type { ChunkedInput } from './job.ts';
import { memberEnd, type RunReader } from './run-reader.ts';

/** Throws DIGEST_MISMATCH. What has gone through by then belongs to an attempt that fails. */
export async function streamChunks(
  { chunks, chunkDigests }: ChunkedInput,
  reader: RunReader,
  sink: (bytes: Uint8Array) => void,
): Promise<void> {
  let [open, hash] = [0, createHash('sha256')];
  const take = (bytes: Uint8Array, chunk: number) => {
    checkUpTo(chunk);
    hash.update(bytes);
    sink(bytes);
  };
  const checkUpTo = (chunk: number) => {
    for (; open < chunk; open++) {
      const key = digestKey(chunkDigests, open);
      if (hash.digest('binary') !== key)
        throw new PullError('DIGEST_MISMATCH', `chunk ${digestOfKey(key)} does not match its digest`);
      hash = createHash('sha256');
    }
  };
  for (let first = 0; first < chunks.sizes.length; ) {
    const chunk = first;
    const end = memberEnd(chunks, first);
    const waiting =
      end === chunk + 1
        ? reader.emit(chunk, (bytes) => take(bytes, chunk))
        : reader.emitMember(chunk, end, take);
    if (waiting) await waiting;
    checkUpTo(end);
    first = end;
  }
}
