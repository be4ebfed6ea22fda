// Figures of an image, from the tables of contents of its zstd:chunked form: entries, chunks, what an update needs.
// https://github.com/containers/storage/blob/main/docs/containers-storage-zstd-chunked.md
import { open, stat } from 'node:fs/promises';
import { zstdDecompressSync } from 'node:zlib';
import { type Blob, layerBlobs } from './layout.ts';

export interface LayerFigures {
  readonly compressedSize: number;
  readonly entries: number;
  readonly files: number;
  /** Table of contents and tar-split, compressed, bytes. */
  readonly metadataSize: number;
}

export interface ImageFigures {
  readonly layers: readonly LayerFigures[];
  /** Compressed size of each chunk, by its digest. */
  readonly chunks: ReadonlyMap<string, number>;
}

interface TocEntry {
  readonly type: string;
  readonly digest?: string;
  readonly chunkDigest?: string;
  readonly offset?: number;
  readonly endOffset?: number;
}

const MANIFEST_POSITION = 'io.github.containers.zstd-chunked.manifest-position';
const TAR_SPLIT_POSITION = 'io.github.containers.zstd-chunked.tarsplit-position';

export async function imageFigures(layout: string, tag: string): Promise<ImageFigures> {
  const layers: LayerFigures[] = [];
  const chunks = new Map<string, number>();
  for (const blob of await layerBlobs(layout, tag)) {
    const entries = await readToc(blob);
    addChunks(chunks, entries);
    layers.push({
      compressedSize: blob.size,
      entries: entries.filter(({ type }) => type !== 'chunk').length,
      files: entries.filter(({ type }) => type === 'reg').length,
      metadataSize: position(blob, MANIFEST_POSITION).length + position(blob, TAR_SPLIT_POSITION).length,
    });
  }
  return { layers, chunks };
}

/** Number and compressed bytes of the chunks that `to` has and `from` has not. */
export function missingChunks(from: ImageFigures, to: ImageFigures): { count: number; size: number } {
  const sizes = [...to.chunks].filter(([digest]) => !from.chunks.has(digest)).map(([, size]) => size);
  return { count: sizes.length, size: sum(sizes) };
}

/** Markdown lines about an image and its update. */
export async function describeImage(layout: string, tars: readonly string[]): Promise<string[]> {
  const [v1, v2] = [await imageFigures(layout, 'v1'), await imageFigures(layout, 'v2')];
  const size = sum(await Promise.all(tars.map(async (tar) => (await stat(tar)).size)));
  const needed = missingChunks(v1, v2);
  const metadata = sum(v2.layers.map(({ metadataSize }) => metadataSize));
  const share = ((100 * needed.count) / v2.chunks.size).toFixed(1);
  return [
    `Image v1: ${v1.layers.length} layers, ${sum(v1.layers.map(({ entries }) => entries))} entries ` +
      `(${sum(v1.layers.map(({ files }) => files))} files), ${megabytes(size)} uncompressed, ` +
      `${megabytes(sum(v1.layers.map(({ compressedSize }) => compressedSize)))} as zstd:chunked.`,
    `Update to v2: ${needed.count} of ${v2.chunks.size} chunks are new (${share} %): ${megabytes(needed.size)}, ` +
      `and ${megabytes(metadata)} of metadata, ` +
      `of ${megabytes(sum(v2.layers.map(({ compressedSize }) => compressedSize)))}.`,
  ];
}

async function readToc(blob: Blob): Promise<TocEntry[]> {
  const { offset, length } = position(blob, MANIFEST_POSITION);
  const file = await open(blob.path);
  try {
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, offset);
    const toc: { entries: TocEntry[] | null } = JSON.parse(zstdDecompressSync(buffer).toString());
    return toc.entries ?? [];
  } finally {
    await file.close();
  }
}

/** `offset:length:lengthUncompressed:type`; nothing where the annotation is absent. */
function position(blob: Blob, annotation: string): { offset: number; length: number } {
  const [offset = 0, length = 0] = (blob.annotations?.[annotation] ?? '').split(':').map(Number);
  return { offset, length };
}

/** A file of one chunk has no chunk digest; the last chunk of a file ends where the file does. */
function addChunks(chunks: Map<string, number>, entries: readonly TocEntry[]): void {
  let fileEnd = 0;
  for (const [index, { type, digest, chunkDigest, offset, endOffset }] of entries.entries()) {
    if (offset === undefined || (type !== 'reg' && type !== 'chunk')) continue;
    fileEnd = endOffset ?? fileEnd;
    const next = entries[index + 1];
    const end = next?.type === 'chunk' ? (next.offset ?? fileEnd) : fileEnd;
    const name = chunkDigest ?? digest;
    if (name !== undefined && !chunks.has(name)) chunks.set(name, end - offset);
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
