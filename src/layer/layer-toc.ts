// Reads a table of contents of either dialect. Which of them it is shows in the document itself: annotations and footers do not tell.
import type { Digest } from '../oci/digest.ts';
import type { ChunkTable } from './chunk-table.ts';
import { stargzChunksOf } from './stargz-toc.ts';
import { chunksOf } from './toc.ts';
import { type PlacedEntry, parseTocDocument, type TocDocument, type UnusableToc } from './toc-document.ts';

/** containers: podman, skopeo, buildah. stargz: stargz-snapshotter, nerdctl, BuildKit. */
export type TocDialect = 'containers' | 'stargz';

export interface LayerToc {
  readonly kind: 'toc';
  readonly dialect: TocDialect;
  /** By chunk: where it begins in what its stored bytes decode to. Absent where they decode to the chunk and nothing else. */
  readonly innerOffsets: Float64Array | undefined;
  readonly table: ChunkTable;
  readonly tarSplitDigest: Digest | undefined;
  /** For tocEntries. */
  readonly document: TocDocument;
}

/** `dataEnd`: what is stored of chunks has to lie in [0, dataEnd) of the blob. Never throws for bad content. */
export function parseLayerToc(json: string, dataEnd: number): LayerToc | UnusableToc {
  const document = parseTocDocument(json);
  if (document.kind === 'unusable') return document;
  const dialect = dialectOf(document);
  const { tarSplitDigest } = document;
  if (dialect === 'containers') {
    const toc = chunksOf(document, dataEnd);
    return toc.kind === 'toc'
      ? { kind: 'toc', dialect, document, table: toc.table, innerOffsets: undefined, tarSplitDigest }
      : toc;
  }
  const toc = stargzChunksOf(document, dataEnd);
  if (toc.kind === 'unusable') return toc;
  const { table, innerOffsets } = toc;
  return { kind: 'toc', dialect, document, table, innerOffsets, tarSplitDigest: undefined };
}

/** Only the containers dialect says where a file ends in the blob. Without any content, either reading is right. */
function dialectOf({ entries, tarSplitDigest }: TocDocument): TocDialect {
  if (tarSplitDigest !== undefined) return 'containers';
  const file = entries.find(
    (entry) => (entry as PlacedEntry | null)?.type === 'reg' && Boolean((entry as PlacedEntry).size),
  ) as PlacedEntry | undefined;
  return file && file.endOffset === undefined ? 'stargz' : 'containers';
}
