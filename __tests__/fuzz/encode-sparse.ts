// The forms in which archives write sparse files: GNU's old type, and those of pax.
import { type PaxRecord, padded, pax, type TarItem } from '../support/tar-builder.ts';
import { attributeRecords, latin1, NAME_FIELD, SECOND } from './encode-records.ts';
import type { LayerEntry, Region } from './entry.ts';

export interface SparseForm {
  readonly before: Buffer[];
  readonly item: Partial<TarItem>;
}

/** undefined: the file is to be written with its holes filled in. */
export function sparseForm(entry: LayerEntry): SparseForm | undefined {
  const { sparse } = entry.encoding;
  if (sparse === undefined) return undefined;
  if (sparse === 'old') return fitsOldHeader(entry) ? oldSparse(entry) : undefined;
  const regions = entry.regions.length > 0 ? entry.regions : [{ offset: entry.size, bytes: Buffer.alloc(0) }];
  const body = Buffer.concat(regions.map(({ bytes }) => bytes));
  const numbers = regions.flatMap(({ offset, bytes }) => [String(offset), String(bytes.length)]);
  const count = String(regions.length);
  if (sparse === '1.0') {
    const records: PaxRecord[] = [
      ['GNU.sparse.major', '1'],
      ['GNU.sparse.minor', '0'],
      ['GNU.sparse.name', latin1(entry.name)],
      ['GNU.sparse.realsize', String(entry.size)],
    ];
    const map = padded(`${[count, ...numbers].join('\n')}\n`);
    const item = { name: 'GNUSparseFile.1/x', body: Buffer.concat([map, body]) };
    return { before: [pax(...attributeRecords(entry), ...records)], item: paxSparseItem(item) };
  }
  const size: PaxRecord[] = [
    ['GNU.sparse.size', String(entry.size)],
    ['GNU.sparse.numblocks', count],
  ];
  const map: PaxRecord[] =
    sparse === '0.1'
      ? [
          ['GNU.sparse.name', latin1(entry.name)],
          ['GNU.sparse.map', numbers.join(',')],
        ]
      : [['path', latin1(entry.name)], ...repeatedKeys(regions)];
  return {
    before: [pax(...attributeRecords(entry), ...size, ...map)],
    item: paxSparseItem({ name: 'GNUSparseFile.1/x', body }),
  };
}

function paxSparseItem(item: Partial<TarItem>): Partial<TarItem> {
  return { ...item, type: '0', prefix: '', magic: 'ustar' };
}

function repeatedKeys(regions: readonly Region[]): PaxRecord[] {
  return regions.flatMap(({ offset, bytes }): PaxRecord[] => [
    ['GNU.sparse.offset', String(offset)],
    ['GNU.sparse.numbytes', String(bytes.length)],
  ]);
}

function fitsOldHeader({ name, mtimeNs, xattrs }: LayerEntry): boolean {
  return name.length <= NAME_FIELD && mtimeNs % SECOND === 0n && xattrs.length === 0;
}

/** GNU's old type has room for four regions; the fuzzers make no more. */
function oldSparse(entry: LayerEntry): SparseForm {
  const octal = (value: number) => `${value.toString(8).padStart(11, '0')}\0`;
  const slots = entry.regions.map(({ offset, bytes }) => octal(offset) + octal(bytes.length)).join('');
  return {
    before: [],
    item: {
      name: latin1(entry.name),
      type: 'S',
      magic: 'gnu',
      prefix: '',
      uid: entry.uid,
      gid: entry.gid,
      body: Buffer.concat(entry.regions.map(({ bytes }) => bytes)),
      patches: [
        [386, slots],
        [483, octal(entry.size)],
      ],
    },
  };
}
