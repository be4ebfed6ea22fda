// Half-open byte ranges. The inclusive form exists only on the HTTP wire.

export interface ByteRange {
  /** First byte. */
  readonly start: number;
  /** One past the last byte. */
  readonly end: number;
}

export function rangeLength(range: ByteRange): number {
  return range.end - range.start;
}

/** Is `inner` wholly inside of `outer`? */
export function containsRange(outer: ByteRange, inner: ByteRange): boolean {
  return inner.start >= outer.start && inner.end <= outer.end;
}
