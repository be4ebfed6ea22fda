// Translates a plan into the job of the unpacking thread.
import type { BlobAt } from '../fetch/blob-at.ts';
import type { LayerMetadata } from '../fetch/layer-metadata.ts';
import { isStargzLayer } from '../layer/dialect.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { parseDigest } from '../oci/digest.ts';
import type { FetchPlan, LayerPlan } from '../plan/fetch-plan.ts';
import { MAX_RANGE_BYTES } from '../plan/plan.ts';
import type { BlobInput } from '../unpack/inputs.ts';
import type { LayerInput, UnpackJob } from '../unpack/job.ts';
import { outputOf } from './formats.ts';
import { keptOf, type MissingByLayer, type Parts } from './parts.ts';
import type { PullSession } from './session.ts';

export interface Attempt {
  readonly plan: FetchPlan;
  readonly metadata: readonly LayerMetadata[];
  readonly missing: MissingByLayer;
  readonly parts: Parts['parts'];
  /** Empty directory to unpack to. */
  readonly root: string;
}

/** `board`: memory of the progress board, with counters for the plan's groups, and for packs on their way by path. */
export async function toUnpackJob(
  session: PullSession,
  attempt: Attempt,
  { board, arriving }: { readonly board: SharedArrayBuffer; readonly arriving: ReadonlyMap<string, number> },
): Promise<UnpackJob> {
  const { plan, root } = attempt;
  const files: string[] = [];
  for (const file of plan.files) {
    files.push(file.kind === 'new' ? (await session.staging.pack(file.pack)).path : file.path);
  }
  const layers = session.layers.map((_, index) => toLayerInput(session, attempt, { index, files }));
  const { options, privileges } = session;
  const { paths, limits, format = 'rootfs', image } = options;
  const output = format === 'rootfs' ? undefined : outputOf(format, session.image, image);
  const counters = files.map((path) => arriving.get(path) ?? -1);
  const coming = counters.some((counter) => counter !== -1) ? { arriving: counters } : {};
  return { root, owner: privileges.owner, limits, paths, files, ...coming, board, layers, output };
}

/** Adds to `files` where a tar-split lies in another file than any chunk. */
function toLayerInput(
  session: PullSession,
  { plan, metadata, missing, parts }: Attempt,
  { index, files }: { index: number; files: string[] },
): LayerInput {
  const layer = metadata[index] as LayerMetadata;
  const planned = plan.layers[index] as LayerPlan;
  const [diffId, digest] = [session.image.config.diffIds[index], session.layers[index]?.digest];
  if (!diffId || !digest) throw new Error(`layer ${index} has no name`);
  const isStargz = isStargzLayer(session.layers[index] as Descriptor);
  const names = { diffId, digest, kept: keptOf(missing, index), isStargz };
  if (planned.kind === 'plain') {
    const { file, offset, compressedSize, groups } = planned;
    const stored = parseDigest(planned.digest, `layer ${index}`);
    const blob = { file, offset, compressedSize, groups, groupBytes: MAX_RANGE_BYTES };
    // Not what this pull has fetched itself, in whichever attempt: only a pull that succeeds seals its packs.
    const isKept = session.store.packAt(files[file] ?? '') !== undefined;
    return { ...names, digest: stored, kind: 'plain', blob, isKept };
  }
  if (layer.kind !== 'chunked') throw new Error(`layer ${index} was planned as another kind than it is`);
  const part = parts[index];
  return {
    ...names,
    ...part,
    kind: 'chunked',
    chunks: planned.sources,
    chunkDigests: layer.table.digests,
    firstChunk: layer.table.firstChunk,
    tarSplit: layer.tarSplit && blobInput(layer.tarSplit, files),
    tarSplitDigest: layer.tarSplit?.digest,
  };
}

function blobInput({ path, offset, compressedSize }: BlobAt, files: string[]): BlobInput {
  return { file: files.push(path) - 1, offset, compressedSize, groups: [], groupBytes: 1 };
}
