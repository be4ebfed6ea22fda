// Reads a tar stream that is pushed in slices of any size, and calls a handler for every entry.
import { PullError } from '../errors.ts';
import { buildEntry } from './build-entry.ts';
import type { TarEntry, TarHandler } from './entry.ts';
import { FileBody } from './file-body.ts';
import {
  BLOCK_SIZE,
  type Block,
  decodeHeader,
  isGnuHeader,
  isZeroBlock,
  newBlock,
  type TarHeader,
} from './header.ts';
import type { PaxRecords } from './pax.ts';
import { isPrefaceType, NO_PREFACE, PrefaceReader } from './preface.ts';
import { addOldExtension, badMap, oldSparse, paxSparse, type SparseRegion } from './sparse.ts';
import { SparseMapReader } from './sparse-map-reader.ts';

export interface TarReader {
  /**
   * Takes the next bytes; they are read during the call only. Throws TAR_INVALID or LIMIT_EXCEEDED, and what the
   * handler throws; after that the reader is of no use. Bytes after the end-of-archive marker are ignored.
   */
  push(bytes: Uint8Array): void;
  /** The stream is over. Throws TAR_INVALID if it ended inside of an entry. */
  finish(): void;
  /** Where the header read last stands in the stream, in bytes. */
  readonly position: number;
}

export function createTarReader(handler: TarHandler): TarReader {
  return new Reader(handler);
}

class Reader implements TarReader {
  readonly #handler: TarHandler;
  readonly #body: FileBody;
  /** What the next bytes are; `regions` are blocks with more of a sparse file's map. */
  #state: 'header' | 'preface' | 'regions' | 'data' | 'skip' | 'ended' = 'header';
  /** Bytes pushed before the current slice. */
  #consumed = 0;
  #headerAt = 0;
  #zeroBlocks = 0;
  /** The block that is being read, and how much of it is there. */
  readonly #block = newBlock();
  #filled = 0;
  /** Bytes to skip once the current data is over, or while skipping. */
  #skipping = 0;
  #preface = NO_PREFACE;
  #prefaceReader: PrefaceReader | undefined;
  /** Takes a block with regions, returns whether one more follows. */
  #readRegions: (block: Block) => boolean = () => false;
  #startFile: () => void = () => {};

  constructor(handler: TarHandler) {
    this.#handler = handler;
    this.#body = new FileBody(handler);
  }

  get position(): number {
    return this.#headerAt;
  }

  push(bytes: Uint8Array): void {
    const slice = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    while (at < slice.length && this.#state !== 'ended') at = this.#step(slice, at);
    this.#consumed += slice.length;
  }

  finish(): void {
    if (this.#state === 'ended') return;
    if (this.#state !== 'header' || this.#filled > 0 || this.#preface !== NO_PREFACE)
      throw new PullError(
        'TAR_INVALID',
        `the tar stream ends after ${this.#consumed} bytes, inside of an entry`,
      );
  }

  /** Handles some of the bytes from `at` on and returns where it stopped. */
  #step(slice: Buffer, at: number): number {
    if (this.#state === 'data') return this.#takeData(slice, at);
    if (this.#state === 'skip') return this.#takeSkipped(slice, at);
    if (this.#state === 'preface' && this.#prefaceReader)
      return this.#takePreface(slice, at, this.#prefaceReader);
    return this.#takeBlock(slice, at);
  }

  #takeData(slice: Buffer, at: number): number {
    const end = this.#body.push(slice, at);
    if (this.#body.isComplete) this.#skip();
    return end;
  }

  #takeSkipped(slice: Buffer, at: number): number {
    const end = Math.min(slice.length, at + this.#skipping);
    this.#skipping -= end - at;
    if (this.#skipping === 0) this.#state = 'header';
    return end;
  }

  #takePreface(slice: Buffer, at: number, reader: PrefaceReader): number {
    const end = reader.push(slice, at);
    if (reader.isComplete) this.#endPreface(reader);
    return end;
  }

  #takeBlock(slice: Buffer, at: number): number {
    if (this.#filled === 0 && this.#state === 'header') this.#headerAt = this.#consumed + at;
    const copied = slice.copy(this.#block.bytes, this.#filled, at);
    this.#filled += copied;
    if (this.#filled === BLOCK_SIZE) this.#onBlock();
    return at + copied;
  }

  #onBlock(): void {
    this.#filled = 0;
    if (this.#state === 'regions') {
      if (!this.#readRegions(this.#block)) this.#startFile();
    } else if (this.#block.words[0] === 0 && isZeroBlock(this.#block)) this.#onZeroBlock();
    else this.#onHeader();
  }

  /** Two end the archive. A single one may stand at the very end of the stream. */
  #onZeroBlock(): void {
    if (this.#preface !== NO_PREFACE)
      throw new PullError('TAR_INVALID', 'the archive ends after an extended header that is about no entry');
    if (++this.#zeroBlocks === 2) this.#state = 'ended';
  }

  #onHeader(): void {
    if (this.#zeroBlocks > 0)
      throw new PullError('TAR_INVALID', 'a single zero block stands between entries of the archive');
    const header = decodeHeader(this.#block);
    if (isPrefaceType(header.type))
      this.#startPreface(new PrefaceReader(header.type, header.size), header.size);
    else if (header.type === 'g') this.#skip(header.size + paddingOf(header.size));
    else this.#onEntry(header);
  }

  /** What is pending is about the next entry, not about this header (CVE-2026-53655): its size is its own. */
  #startPreface(reader: PrefaceReader, size: number): void {
    this.#prefaceReader = reader;
    this.#skipping = paddingOf(size);
    this.#state = 'preface';
    if (reader.isComplete) this.#endPreface(reader);
  }

  #endPreface(reader: PrefaceReader): void {
    this.#preface = reader.addTo(this.#preface);
    this.#prefaceReader = undefined;
    this.#skip();
  }

  #onEntry(header: TarHeader): void {
    const { pax } = this.#preface;
    const entry = buildEntry(header, this.#preface, this.#block);
    this.#preface = NO_PREFACE;
    this.#skipping = paddingOf(entry.size);
    if (header.type === 'S') this.#startOldSparse(entry);
    else if (pax) this.#startPax(entry, pax);
    else this.#start(entry, entry.size);
  }

  /** Only files have data: the other types have none whatever size they claim, as in Go's archive/tar. */
  #start(entry: TarEntry, storedSize: number, regions?: readonly SparseRegion[]): void {
    if (entry.kind !== 'file') this.#handler.entry(entry);
    else if (this.#body.start(entry, storedSize, regions)) {
      this.#state = 'data';
      return;
    }
    this.#skip();
  }

  #startOldSparse(entry: TarEntry): void {
    if (!isGnuHeader(this.#block)) throw badMap('type S is known in GNU archives only');
    const { regions, size, more } = oldSparse(this.#block);
    this.#startFile = () => this.#start({ ...entry, size }, entry.size, regions);
    this.#readRegions = (block) => addOldExtension(regions, block);
    if (more) this.#state = 'regions';
    else this.#startFile();
  }

  #startPax(entry: TarEntry, pax: PaxRecords): void {
    const sparse = paxSparse(pax);
    if (sparse.kind !== 'none' && entry.kind !== 'file') throw badMap('it is no file');
    if (sparse.kind === 'none') this.#start(entry, entry.size);
    else {
      const file = { ...entry, path: sparse.name ?? entry.path, size: sparse.size ?? entry.size };
      if (sparse.kind === 'map') this.#start(file, entry.size, sparse.regions);
      else this.#startMap(file, entry.size, sparse.regions);
    }
  }

  /** The map is a part of what is stored of the file. */
  #startMap(file: TarEntry, storedSize: number, regions: SparseRegion[]): void {
    const map = new SparseMapReader(regions);
    let left = storedSize;
    this.#startFile = () => this.#start(file, left, regions);
    this.#readRegions = (block) => {
      left -= BLOCK_SIZE;
      if (left < 0) throw badMap('its map is longer than what is stored of it');
      return map.push(block);
    };
    this.#state = 'regions';
  }

  #skip(length = this.#skipping): void {
    this.#skipping = length;
    this.#state = length === 0 ? 'header' : 'skip';
  }
}

/** Bytes from the end of data of that size to the next block. */
function paddingOf(size: number): number {
  return (BLOCK_SIZE - (size % BLOCK_SIZE)) % BLOCK_SIZE;
}
