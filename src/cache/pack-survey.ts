// What is in a pack of the remote cache, read from the table at its end, before any of its chunks is fetched.
import { decodeTable, decodeTrailer, type PackEntry, TRAILER_SIZE } from '../store/pack-format.ts';
import { MAX_READ_BYTES, type OpenEntry } from './blob-cache.ts';

/** Is a chunk of this name one that the image needs? `hex`: its sha256. */
export type IsNeeded = (chunk: Pick<PackEntry, 'form' | 'hex'>) => boolean;

/** The tables of most packs are shorter; what they are longer by takes one more request. */
const FIRST_READ_BYTES = 256 << 10;

/** Its entries, or undefined where it cannot be read or is no pack. `size`: bytes that it should have. */
export async function surveyPack(entry: OpenEntry, size: number): Promise<readonly PackEntry[] | undefined> {
  const start = Math.max(0, size - FIRST_READ_BYTES);
  const end = await entry.read({ start, end: size });
  if (!end || end.length < TRAILER_SIZE) return undefined;
  const trailer = decodeTrailer(end.subarray(-TRAILER_SIZE), size);
  if (!trailer || trailer.tableLength > MAX_READ_BYTES) return undefined;
  const { tableOffset, tableLength } = trailer;
  const table =
    tableOffset >= start
      ? end.subarray(tableOffset - start, tableOffset - start + tableLength)
      : await entry.read({ start: tableOffset, end: tableOffset + tableLength });
  const decoded = table && decodeTable(table, trailer);
  return decoded && [...decoded.blobs, ...decoded.others()];
}

/** Stored bytes of the pack that are needed; those that lie inside of others count once. */
export function neededBytes(entries: readonly PackEntry[], isNeeded: IsNeeded): number {
  let [bytes, reached] = [0, 0];
  const needed = entries.filter(isNeeded).toSorted((a, b) => a.offset - b.offset);
  for (const { offset, compressedSize } of needed) {
    const end = offset + compressedSize;
    bytes += Math.max(0, end - Math.max(offset, reached));
    reached = Math.max(reached, end);
  }
  return bytes;
}
