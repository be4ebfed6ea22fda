import type { LayerMetadata } from '../fetch/layer-metadata.ts';
import { readLayerMetadata } from '../fetch/metadata.ts';
import type { LayerTally } from '../fetch/tally.ts';
import { detectDialect } from '../layer/dialect.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { FetchPlan, PlanLayer } from '../plan/fetch-plan.ts';
import { planFetch } from '../plan/plan.ts';
import type { Emit } from '../progress/events.ts';
import type { BlobPlace } from '../source/source.ts';
import type { PullOptions } from './options.ts';
import { readLayers } from './read-layers.ts';
import { type PullSession, warn } from './session.ts';
import { TocBudget } from './toc-budget.ts';

/**
 * With the chunk that fills it a pack stays below 128 MiB, which @actions/cache sends at one go. The service limits lookups, and each pack
 * is one: with packs of 64 MiB and six an image, a matrix of 256 jobs met that limit; docs/performance.md, "A month of a busy repository".
 */
const PACK_TARGET = 120 << 20;
/** An image is spread over at most about this many packs, whatever its size. */
const PACKS_PER_IMAGE = 4;

/**
 * `whole`: layers that have to be fetched whole, and why; without a text where they owe nobody a reason. `expectsChunks`: the store may
 * be given some once it is known what is in the layers.
 */
export async function readMetadata(
  session: PullSession,
  whole: ReadonlyMap<number, string>,
  expectsChunks = false,
): Promise<LayerMetadata[]> {
  const { source, store, staging, tocImage, options } = session;
  const emit: Emit = (event) =>
    event.kind === 'warning' ? warn(session, event.message) : options.emit(event);
  const shared = { source, store, staging, tocImage, emit, trustsToc: trustsTocs(options), expectsChunks };
  const budget = new TocBudget('whole');
  const { signal } = options;
  return readLayers(session.layers, { signal, budget }, async (descriptor, index, reading) => {
    if (locate(session, index)) return inPlace(descriptor);
    // A layer that is plain by its own account has a reason of its own, if any.
    const reason = detectDialect(descriptor).kind === 'plain' ? undefined : whole.get(index);
    if (reason !== undefined) return { kind: 'plain', ...(reason === '' ? {} : { reason }) };
    const tally = session.tallies[index] as LayerTally;
    return budget.read(descriptor, () => readLayerMetadata(descriptor, { ...shared, ...reading, tally }));
  });
}

/** Parts of a chunked layer can be covered by its table of contents only. */
function trustsTocs({ verify, paths = [] }: PullOptions): boolean {
  return verify === 'toc' || paths.length > 0;
}

/** What stands on this machine is read from front to back: there is nothing to spare by its table of contents. */
function inPlace(descriptor: Descriptor): LayerMetadata {
  const dialect = detectDialect(descriptor);
  return dialect.kind === 'plain' ? { kind: 'plain' } : { kind: 'plain', chunked: dialect };
}

export function planLayers(session: PullSession, metadata: readonly LayerMetadata[]): FetchPlan {
  const { store, staging, layers } = session;
  const planned = metadata.map((layer, index) => {
    const descriptor = layers[index] as Descriptor;
    const at = locate(session, index);
    return at ? inPlaceLayer(descriptor, at) : toPlanLayer(layer, descriptor);
  });
  const compressed = layers.reduce((sum, layer) => sum + layer.size, 0);
  return planFetch(planned, (form, key, size) => store.find(form, key, size), {
    ...staging.free,
    packTarget: packTarget(compressed),
    link: session.source.link?.(),
    connections: session.options.concurrency,
  });
}

/** Bytes after which a pack is closed, for an image of `compressed` bytes. */
export function packTarget(compressed: number): number {
  return Math.max(PACK_TARGET, Math.ceil(compressed / PACKS_PER_IMAGE));
}

/** On this machine, outside of the store. */
function locate({ source, layers, image }: PullSession, index: number): BlobPlace | undefined {
  return source.locate?.(layers[index] as Descriptor, image.config.diffIds[index]);
}

function inPlaceLayer({ digest, size }: Descriptor, at: BlobPlace): PlanLayer {
  return { kind: 'plain', digest, compressedSize: size, at };
}

function toPlanLayer(metadata: LayerMetadata, descriptor: { digest: string; size: number }): PlanLayer {
  if (metadata.kind === 'chunked')
    return {
      kind: 'chunked',
      table: metadata.table,
      dataEnd: metadata.dataEnd,
      isPart: metadata.entries !== undefined,
      metadataBytes: metadata.blobs.reduce((sum, { compressedSize }) => sum + compressedSize, 0),
    };
  const { tail } = metadata;
  return { kind: 'plain', digest: descriptor.digest, compressedSize: descriptor.size, tail };
}
