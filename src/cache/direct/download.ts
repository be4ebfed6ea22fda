// Brings a blob, or ranges of it, into a file: in parts, several at a time, never more of it in memory than is on its way.
import type { FileHandle } from 'node:fs/promises';
import type { ByteRange } from '../../bytes/range.ts';
import { forEachUntilFailure } from '../parallel.ts';
import { PlacedWriter } from './placed-writer.ts';
import type { ReadOptions, RemoteBlob } from './remote-blob.ts';

/**
 * What one request asks for. On loopback 4 × 4 to 64 MiB × 4 restored 300 MB in 1.1 to 1.7 s, no two of them further apart than runs of
 * one; so it is small, because a cut connection and a stuck one cost what is left of a part. docs/performance.md, "The Actions cache".
 */
export const PART_BYTES = 8 << 20;
/** Bodies on their way at the same time, of all entries of a job. */
export const PARALLEL_READS = 8;

/** Writes the whole blob to `file`, which is empty. Returns its size. Throws as RemoteBlob.read, or what the system throws. */
export async function copyWhole(blob: RemoteBlob, file: FileHandle, signal: AbortSignal): Promise<number> {
  const opened = Promise.withResolvers<void>();
  const first = (stop: AbortSignal) =>
    copyRange(blob, { start: 0, end: PART_BYTES }, file, {
      signal: stop,
      onOpen: opened.resolve,
      orWhole: true,
    }).finally(opened.resolve);
  // The first answer tells the size, and its body is on its way while the others are asked for.
  const others = async (stop: AbortSignal) => {
    await opened.promise;
    const rest = { start: PART_BYTES, end: blob.ignoresRanges ? 0 : (blob.size ?? 0) };
    await copyParts(blob, partsOf([rest]), file, stop);
  };
  await forEachUntilFailure([first, others], { limit: 2, signal }, (work, stop) => work(stop));
  return blob.size ?? 0;
}

/** Writes these ranges, sorted and disjoint, to the same places of `file`. Throws as copyWhole. */
export async function copyRanges(
  blob: RemoteBlob,
  ranges: readonly ByteRange[],
  file: FileHandle,
  signal: AbortSignal,
): Promise<void> {
  const [first, ...others] = partsOf(ranges);
  if (!first) return;
  await copyRange(blob, first, file, { signal });
  const [next, last] = [others[0], others.at(-1)];
  // Each request would bring everything: one has to do, gaps included.
  const isSingle = blob.ignoresRanges && next && last;
  await copyParts(blob, isSingle ? [{ start: next.start, end: last.end }] : others, file, signal);
}

function copyParts(
  blob: RemoteBlob,
  parts: readonly ByteRange[],
  file: FileHandle,
  signal: AbortSignal,
): Promise<void> {
  return forEachUntilFailure(parts, { limit: PARALLEL_READS, signal }, (part, stop) =>
    copyRange(blob, part, file, { signal: stop }),
  );
}

/** Nothing is written any more once this has returned. */
async function copyRange(
  blob: RemoteBlob,
  range: ByteRange,
  file: FileHandle,
  options: ReadOptions,
): Promise<void> {
  const writer = new PlacedWriter(file, range.start);
  await blob.read(range, (bytes) => writer.write(bytes), options);
  await writer.flush();
}

export function partsOf(ranges: readonly ByteRange[], partBytes = PART_BYTES): ByteRange[] {
  return ranges.flatMap(({ start, end }) =>
    Array.from({ length: Math.max(0, Math.ceil((end - start) / partBytes)) }, (_, index) => {
      const from = start + index * partBytes;
      return { start: from, end: Math.min(end, from + partBytes) };
    }),
  );
}
