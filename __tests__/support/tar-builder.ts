// Builds tar streams byte by byte, well-formed ones and others.

type Bytes = string | Uint8Array;

export interface TarItem {
  readonly name: Bytes;
  /** The type flag; '0' unless told. */
  readonly type?: string;
  readonly linkName?: Bytes;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  readonly device?: readonly [major: number, minor: number];
  readonly body?: Bytes;
  /** What the header says; the body's length unless told. */
  readonly size?: number;
  readonly magic?: 'ustar' | 'gnu' | 'v7';
  readonly prefix?: Bytes;
  /** Written over the header before its checksum is made: offset and bytes. */
  readonly patches?: readonly (readonly [offset: number, bytes: Bytes])[];
  readonly checksum?: 'unsigned' | 'signed' | 'wrong';
}

const MAGICS = { ustar: 'ustar\x0000', gnu: 'ustar  \0', v7: '\0\0\0\0\0\0\0\0' };

/** 2026-01-01, so that times which were not set stand out. */
export const MTIME = 1_767_225_600;

export function bytesOf(text: Bytes): Buffer {
  return typeof text === 'string' ? Buffer.from(text) : Buffer.from(text);
}

export function tarHeader(item: TarItem): Buffer {
  const block = Buffer.alloc(512);
  bytesOf(item.name).copy(block, 0, 0, 100);
  putNumber(block, [100, 8], item.mode ?? 0o644);
  putNumber(block, [108, 8], item.uid ?? 0);
  putNumber(block, [116, 8], item.gid ?? 0);
  putNumber(block, [124, 12], item.size ?? bytesOf(item.body ?? '').length);
  putNumber(block, [136, 12], item.mtime ?? MTIME);
  block.write(item.type ?? '0', 156, 'latin1');
  bytesOf(item.linkName ?? '').copy(block, 157, 0, 100);
  block.write(MAGICS[item.magic ?? 'ustar'], 257, 'latin1');
  putNumber(block, [329, 8], item.device?.[0] ?? 0);
  putNumber(block, [337, 8], item.device?.[1] ?? 0);
  bytesOf(item.prefix ?? '').copy(block, 345, 0, 155);
  for (const [offset, bytes] of item.patches ?? []) bytesOf(bytes).copy(block, offset);
  block.write(`${checksum(block, item.checksum).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** Octal where it fits, else base-256. */
function putNumber(block: Buffer, [start, length]: readonly [number, number], value: number): void {
  if (value >= 0 && value < 8 ** (length - 1)) {
    block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, start, 'latin1');
    return;
  }
  block.set(base256(value, length), start);
}

export function base256(value: number, length: number): Buffer {
  const field = Buffer.alloc(length, value < 0 ? 0xff : 0);
  let rest = BigInt.asUintN(64, BigInt(value));
  for (let index = length - 1; index >= length - Math.min(8, length - 1); index--) {
    field[index] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  field[0] = value < 0 ? 0xff : 0x80;
  return field;
}

function checksum(block: Buffer, kind: TarItem['checksum'] = 'unsigned'): number {
  block.fill(' ', 148, 156);
  let sum = kind === 'wrong' ? 1 : 0;
  for (const byte of block) sum += kind === 'signed' && byte > 127 ? byte - 256 : byte;
  return sum;
}

/** Data with the zeros that fill its last block. */
export function padded(bytes: Bytes): Buffer {
  const data = bytesOf(bytes);
  return Buffer.concat([data, Buffer.alloc((512 - (data.length % 512)) % 512)]);
}

export function tarEntry(item: TarItem): Buffer {
  return Buffer.concat([tarHeader(item), padded(item.body ?? '')]);
}

export const END = Buffer.alloc(1024);

/** A whole stream with its end marker. */
export function tar(...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat([...parts, END]);
}

type Extra = Partial<TarItem>;

export const file = (name: Bytes, body: Bytes = '', extra: Extra = {}): Buffer =>
  tarEntry({ name, body, ...extra });
export const dir = (name: Bytes, extra: Extra = {}): Buffer =>
  tarEntry({ name, type: '5', mode: 0o755, ...extra });
export const symlink = (name: Bytes, linkName: Bytes, extra: Extra = {}): Buffer =>
  tarEntry({ name, type: '2', linkName, mode: 0o777, ...extra });
export const hardlink = (name: Bytes, linkName: Bytes, extra: Extra = {}): Buffer =>
  tarEntry({ name, type: '1', linkName, ...extra });
export const fifo = (name: Bytes, extra: Extra = {}): Buffer => tarEntry({ name, type: '6', ...extra });
export const char = (name: Bytes, device: readonly [number, number], extra: Extra = {}): Buffer =>
  tarEntry({ name, type: '3', device, ...extra });

export type PaxRecord = readonly [key: Bytes, value: Bytes];

/** `<length> <key>=<value>\n`, the length counting itself. */
export function paxRecord([key, value]: PaxRecord): Buffer {
  const rest = Buffer.concat([bytesOf(' '), bytesOf(key), bytesOf('='), bytesOf(value), bytesOf('\n')]);
  let length = rest.length;
  while (length !== rest.length + String(length).length) length = rest.length + String(length).length;
  return Buffer.concat([bytesOf(String(length)), rest]);
}

export function pax(...records: readonly PaxRecord[]): Buffer {
  return rawPax(Buffer.concat(records.map(paxRecord)));
}

export function rawPax(body: Bytes, extra: Extra = {}): Buffer {
  return tarEntry({ name: 'PaxHeaders/x', type: 'x', body, ...extra });
}

export function globalPax(...records: readonly PaxRecord[]): Buffer {
  return tarEntry({ name: 'pax_global_header', type: 'g', body: Buffer.concat(records.map(paxRecord)) });
}

export function longName(name: Bytes): Buffer {
  return tarEntry({
    name: '././@LongLink',
    type: 'L',
    magic: 'gnu',
    body: Buffer.concat([bytesOf(name), bytesOf('\0')]),
  });
}

export function longLink(name: Bytes): Buffer {
  return tarEntry({
    name: '././@LongLink',
    type: 'K',
    magic: 'gnu',
    body: Buffer.concat([bytesOf(name), bytesOf('\0')]),
  });
}

export type Region = readonly [offset: number, data: Bytes];

const octal12 = (value: number): string => `${value.toString(8).padStart(11, '0')}\0`;
const dataOf = (regions: readonly Region[]): Buffer =>
  Buffer.concat(regions.map(([, data]) => bytesOf(data)));

/** GNU's old sparse type: four regions in the header, 21 in each block after it. */
export function oldSparse(name: Bytes, realSize: number, regions: readonly Region[]): Buffer {
  const slots = regions.map(([offset, data]) => octal12(offset) + octal12(bytesOf(data).length));
  const data = dataOf(regions);
  const blocks: Buffer[] = [];
  for (let at = 4; at < slots.length; at += 21) {
    const block = Buffer.alloc(512);
    block.write(slots.slice(at, at + 21).join(''), 0, 'latin1');
    block[504] = at + 21 < slots.length ? 1 : 0;
    blocks.push(block);
  }
  const patches: [number, Bytes][] = [
    [386, slots.slice(0, 4).join('')],
    [482, Buffer.from([blocks.length > 0 ? 1 : 0])],
  ];
  const header = tarHeader({
    name,
    type: 'S',
    magic: 'gnu',
    size: data.length,
    patches: [...patches, [483, octal12(realSize)]],
  });
  return Buffer.concat([header, ...blocks, padded(data)]);
}

/** The pax sparse forms. */
export function paxSparse(
  form: '0.0' | '0.1' | '1.0',
  name: string,
  file: { size: number; regions: readonly Region[] },
): Buffer {
  const numbers = file.regions.map(
    ([offset, data]) => [String(offset), String(bytesOf(data).length)] as const,
  );
  const data = dataOf(file.regions);
  const count = String(numbers.length);
  if (form === '1.0') {
    const body = Buffer.concat([padded(`${[count, ...numbers.flat()].join('\n')}\n`), data]);
    const records: PaxRecord[] = [
      ['GNU.sparse.major', '1'],
      ['GNU.sparse.minor', '0'],
      ['GNU.sparse.name', name],
    ];
    const head = pax(...records, ['GNU.sparse.realsize', String(file.size)]);
    return Buffer.concat([head, tarEntry({ name: 'GNUSparseFile.1/x', body })]);
  }
  const size: PaxRecord[] = [
    ['GNU.sparse.size', String(file.size)],
    ['GNU.sparse.numblocks', count],
  ];
  const map: PaxRecord[] =
    form === '0.1'
      ? [
          ['GNU.sparse.name', name],
          ['GNU.sparse.map', numbers.flat().join(',')],
        ]
      : numbers.flatMap(([offset, length]): PaxRecord[] => [
          ['GNU.sparse.offset', offset],
          ['GNU.sparse.numbytes', length],
        ]);
  return Buffer.concat([
    pax(...size, ...map),
    tarEntry({ name: form === '0.1' ? 'GNUSparseFile.1/x' : name, body: data }),
  ]);
}

/** Few bytes of a layer, and many of paths: its files lie deep below a link. */
export function deepFiles(count: number): Buffer {
  const deep = Array(15).fill('d'.repeat(255)).join('/');
  const files = Array.from({ length: count }, (_, at) => tarEntry({ name: `l/${at}`, type: '0' }));
  return tar(pax(['linkpath', deep]), symlink('l', ''), pax(['path', `${deep}/`]), dir('d/'), ...files);
}
