// How the layers of an image have to come for each format.
import type { LayerInput } from '../unpack/job.ts';
import type { OutputFormat } from '../unpack/output.ts';

export interface Passes {
  /** What is written: the layers as they are stored, or their tar streams. */
  readonly reads: 'ring' | 'stored';
  /** How often all layers come, one after the other. */
  readonly passes: 1 | 2;
}

/** A layout keeps its manifest where every layer comes whole, as it is in the registry. */
export function planPasses(
  format: OutputFormat,
  layers: readonly { readonly kind: 'plain' | 'chunked' }[],
): Passes {
  if (format === 'tar') return { reads: 'ring', passes: 2 };
  const isLayout = format === 'oci-layout' || format === 'oci-archive';
  return { reads: isLayout && layers.every(({ kind }) => kind === 'plain') ? 'stored' : 'ring', passes: 1 };
}

/**
 * The layers as they have to be streamed. Under the name of a diff_id nothing is written that was not checked against it. The second
 * time, the digest of a layer that came whole shows that it is still what it was the first time.
 */
export function layersToStream(layers: readonly LayerInput[], { reads, passes }: Passes): LayerInput[] {
  if (passes === 2) return [...layers, ...layers.map((layer) => withKept(layer, true))];
  return reads === 'stored' ? [...layers] : layers.map((layer) => withKept(layer, false));
}

function withKept(layer: LayerInput, isKept: boolean): LayerInput {
  return layer.kind === 'plain' ? { ...layer, isKept } : layer;
}
