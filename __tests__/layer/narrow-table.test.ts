import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ChunkColumns } from '../../src/layer/chunk-columns.ts';
import { chunkCount, digestKey } from '../../src/layer/chunk-table.ts';
import { narrowTable } from '../../src/layer/narrow-table.ts';
import { sampleDigest } from '../support/descriptors.ts';

/** `entries`: how many chunks each has. */
function tableOf(entries: readonly number[]) {
  const columns = new ChunkColumns(100);
  let chunk = 0;
  for (const count of entries) {
    columns.beginEntry();
    for (let end = chunk + count; chunk < end; chunk++)
      columns.push({
        digest: sampleDigest(chunk),
        start: chunk * 10,
        end: chunk * 10 + 7,
        size: chunk + 100,
      });
  }
  return columns.finish();
}

it('keeps the wanted chunks of each entry, in order', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(3), { maxLength: 12 }),
      fc.array(fc.constantFrom(0, 1), { maxLength: 40 }),
      (entries, flags) => {
        const table = tableOf(entries);
        const narrow = narrowTable(table, Uint8Array.from(flags));
        const kept = Array.from({ length: chunkCount(table) }, (_, at) => at).filter((at) => flags[at] === 1);
        expect(chunkCount(narrow)).toBe(kept.length);
        expect([...narrow.sizes]).toEqual(kept.map((at) => at + 100));
        expect([...narrow.offsets]).toEqual(kept.map((at) => at * 10));
        expect([...narrow.compressedSizes]).toEqual(kept.map(() => 7));
        kept.forEach((at, index) => {
          expect(digestKey(narrow.digests, index)).toBe(digestKey(table.digests, at));
        });
        const ofEntry = (one: typeof table, entry: number) =>
          [...one.sizes].slice(one.firstChunk[entry], one.firstChunk[entry + 1]);
        for (const entry of entries.keys())
          expect(ofEntry(narrow, entry)).toEqual(
            ofEntry(table, entry).filter((size) => flags[size - 100] === 1),
          );
      },
    ),
  );
});

it('keeps inner offsets where there are any', () => {
  const table = { ...tableOf([2, 1]), innerOffsets: Float64Array.from([0, 512, 3]) };
  const narrow = narrowTable(table, Uint8Array.from([0, 1, 1]));
  expect([...(narrow.innerOffsets ?? [])]).toEqual([512, 3]);
  expect('innerOffsets' in narrowTable(tableOf([2]), new Uint8Array(2))).toBe(false);
});
