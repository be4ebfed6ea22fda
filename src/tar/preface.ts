// What stands in front of a header and is about the next entry only: pax records and GNU's long names.
import { PullError } from '../errors.ts';
import { textAt } from './header.ts';
import { MAX_EXTENDED_HEADER } from './limits.ts';
import { type PaxRecords, parsePax } from './pax.ts';

export interface Preface {
  readonly pax?: PaxRecords;
  readonly longName?: string;
  readonly longLink?: string;
}

/** pax, and GNU's long name and long link name. A second one of a kind replaces the first, as in Go's archive/tar. */
export type PrefaceType = 'x' | 'L' | 'K';

export const NO_PREFACE: Preface = {};

export function isPrefaceType(type: string): type is PrefaceType {
  return type === 'x' || type === 'L' || type === 'K';
}

/** Collects the bytes of one extended header. */
export class PrefaceReader {
  readonly #type: PrefaceType;
  readonly #bytes: Buffer;
  #filled = 0;

  /** Throws LIMIT_EXCEEDED if the header is too long. */
  constructor(type: PrefaceType, size: number) {
    if (size > MAX_EXTENDED_HEADER)
      throw new PullError(
        'LIMIT_EXCEEDED',
        `an extended tar header of ${size} bytes is longer than ${MAX_EXTENDED_HEADER}`,
      );
    this.#type = type;
    this.#bytes = Buffer.allocUnsafe(size);
  }

  get isComplete(): boolean {
    return this.#filled === this.#bytes.length;
  }

  /** Takes bytes from `at` on and returns where it stopped. */
  push(slice: Buffer, at: number): number {
    const copied = slice.copy(this.#bytes, this.#filled, at);
    this.#filled += copied;
    return at + copied;
  }

  addTo(preface: Preface): Preface {
    if (this.#type === 'x') return { ...preface, pax: parsePax(this.#bytes) };
    const name = textAt(this.#bytes, 0, this.#bytes.length);
    return this.#type === 'L' ? { ...preface, longName: name } : { ...preface, longLink: name };
  }
}
