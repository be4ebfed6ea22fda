// A layer's chunks as the planner names and measures them.
import type { ByteRange } from '../bytes/range.ts';
import { type ChunkTable, digestKey } from '../layer/chunk-table.ts';
import type { FetchRange } from './coalesce.ts';
import type { ChunkForm, ChunkSources, LayerBytes } from './fetch-plan.ts';

/** A chunk by its digest key, and the name under which it is placed. */
export interface NamedChunk {
  readonly key: string;
  readonly size: number;
  readonly name: string;
}

export function nameChunk(table: ChunkTable, index: number): NamedChunk {
  const key = digestKey(table.digests, index);
  const size = table.sizes[index] as number;
  return { key, size, name: placeName('frame', key, size) };
}

/** The size is part of the name: of two sizes under one digest one is a lie, and must not spoil the other. */
export function placeName(form: ChunkForm, digest: string, size: number): string {
  return `${form} ${digest} ${size}`;
}

export function chunkRange(table: ChunkTable, index: number): ByteRange {
  const start = table.offsets[index] as number;
  return { start, end: start + (table.compressedSizes[index] as number) };
}

export function countBytes(sources: ChunkSources, ranges: readonly FetchRange[]): LayerBytes {
  let cached = 0;
  sources.groups.forEach((group, index) => {
    if (group === -1) cached += sources.compressedSizes[index] as number;
  });
  return { cached, missing: ranges.reduce((sum, { range }) => sum + range.end - range.start, 0) };
}
