// A table with some of its chunks only: those that are wanted.
import { type ChunkTable, chunkCount, DIGEST_BYTES } from './chunk-table.ts';

/** `flags`: by chunk, 1 for those that stay; a shorter list ends with those that do not. Entries stay, some with fewer chunks. */
export function narrowTable(table: ChunkTable, flags: Uint8Array): ChunkTable {
  const kept: number[] = [];
  const firstChunk = new Uint32Array(table.firstChunk.length);
  let entry = 0;
  const count = chunkCount(table);
  for (let chunk = 0; chunk <= count; chunk++) {
    for (; entry < firstChunk.length && table.firstChunk[entry] === chunk; entry++)
      firstChunk[entry] = kept.length;
    if (chunk < count && flags[chunk] === 1) kept.push(chunk);
  }
  const pick = (column: Float64Array) => Float64Array.from(kept, (chunk) => column[chunk] as number);
  const digests = new Uint8Array(kept.length * DIGEST_BYTES);
  for (const [at, chunk] of kept.entries())
    digests.set(table.digests.subarray(chunk * DIGEST_BYTES, (chunk + 1) * DIGEST_BYTES), at * DIGEST_BYTES);
  return {
    digests,
    offsets: pick(table.offsets),
    compressedSizes: pick(table.compressedSizes),
    sizes: pick(table.sizes),
    ...(table.innerOffsets ? { innerOffsets: pick(table.innerOffsets) } : {}),
    firstChunk,
  };
}
