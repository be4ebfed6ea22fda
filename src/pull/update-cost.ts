// What a pull of one image would download if the cache held another one. Pure.
import { digestKeys } from '../plan/chunk-map.ts';
import { isBetterWhole } from '../plan/costs.ts';
import type { Located, PlanLayer } from '../plan/fetch-plan.ts';
import { planFetch } from '../plan/plan.ts';
import type { SurveyedLayer } from './survey.ts';

export interface LayerCost {
  readonly way: 'cached' | 'ranges' | 'whole';
  /** Of layer data, tables of contents and small gaps included. */
  readonly bytes: number;
}

/** By layer of `to`. By the planner's own rules, for a link of which nothing is known yet. */
export function updateCosts(from: readonly SurveyedLayer[], to: readonly SurveyedLayer[]): LayerCost[] {
  const held = new Set(from.map(({ descriptor }) => descriptor.digest));
  const chunks = chunksOf(from);
  const find = (_form: string, key: string, size: number) => chunks.get(`${key} ${size}`);
  const isAtHand = (...chunk: Parameters<typeof find>) => find(...chunk) !== undefined;
  const costs = to.map(({ descriptor, metadata }): LayerCost | PlanLayer => {
    const { digest, size } = descriptor;
    if (held.has(digest)) return { way: 'cached', bytes: 0 };
    if (metadata.kind === 'plain') return { way: 'whole', bytes: size };
    const { table, dataEnd, blobs } = metadata;
    const outside = blobs.reduce((sum, blob) => sum + (blob.isOutside ? blob.compressedSize : 0), 0);
    if (isBetterWhole({ table, dataEnd }, isAtHand)) return { way: 'whole', bytes: size };
    return { kind: 'chunked', table, dataEnd, metadataBytes: size - dataEnd + outside };
  });
  const planned = costs.flatMap((cost) => ('kind' in cost ? [cost] : []));
  const plan = planFetch(planned, find, { pack: 0, packOffset: 0, packTarget: Number.MAX_SAFE_INTEGER });
  let next = 0;
  return costs.map((cost) => {
    if (!('kind' in cost)) return cost;
    const missing = plan.bytes[next++]?.missing ?? 0;
    const metadataBytes = cost.kind === 'chunked' ? cost.metadataBytes : 0;
    return { way: 'ranges', bytes: missing + metadataBytes };
  });
}

/** All chunks of an image as if a pack held them. */
function chunksOf(layers: readonly SurveyedLayer[]): ReadonlyMap<string, Located> {
  const chunks = new Map<string, Located>();
  for (const { metadata } of layers) {
    if (metadata.kind !== 'chunked') continue;
    const { table } = metadata;
    const keyOf = digestKeys(table);
    table.sizes.forEach((size, chunk) => {
      const compressedSize = table.compressedSizes[chunk] as number;
      chunks.set(`${keyOf(chunk)} ${size}`, { path: 'held', offset: 0, compressedSize, size });
    });
  }
  return chunks;
}
