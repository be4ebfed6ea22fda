// What inspect and diff print: for people and for programs. Pure.
import { count, formatBytes, formatShare } from '../progress/figures.ts';
import { oneLine } from '../progress/plain-text.ts';
import type { ComparedImages, Difference } from '../pull/compare.ts';
import type { InspectedImage, InspectedLayer } from '../pull/inspect.ts';

const SHORT_HEX = 12;

/** Without a line break at its end. */
export function renderInspection({ image, platform, layers, from }: InspectedImage): string {
  const size = sum(layers, ({ compressedSize }) => compressedSize);
  const rows = layers.map((layer, index) => [String(index + 1), ...cellsOf(layer)]);
  const update = from === undefined ? [] : ['update'];
  const table = alignColumns([['#', 'layer', 'format', 'size', 'chunks', ...update], ...rows]);
  const lines = [
    `${image} (${platform})`,
    `${formatBytes(size)} in ${count(layers.length, 'layer')}`,
    '',
    ...table,
  ];
  if (from === undefined) return clean(lines);
  const cost = sum(layers, (layer) => layer.update?.bytes ?? 0);
  return clean([...lines, '', `an update from ${from} downloads about ${formatShare(cost, size)}`]);
}

function cellsOf({ digest, format, compressedSize, chunks, reason, update }: InspectedLayer): string[] {
  const parts = chunks === undefined ? `none${reason === undefined ? '' : ` (${reason})`}` : String(chunks);
  const cost = update === undefined ? [] : [`${update.way}, ${formatBytes(update.bytes)}`];
  return [shorten(digest), format, formatBytes(compressedSize), parts, ...cost];
}

/** The object that --json prints. */
export function toInspectionJson({ image, platform, digest, indexDigest, layers, from }: InspectedImage) {
  const size = sum(layers, ({ compressedSize }) => compressedSize);
  const cost = sum(layers, (layer) => layer.update?.bytes ?? 0);
  return {
    image,
    digest,
    'index-digest': indexDigest ?? null,
    platform,
    'bytes-total': size,
    layers: layers.map((layer) => ({
      digest: layer.digest,
      'diff-id': layer.diffId,
      'media-type': layer.mediaType,
      format: layer.format,
      'compressed-size': layer.compressedSize,
      chunks: layer.chunks ?? null,
      reason: layer.reason ?? null,
      update: layer.update ?? null,
    })),
    from: from ?? null,
    'update-bytes': from === undefined ? null : cost,
  };
}

const SIGNS = { added: '+', removed: '-', changed: '~' } as const;

/** Without a line break at its end. */
export function renderComparison({ before, after, differences, update }: ComparedImages): string {
  const kinds = (['added', 'removed', 'changed'] as const).map((kind) => {
    const found = differences.filter((difference) => difference.kind === kind);
    return `${found.length} ${kind} (${formatBytes(sum(found, bytesOf))})`;
  });
  return clean([
    `from ${before}`,
    `to   ${after}`,
    ...differences.map(lineOf),
    kinds.join(', '),
    `an update downloads about ${formatShare(update.bytes, update.of)}`,
  ]);
}

function lineOf(difference: Difference): string {
  const start = `${SIGNS[difference.kind]} ${pathOf(difference)}`;
  if (difference.kind !== 'changed') {
    const { kind, size } = difference.entry;
    return kind === 'file' ? `${start}  ${formatBytes(size)}` : `${start}  ${kind}`;
  }
  const { before, after, aspects } = difference;
  const sizes =
    before.size === after.size ? '' : `, ${formatBytes(before.size)} to ${formatBytes(after.size)}`;
  return `${start}  ${aspects.join(', ')}${sizes}`;
}

/** The object that --json prints. */
export function toComparisonJson({ before, after, differences, update }: ComparedImages) {
  return {
    from: before,
    to: after,
    differences: differences.map((difference) => ({
      change: difference.kind,
      path: pathOf(difference),
      ...(difference.kind === 'changed'
        ? { aspects: difference.aspects, 'size-before': difference.before.size, size: difference.after.size }
        : { type: difference.entry.kind, size: difference.entry.size }),
    })),
    'update-bytes': update.bytes,
    'bytes-total': update.of,
  };
}

function pathOf(difference: Difference): string {
  const { path } = difference.kind === 'changed' ? difference.after : difference.entry;
  return `/${Buffer.from(path, 'latin1').toString('utf8')}`;
}

/** What there is of it now, or was. */
function bytesOf(difference: Difference): number {
  return difference.kind === 'changed' ? difference.after.size : difference.entry.size;
}

function shorten(digest: string): string {
  return digest.replace(/(?<=:)\w+$/, (hex) => hex.slice(0, SHORT_HEX));
}

function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows.reduce<number[]>(
    (most, row) => row.map((cell, column) => Math.max(most[column] ?? 0, cell.length)),
    [],
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function sum<T>(items: readonly T[], measure: (item: T) => number): number {
  return items.reduce((total, item) => total + measure(item), 0);
}

function clean(lines: readonly string[]): string {
  return lines.map((line) => oneLine(line)).join('\n');
}
