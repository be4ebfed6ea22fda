// Damage to tar streams that a parser cannot dismiss by the checksum: fields, types and pax records of headers, and their order.
import fc from 'fast-check';
import { base256, type PaxRecord } from '../support/tar-builder.ts';
import { type ByteEdit, byteEdit, editBytes, replace } from './byte-edits.ts';
import { FIELDS, type FieldName, headersOf, withField, withRecord } from './tar-headers.ts';

export type TarEdit =
  | { readonly kind: 'bytes'; readonly edit: ByteEdit }
  | { readonly kind: 'field'; readonly header: number; readonly field: FieldName; readonly value: Uint8Array }
  | {
      readonly kind: 'record';
      readonly header: number;
      readonly record: PaxRecord;
      readonly lengthError: number;
    }
  /** Blocks from one header on are inserted before another. */
  | { readonly kind: 'splice'; readonly header: number; readonly blocks: number; readonly before: number }
  | { readonly kind: 'zeros'; readonly header: number; readonly blocks: number };

const header = fc.nat(10_000);
const text = (value: string) => Buffer.from(value, 'latin1');
const NUMBERS = [
  '0',
  '1',
  '7',
  '777',
  '1000',
  '1001',
  '77777777777',
  '7777777',
  '-1',
  ' 12 ',
  '9',
  'x',
  '',
  '0x10',
  '00000000000000',
];
const BINARY = [
  ...[-1, 0, 1, 512, 2 ** 21, 2 ** 32 - 1, 2 ** 32, 2 ** 33, 2 ** 53 - 1].map((value) => base256(value, 12)),
  Buffer.from('807fffffffffffffffffffff', 'hex'),
  Buffer.from('ff8000000000000000000000', 'hex'),
  Buffer.alloc(12, 0xff),
  Buffer.alloc(12, 0x20),
];
const NAMES = [
  '',
  '.',
  '..',
  '/',
  './',
  '../x',
  'a/../../x',
  '/a',
  'a/',
  '.wh.',
  '.wh..',
  '.wh...',
  '.wh.a',
  '.wh..wh..opq',
  '.wh..wh.x',
  'a\0b',
  'x'.repeat(100),
  `${'d/'.repeat(50)}`,
  '\xff\xfe',
];
const fieldValue = fc.oneof(
  fc.constantFrom(...NUMBERS, ...NAMES).map(text),
  fc.constantFrom(...BINARY),
  fc.constantFrom(...'\x001234567ABDKLMNSVXgxs').map(text),
  fc.constantFrom('ustar\x0000', 'ustar  \0', '\0\0\0\0\0\0\0\0', 'tar\0').map(text),
  fc.uint8Array({ minLength: 1, maxLength: 24 }),
);

const KEYS = [
  'path',
  'linkpath',
  'size',
  'uid',
  'gid',
  'mtime',
  'atime',
  'charset',
  'SCHILY.xattr.user.a',
  'SCHILY.xattr.',
  'SCHILY.xattr.user.\0',
  'GNU.sparse.major',
  'GNU.sparse.minor',
  'GNU.sparse.name',
  'GNU.sparse.realsize',
  'GNU.sparse.size',
  'GNU.sparse.numblocks',
  'GNU.sparse.map',
  'GNU.sparse.offset',
  'GNU.sparse.numbytes',
  '',
  'a=b',
  '__proto__',
];
const VALUES = [
  '',
  '0',
  '1',
  '2',
  '512',
  '-1',
  '-0.5',
  '1e3',
  '1.5',
  '.5',
  '9007199254740991',
  '9007199254740993',
  '99999999999999999999',
  '4294967295',
  '0,512',
  '0,1,1,1',
  '1,1,0,1',
  '5',
  'nan',
  'x'.repeat(300),
  'y'.repeat(5000),
  `${'z/'.repeat(3000)}`,
];

/** `outside`: what must not be touched, by its path on the host and from a root beside it. */
export function tarEdit(outside: string): fc.Arbitrary<TarEdit> {
  const attacks = [
    outside,
    `${outside}/secret`,
    `../../sentinel/secret`,
    `../../../../../../..${outside}/dir`,
  ];
  const value = fc.oneof(fc.constantFrom(...VALUES, ...NAMES, ...attacks), fc.string({ maxLength: 40 }));
  const record = fc.tuple(fc.constantFrom(...KEYS), value);
  return fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('bytes' as const), edit: byteEdit }) },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('field' as const),
        header,
        field: fc.constantFrom(...(Object.keys(FIELDS) as FieldName[])),
        value: fc.oneof(
          { weight: 5, arbitrary: fieldValue },
          { weight: 1, arbitrary: fc.constantFrom(...attacks).map(text) },
        ),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('record' as const),
        header,
        record,
        lengthError: fc.constantFrom(0, 0, 0, 0, 0, 1, -1, 10, 1_000_000),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('splice' as const),
        header,
        blocks: fc.integer({ min: 1, max: 6 }),
        before: header,
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('zeros' as const), header, blocks: fc.constantFrom(1, 2) }),
    },
  );
}

export function editTar(bytes: Buffer, edits: readonly TarEdit[]): Buffer {
  return edits.reduce(applyEdit, bytes);
}

function applyEdit(bytes: Buffer, edit: TarEdit): Buffer {
  if (edit.kind === 'bytes') return editBytes(bytes, edit.edit);
  const headers = headersOf(bytes);
  const at = headers[edit.header % Math.max(1, headers.length)];
  if (at === undefined) return bytes;
  switch (edit.kind) {
    case 'field':
      return withField(bytes, at, edit);
    case 'record':
      return withRecord(bytes, at, edit);
    case 'splice': {
      const before = headers[edit.before % headers.length] ?? 0;
      return replace(bytes, before, 0, bytes.subarray(at, at + edit.blocks * 512));
    }
    case 'zeros':
      return replace(bytes, at, 0, Buffer.alloc(edit.blocks * 512));
  }
}
