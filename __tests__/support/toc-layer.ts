// A layer as its table of contents has it, made of a tar stream: one chunk for each file that is not empty.
import type { TocEntry } from '../../src/layer/toc-entries.ts';
import type { TarEntry } from '../../src/tar/entry.ts';
import { createTarReader } from '../../src/tar/reader.ts';

export interface TocLayer {
  readonly entries: readonly TocEntry[];
  /** By entry; empty for what is no file. */
  readonly contents: readonly Buffer[];
}

export function tocLayer(tar: Uint8Array): TocLayer {
  const found: { entry: TarEntry; content: Buffer }[] = [];
  const reader = createTarReader({
    entry: (entry) => found.push({ entry, content: Buffer.alloc(entry.size) }),
    data: (bytes, position) => found.at(-1)?.content.set(bytes, position),
    end: () => undefined,
  });
  reader.push(tar);
  reader.finish();
  let chunk = 0;
  return {
    entries: found.map(({ entry }) => {
      const firstChunk = chunk;
      if (entry.size > 0) chunk++;
      return { entry, firstChunk, endChunk: chunk, isOwn: false };
    }),
    contents: found.map(({ content }) => content),
  };
}
