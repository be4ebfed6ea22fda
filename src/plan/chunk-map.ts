// A layer's chunks as the planner remembers and measures them.
import type { ByteRange } from '../bytes/range.ts';
import { type ChunkTable, DIGEST_BYTES } from '../layer/chunk-table.ts';
import type { FetchRange } from './coalesce.ts';
import type { ChunkSources, LayerBytes } from './fetch-plan.ts';

/**
 * Values by chunk. A chunk is its digest and its size: of two sizes under one digest one is a lie, and must not spoil the other.
 * There are tens of thousands of them, and hardly ever such a lie: the digest alone is the key where it will do.
 */
export class ChunkMap<Value extends { readonly size: number }> {
  readonly #values = new Map<string, Value>();

  get(digest: string, size: number): Value | undefined {
    const first = this.#values.get(digest);
    return first === undefined || first.size === size ? first : this.#values.get(`${digest} ${size}`);
  }

  set(digest: string, value: Value): void {
    const first = this.#values.get(digest);
    const isTaken = first !== undefined && first.size !== value.size;
    this.#values.set(isTaken ? `${digest} ${value.size}` : digest, value);
  }
}

/** The chunks' digests as keys; see oci/digest-key.ts. Cut out of one long text: that takes half as long as a text for each. */
export function digestKeys({ digests }: ChunkTable): (index: number) => string {
  const all = Buffer.from(digests.buffer, digests.byteOffset, digests.byteLength).toString('latin1');
  return (index) => all.slice(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES);
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
