// What each layer is made of, and from that the plan.
import { type LayerMetadata, readLayerMetadata } from '../fetch/metadata.ts';
import type { FetchPlan, PlanLayer } from '../plan/fetch-plan.ts';
import { planFetch } from '../plan/plan.ts';
import { openPool } from './jobs.ts';
import type { PullSession } from './session.ts';

/** Packs of this size transfer well in parallel; the Actions cache service counts entries, not bytes. */
const PACK_TARGET = 64 << 20;
/** An image is spread over at most about this many packs, whatever its size. */
const PACKS_PER_IMAGE = 6;

/** `whole`: layers that have to be fetched whole, and why. */
export async function readMetadata(
  session: PullSession,
  whole: ReadonlyMap<number, string>,
): Promise<LayerMetadata[]> {
  const { options, source, store, staging, tallies } = session;
  await using pool = openPool();
  const read = async (index: number): Promise<LayerMetadata> => {
    const descriptor = session.layers[index];
    const tally = tallies[index];
    if (!descriptor || !tally) return { kind: 'plain' };
    const reason = whole.get(index);
    if (reason !== undefined) return { kind: 'plain', reason };
    const readToc = (job: Parameters<typeof pool.run<'readToc'>>[1]) => pool.run('readToc', job);
    const { emit, signal } = options;
    return readLayerMetadata(descriptor, { source, store, staging, readToc, tally, emit, signal });
  };
  return await Promise.all(session.layers.map((_, index) => read(index)));
}

export function planLayers(session: PullSession, metadata: readonly LayerMetadata[]): FetchPlan {
  const { store, staging, layers } = session;
  const planned = metadata.map((layer, index) =>
    toPlanLayer(layer, layers[index] as { digest: string; size: number }),
  );
  const metadataBytes = session.tallies.reduce((sum, tally) => sum + tally.bytes, 0);
  const compressed = layers.reduce((sum, layer) => sum + layer.size, 0);
  return planFetch(planned, (form, key) => store.find(form, key), {
    ...staging.free,
    packTarget: packTarget(compressed),
    metadataBytes,
  });
}

/** Bytes after which a pack is closed, for an image of `compressed` bytes. */
export function packTarget(compressed: number): number {
  return Math.max(PACK_TARGET, Math.ceil(compressed / PACKS_PER_IMAGE));
}

function toPlanLayer(metadata: LayerMetadata, descriptor: { digest: string; size: number }): PlanLayer {
  if (metadata.kind === 'chunked')
    return { kind: 'chunked', table: metadata.table, dataEnd: metadata.dataEnd };
  return { kind: 'plain', digest: descriptor.digest, compressedSize: descriptor.size };
}
