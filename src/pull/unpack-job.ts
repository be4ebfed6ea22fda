// Translates a plan into the job of the unpacking thread.
import type { LayerMetadata } from '../fetch/metadata.ts';
import { parseDigest } from '../oci/digest.ts';
import type { FetchPlan, LayerPlan } from '../plan/fetch-plan.ts';
import { MAX_RANGE_BYTES } from '../plan/plan.ts';
import type { LayerInput, UnpackJob } from '../unpack/job.ts';
import type { PullSession } from './session.ts';

export interface Attempt {
  readonly plan: FetchPlan;
  readonly metadata: readonly LayerMetadata[];
  /** Empty directory to unpack to. */
  readonly root: string;
}

/** `board`: memory of the progress board of the plan's groups. */
export async function toUnpackJob(
  session: PullSession,
  attempt: Attempt,
  board: SharedArrayBuffer,
): Promise<UnpackJob> {
  const { plan, root } = attempt;
  const files: string[] = [];
  for (const file of plan.files) {
    files.push(file.kind === 'new' ? (await session.staging.pack(file.pack)).path : file.path);
  }
  const layers = session.layers.map((_, index) => toLayerInput(session, attempt, { index, files }));
  const { options, privileges } = session;
  return { root, owner: privileges.owner, limits: options.limits, files, board, layers };
}

/** Adds to `files` where a tar-split lies in another file than any chunk. */
function toLayerInput(
  session: PullSession,
  { plan, metadata }: Attempt,
  { index, files }: { index: number; files: string[] },
): LayerInput {
  const layer = metadata[index] as LayerMetadata;
  const planned = plan.layers[index] as LayerPlan;
  const [diffId, digest] = [session.image.config.diffIds[index], session.layers[index]?.digest];
  if (!diffId || !digest) throw new Error(`layer ${index} has no name`);
  const names = { diffId, digest };
  if (planned.kind === 'plain') {
    const { file, offset, compressedSize, groups } = planned;
    const stored = parseDigest(planned.digest, `layer ${index}`);
    const blob = { file, offset, compressedSize, groups, groupBytes: MAX_RANGE_BYTES };
    // Not what this pull has fetched itself, in whichever attempt: only a pull that succeeds seals its packs.
    const isKept = session.store.packAt(files[file] ?? '') !== undefined;
    return { diffId, digest: stored, kind: 'plain', blob, isKept };
  }
  if (layer.kind !== 'chunked') throw new Error(`layer ${index} was planned as another kind than it is`);
  const { path, offset, compressedSize, digest: tarSplitDigest } = layer.tarSplit;
  const file = files.push(path) - 1;
  return {
    ...names,
    kind: 'chunked',
    chunks: planned.sources,
    chunkDigests: layer.table.digests,
    firstChunk: layer.table.firstChunk,
    tarSplit: { file, offset, compressedSize, groups: [], groupBytes: 1 },
    tarSplitDigest,
  };
}
