// The hash-blobs job: proves that layers which are unpacked as they are stored are what their digests say. On a thread of its own,
// because a thread that decodes and hashes keeps its decoder waiting.
import { PullError, toErrorData } from '../errors.ts';
import { createHasher } from '../integrity/hash.ts';
import { digestAlgorithm } from '../oci/digest.ts';
import { ProgressBoard } from '../workers/progress-board.ts';
import { InputFiles, readBlob } from './inputs.ts';
import type { LayerFailure, LayerInput, PlainInput, UnpackJob } from './job.ts';

export type HashBlobsJob = Pick<UnpackJob, 'files' | 'board' | 'layers'>;

/** Done once every blob has been what its digest says. */
export async function hashBlobs(job: HashBlobsJob): Promise<{ kind: 'done' } | LayerFailure> {
  const files = new InputFiles(job.files);
  const board = new ProgressBoard(job.board);
  let index = 0;
  try {
    for (const layer of job.layers) {
      if (layer.kind === 'plain') await checkBlob(layer, files, board);
      index++;
    }
    return { kind: 'done' };
  } catch (error) {
    return { kind: 'failed', layer: index, error: toErrorData(error) };
  } finally {
    files.close();
  }
}

async function checkBlob(
  layer: LayerInput & PlainInput,
  files: InputFiles,
  board: ProgressBoard,
): Promise<void> {
  const hasher = createHasher(digestAlgorithm(layer.digest));
  for await (const bytes of readBlob(files, layer.blob, board)) hasher.update(bytes);
  const actual = hasher.digest();
  if (actual !== layer.digest)
    throw new PullError('DIGEST_MISMATCH', `layer ${layer.digest} hashes to ${actual}`);
}
