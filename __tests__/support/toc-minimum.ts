// Counts from the TOCs alone what an update has to download, independently of the code under test.
import { zstdDecompressSync } from 'node:zlib';
import { fixtureImage } from './fixture-image.ts';

interface TocEntry {
  readonly type: string;
  readonly offset?: number;
  readonly endOffset?: number;
  readonly digest?: string;
  readonly chunkDigest?: string;
}

interface LayerFacts {
  /** Digest of the content → compressed size. */
  readonly chunks: ReadonlyMap<string, number>;
  /** TOC and tar-split, compressed. */
  readonly metadata: number;
}

const PREFIX = 'io.github.containers.zstd-chunked.';

function layerFacts(blob: Buffer, annotations: Readonly<Record<string, string>>): LayerFacts {
  const position = (name: string) => (annotations[`${PREFIX}${name}`] ?? '').split(':').map(Number);
  const [offset = 0, length = 0] = position('manifest-position');
  const [, tarSplitLength = 0] = position('tarsplit-position');
  const toc = JSON.parse(zstdDecompressSync(blob.subarray(offset, offset + length)).toString()) as {
    entries: TocEntry[];
  };
  const chunks = new Map<string, number>();
  let fileEnd = 0;
  toc.entries.forEach((entry, index) => {
    if (entry.type === 'reg') fileEnd = entry.endOffset ?? 0;
    if (entry.offset === undefined) return;
    const next = toc.entries[index + 1];
    const end = next?.type === 'chunk' ? (next.offset ?? 0) : fileEnd;
    chunks.set(entry.chunkDigest ?? entry.digest ?? '', end - entry.offset);
  });
  return { chunks, metadata: length + tarSplitLength };
}

function imageFacts(tag: string): LayerFacts[] {
  const image = fixtureImage(tag, 'zstd-chunked');
  return image.layers.map((layer) => layerFacts(image.bytes(layer), layer.annotations));
}

/** Compressed bytes of the chunks of `to` that `from` lacks, each once, plus the metadata of all layers of `to`. */
export function updateMinimum(from: string, to: string): number {
  const known = new Set(imageFacts(from).flatMap(({ chunks }) => [...chunks.keys()]));
  let bytes = 0;
  for (const { chunks, metadata } of imageFacts(to)) {
    bytes += metadata;
    for (const [digest, size] of chunks) {
      if (!known.has(digest)) bytes += size;
      known.add(digest);
    }
  }
  return bytes;
}
