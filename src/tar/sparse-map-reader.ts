// Reads the map that stands in front of the data of a sparse file of pax form 1.0: decimal numbers, one a line, in whole blocks.
import type { Block } from './header.ts';
import { addRegion, badMap, type SparseRegion } from './sparse.ts';

const MAX_DIGITS = 16;
const NEWLINE = 0x0a;

/** The map ends with its last number; the rest of that block is padding. */
export class SparseMapReader {
  readonly #regions: SparseRegion[];
  #count: number | undefined;
  #offset: number | undefined;
  #value = 0;
  #digits = 0;

  constructor(regions: SparseRegion[]) {
    this.#regions = regions;
  }

  /** Takes a block of the map. Returns whether one more follows. */
  push({ bytes }: Block): boolean {
    for (const byte of bytes) {
      if (byte !== NEWLINE) this.#addDigit(byte - 0x30);
      else if (this.#endNumber()) return false;
    }
    return true;
  }

  #addDigit(digit: number): void {
    if (digit < 0 || digit > 9 || ++this.#digits > MAX_DIGITS)
      throw badMap('its map holds something that is no number');
    this.#value = this.#value * 10 + digit;
  }

  /** Returns whether that was the last number of the map. */
  #endNumber(): boolean {
    const value = this.#value;
    if (this.#digits === 0 || !Number.isSafeInteger(value))
      throw badMap('its map holds something that is no number');
    this.#value = 0;
    this.#digits = 0;
    if (this.#count === undefined) this.#count = value;
    else if (this.#offset === undefined) this.#offset = value;
    else {
      addRegion(this.#regions, { offset: this.#offset, length: value });
      this.#offset = undefined;
    }
    return this.#regions.length === this.#count && this.#offset === undefined;
  }
}
