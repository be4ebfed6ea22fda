// What would make the next pull of this image cheaper, where that can be told from this one. Pure.
import { count, formatBytes } from '../progress/figures.ts';
import type { LayerReport, PullResult } from '../pull/result.ts';

/** Less is not worth a change of how an image is pushed. */
const MIN_BYTES = 10_000_000;

/** A sentence or two each, most useful first. Nothing is promised that this pull has not shown. */
export function adviceOn(result: PullResult): string[] {
  return [...pushChunked(result), ...couldBeParts(result)];
}

/** Plain layers that were downloaded: as zstd:chunked they would be fetched in parts. */
function pushChunked({ layers }: PullResult): string[] {
  const plain = layers.filter(({ format, bytesDownloaded }) => isPlain(format) && bytesDownloaded > 0);
  const bytes = sumDownloaded(plain);
  if (bytes < MIN_BYTES) return [];
  const formats = [...new Set(plain.map(({ format }) => format))].join(' and ');
  return [
    `${formatBytes(bytes)} came in ${count(plain.length, `${formats} layer`)}, which can be had only as a whole: whatever changes in such a layer, ` +
      'all of it is downloaded again. Pushed as zstd:chunked, an update costs the files that changed ' +
      '(podman push --compression-format zstd:chunked --force-compression; see Images that update cheaply in the README). ' +
      'oci-pull diff OLD NEW tells how much that is for two versions of an image',
  ];
}

/** Chunked layers that had to be taken whole for a reason of their own. */
function couldBeParts({ layers }: PullResult): string[] {
  const spoilt = layers.filter(({ reason, bytesDownloaded }) => reason !== undefined && bytesDownloaded > 0);
  const bytes = sumDownloaded(spoilt);
  if (bytes < MIN_BYTES) return [];
  return [
    `${formatBytes(bytes)} came in ${count(spoilt.length, 'layer')} that could be fetched in parts, but for the reason in the table`,
  ];
}

function isPlain(format: LayerReport['format']): boolean {
  return format === 'gzip' || format === 'zstd' || format === 'tar';
}

function sumDownloaded(layers: readonly LayerReport[]): number {
  return layers.reduce((sum, { bytesDownloaded }) => sum + bytesDownloaded, 0);
}
