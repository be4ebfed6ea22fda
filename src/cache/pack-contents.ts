// What is in a pack of the remote cache, read from the table at its end, before any of its chunks is fetched.
import { decodeTable, MAX_ENTRY_BYTES, type PackEntry } from '../store/pack-format.ts';
import { decodeTrailer, TRAILER_SIZE } from '../store/pack-trailer.ts';
import { MAX_READ_BYTES, type OpenEntry } from './blob-cache.ts';

/** Is a chunk of this name one that the image needs? `hex`: its sha256. */
export type IsNeeded = (chunk: Pick<PackEntry, 'form' | 'hex'>) => boolean;

/** The tables of most packs are shorter; what they are longer by takes one more request. */
const FIRST_READ_BYTES = 256 << 10;

/** Entries that one restore reads of packs, as many as a store has in memory. */
export const MAX_READ_ENTRIES = 5_000_000;

/** What a restore may still read. */
export interface EntryBudget {
  entries: number;
}

/** The table as it was stored: an image has tens of thousands of chunks, and most packs are asked about once. */
export interface PackContents {
  /** Table and trailer: the pack from the end of its chunks on. */
  readonly end: Buffer;
  /** Ascending by offset; decoded anew each time. */
  entries(): Iterable<PackEntry>;
}

/**
 * unreadable: it cannot be read, or is no pack. passed-over: the budget has no room for it. `size`: bytes that it should have. What is
 * read is taken from `budget`.
 */
export async function readContents(
  entry: OpenEntry,
  size: number,
  budget: EntryBudget = { entries: MAX_READ_ENTRIES },
): Promise<PackContents | 'unreadable' | 'passed-over'> {
  const start = Math.max(0, size - FIRST_READ_BYTES);
  const end = await entry.read({ start, end: size });
  if (!end || end.length < TRAILER_SIZE) return 'unreadable';
  const trailer = decodeTrailer(end.subarray(-TRAILER_SIZE), size);
  if (!trailer || trailer.tableLength > MAX_READ_BYTES) return 'unreadable';
  const { tableOffset, tableLength, count } = trailer;
  // An entry that takes more than it can counts as several.
  const cost = Math.max(count, Math.ceil(tableLength / MAX_ENTRY_BYTES));
  if (cost > budget.entries) return 'passed-over';
  budget.entries -= cost;
  const table =
    tableOffset >= start
      ? end.subarray(tableOffset - start, tableOffset - start + tableLength)
      : await entry.read({ start: tableOffset, end: tableOffset + tableLength });
  if (!table || !decodeTable(table, trailer)) return 'unreadable';
  // Kept once: it may have a hundred megabytes.
  const kept = Buffer.concat([table, end.subarray(-TRAILER_SIZE)]);
  return { end: kept, entries: () => decodeTable(kept.subarray(0, tableLength), trailer)?.all() ?? [] };
}

/** Stored bytes of the pack that are needed; those that lie inside of others count once. `entries`: ascending by offset. */
export function neededBytes(entries: Iterable<PackEntry>, isNeeded: IsNeeded): number {
  let [bytes, reached] = [0, 0];
  for (const entry of entries) {
    if (!isNeeded(entry)) continue;
    const end = entry.offset + entry.compressedSize;
    bytes += Math.max(0, end - Math.max(entry.offset, reached));
    reached = Math.max(reached, end);
  }
  return bytes;
}

export function isAnyNeeded(entries: Iterable<PackEntry>, isNeeded: IsNeeded): boolean {
  for (const entry of entries) if (isNeeded(entry)) return true;
  return false;
}
