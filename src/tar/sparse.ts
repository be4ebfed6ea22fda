// Decodes the maps of sparse files: GNU's old header type S, and the pax forms 0.0, 0.1 and 1.0.
// https://www.gnu.org/software/tar/manual/html_node/Sparse-Formats.html
import { PullError } from '../errors.ts';
import { type Block, numberAt } from './header.ts';
import { MAX_SPARSE_REGIONS } from './limits.ts';
import { decimal, detach, type PaxRecords } from './pax.ts';

/** A stretch of a sparse file that has data; the rest is holes. */
export interface SparseRegion {
  readonly offset: number;
  readonly length: number;
}

export type PaxSparse =
  | { readonly kind: 'none' }
  | SparseFile<'map'>
  /** Form 1.0: the map stands in front of the data. */
  | SparseFile<'map-in-data'>;

interface SparseFile<Kind> {
  readonly kind: Kind;
  readonly regions: SparseRegion[];
  readonly name: string | undefined;
  /** Bytes with the holes; undefined: what the header says. */
  readonly size: number | undefined;
}

/** What the `GNU.sparse.*` records of a pax header say. */
export function paxSparse(records: PaxRecords): PaxSparse {
  const form = sparseForm(records);
  if (form === 'none') return { kind: 'none' };
  const raw = records.sparse.get('name');
  if (raw?.includes('\0')) throw badMap('its name holds a NUL');
  const name = raw && detach(raw);
  const sizeText = records.sparse.get('size') ?? records.sparse.get('realsize');
  const size = sizeText === undefined ? undefined : decimal(sizeText);
  if (sizeText !== undefined && size === undefined) throw badMap('its size is no number');
  if (form === 'map-in-data') return { kind: form, regions: [], name, size };
  return { kind: form, regions: regionsOfRecords(records), name, size };
}

function sparseForm({ sparse, sparseNumbers }: PaxRecords): PaxSparse['kind'] {
  const version = `${sparse.get('major') ?? ''}.${sparse.get('minor') ?? ''}`;
  if (version === '1.0') return 'map-in-data';
  const hasMap = sparse.has('map') || sparseNumbers.length > 0;
  if (version === '0.0' || version === '0.1' || (version === '.' && hasMap)) return 'map';
  if (sparse.size > 0) throw badMap('it has no map, or one of an unknown form');
  return 'none';
}

function regionsOfRecords({ sparse, sparseNumbers }: PaxRecords): SparseRegion[] {
  const map = sparse.get('map');
  const numbers = sparseNumbers.length > 0 ? sparseNumbers : map === undefined ? [] : map.split(',');
  if (numbers.length % 2 !== 0) throw badMap('its map has an offset without a length');
  const regions: SparseRegion[] = [];
  for (let index = 0; index < numbers.length; index += 2) {
    const offset = decimal(numbers[index] as string);
    const length = decimal(numbers[index + 1] as string);
    if (offset === undefined || length === undefined)
      throw badMap('its map holds something that is no number');
    addRegion(regions, { offset, length });
  }
  return regions;
}

const OLD_HEADER = { regions: 386, count: 4, more: 482, realSize: 483 };
const OLD_EXTENSION = { regions: 0, count: 21, more: 504 };

/** The map in a header of type S. `more`: a block with more regions follows. */
export function oldSparse({ bytes }: Block): { regions: SparseRegion[]; size: number; more: boolean } {
  const regions: SparseRegion[] = [];
  const more = addOldRegions(regions, bytes, OLD_HEADER);
  const size = numberAt(bytes, { name: 'real size', start: OLD_HEADER.realSize, length: 12 });
  return { regions, size, more };
}

/** Adds the regions of an extension block of type S. Returns whether one more block follows. */
export function addOldExtension(regions: SparseRegion[], { bytes }: Block): boolean {
  return addOldRegions(regions, bytes, OLD_EXTENSION);
}

/** A first byte of NUL ends the list. */
function addOldRegions(regions: SparseRegion[], bytes: Buffer, layout: typeof OLD_EXTENSION): boolean {
  for (let index = 0; index < layout.count; index++) {
    const start = layout.regions + index * 24;
    if (bytes[start] === 0) break;
    const offset = numberAt(bytes, { name: 'sparse offset', start, length: 12 });
    const length = numberAt(bytes, { name: 'sparse length', start: start + 12, length: 12 });
    addRegion(regions, { offset, length });
  }
  return bytes[layout.more] !== 0;
}

export function addRegion(regions: SparseRegion[], region: SparseRegion): void {
  if (regions.length >= MAX_SPARSE_REGIONS)
    throw new PullError('LIMIT_EXCEEDED', `a sparse file has more than ${MAX_SPARSE_REGIONS} regions`);
  regions.push(region);
}

/** Regions must be in order, apart, inside of the file, and account for every byte that the archive holds. */
export function checkRegions(regions: readonly SparseRegion[], size: number, storedSize: number): void {
  let end = 0;
  let stored = 0;
  for (const { offset, length } of regions) {
    if (offset < end || offset + length > size) throw badMap('its regions overlap or leave the file');
    end = offset + length;
    stored += length;
  }
  if (stored !== storedSize) throw badMap(`its regions hold ${stored} bytes, the archive ${storedSize}`);
}

export function badMap(reason: string): PullError {
  return new PullError('TAR_INVALID', `a sparse file is malformed: ${reason}`);
}
