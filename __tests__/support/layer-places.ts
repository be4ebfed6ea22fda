// Where the parts of a zstd:chunked layer lie in its blob, read from its annotations and its table of contents alone.
import { zstdDecompressSync } from 'node:zlib';
import type { Descriptor } from '../../src/oci/descriptor.ts';

const PREFIX = 'io.github.containers.zstd-chunked.';

interface TocEntry {
  readonly offset?: number;
  readonly endOffset?: number;
}

/**
 * Each an offset in the blob: inside of the largest file and of the largest gap, of the TOC and of the tar-split.
 * The chunk of the large layer of the fixtures is one that v1 and v2 share.
 */
export interface LayerPlaces {
  readonly chunk: number;
  readonly gap: number;
  readonly toc: number;
  readonly tarSplit: number;
}

export function layerPlaces({ annotations }: Descriptor, blob: Buffer): LayerPlaces {
  const position = (name: string) => (annotations[`${PREFIX}${name}`] ?? '').split(':').map(Number);
  const [toc = 0, length = 0] = position('manifest-position');
  const [tarSplit = 0] = position('tarsplit-position');
  const json = zstdDecompressSync(blob.subarray(toc, toc + length)).toString();
  const { entries } = JSON.parse(json) as { entries: readonly TocEntry[] };
  const [chunk, gap] = [
    { at: 0, length: 0 },
    { at: 0, length: 0 },
  ];
  let end = 0;
  for (const { offset, endOffset } of entries) {
    if (offset === undefined || endOffset === undefined) continue;
    keepLonger(gap, end, offset);
    keepLonger(chunk, offset, endOffset);
    end = endOffset;
  }
  return { chunk: inside(chunk), gap: inside(gap), toc: toc + 99, tarSplit: tarSplit + 99 };
}

interface Stretch {
  at: number;
  length: number;
}

function keepLonger(longest: Stretch, start: number, end: number): void {
  if (end - start > longest.length) Object.assign(longest, { at: start, length: end - start });
}

function inside({ at, length }: Stretch): number {
  return at + Math.floor(length / 4);
}
