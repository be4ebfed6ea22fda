// The Content-Range header of a single part. https://www.rfc-editor.org/rfc/rfc9110#name-content-range
import type { ByteRange } from '../bytes/range.ts';

export interface ContentRange {
  /** Half-open; absent in a 416. */
  readonly range: ByteRange | undefined;
  /** Length of the whole; undefined where the server does not know it. */
  readonly total: number | undefined;
}

/** undefined: not a byte range that makes sense. */
export function parseContentRange(value: string | undefined): ContentRange | undefined {
  const [, first, last, whole] =
    /^bytes +(?:(\d{1,15})-(\d{1,15})|\*)\/(\d{1,15}|\*)$/i.exec(value?.trim() ?? '') ?? [];
  if (whole === undefined) return undefined;
  const total = whole === '*' ? undefined : Number(whole);
  if (first === undefined) return { range: undefined, total };
  const range = { start: Number(first), end: Number(last) + 1 };
  return range.start < range.end && range.end <= (total ?? range.end) ? { range, total } : undefined;
}

/** The wire form of a half-open range: always closed, since open and suffix ranges are not served everywhere. */
export function rangeHeader({ start, end }: ByteRange): string {
  return `bytes=${start}-${end - 1}`;
}
