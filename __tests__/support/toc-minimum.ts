// Counts from the TOCs alone what an update has to download, independently of the code under test.
import { zstdDecompressSync } from 'node:zlib';
import { fixtureImage } from './fixture-image.ts';

interface TocEntry {
  readonly type: string;
  readonly name: string;
  readonly offset?: number;
  readonly endOffset?: number;
  readonly digest?: string;
  readonly chunkDigest?: string;
}

interface LayerFacts {
  /** Digest of the content → compressed size. */
  readonly chunks: ReadonlyMap<string, number>;
  /** Compressed bytes of the TOC, and of TOC and tar-split. */
  readonly toc: number;
  readonly metadata: number;
  /** Digest of the content → names of the files that hold it. */
  readonly files: ReadonlyMap<string, ReadonlySet<string>>;
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
  const files = new Map<string, Set<string>>();
  let fileEnd = 0;
  toc.entries.forEach((entry, index) => {
    if (entry.type === 'reg') fileEnd = entry.endOffset ?? 0;
    if (entry.offset === undefined) return;
    const next = toc.entries[index + 1];
    const end = next?.type === 'chunk' ? (next.offset ?? 0) : fileEnd;
    const digest = entry.chunkDigest ?? entry.digest ?? '';
    chunks.set(digest, end - entry.offset);
    files.set(digest, (files.get(digest) ?? new Set()).add(entry.name.replace(/^\.?\//, '')));
  });
  return { chunks, toc: length, metadata: length + tarSplitLength, files };
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

/** As updateMinimum, where only some files are needed, and of the metadata the TOC: `isNeeded` is asked by name and layer. */
export function partMinimum(
  { from, to }: { readonly from?: string; readonly to: string },
  isNeeded: (name: string, layer: number, tag: string) => boolean,
): number {
  const neededOf = (tag: string) =>
    imageFacts(tag).map(({ chunks, files, toc }, layer) => {
      const isWanted = (digest: string) =>
        [...(files.get(digest) ?? [])].some((name) => isNeeded(name, layer, tag));
      return { chunks: [...chunks].filter(([digest]) => isWanted(digest)), toc };
    });
  const before = from === undefined ? [] : neededOf(from);
  const known = new Set(before.flatMap(({ chunks }) => chunks.map(([digest]) => digest)));
  let bytes = 0;
  for (const { chunks, toc } of neededOf(to)) {
    bytes += toc;
    for (const [digest, size] of chunks) {
      if (!known.has(digest)) bytes += size;
      known.add(digest);
    }
  }
  return bytes;
}

/** By layer: the regular files that its table of contents names. */
export function namedFiles(tag: string): ReadonlySet<string>[] {
  return imageFacts(tag).map(({ files }) => new Set([...files.values()].flatMap((names) => [...names])));
}
