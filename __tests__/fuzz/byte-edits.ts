// Damage to bytes of any kind.
import fc from 'fast-check';

/** Places are any numbers; they are taken modulo what there is. */
export type ByteEdit =
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'truncate'; readonly at: number }
  | { readonly kind: 'delete'; readonly at: number; readonly length: number }
  | { readonly kind: 'copy'; readonly from: number; readonly length: number; readonly to: number }
  | { readonly kind: 'fill'; readonly at: number; readonly length: number; readonly byte: number }
  | { readonly kind: 'insert'; readonly at: number; readonly bytes: Uint8Array };

const at = fc.nat(0xffff_ffff);
const length = fc.oneof(fc.integer({ min: 1, max: 16 }), fc.constantFrom(511, 512, 513, 1024, 4096));

export const byteEdit: fc.Arbitrary<ByteEdit> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('flip' as const), at, bit: fc.nat(7) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('truncate' as const), at }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), at, length }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('copy' as const), from: at, length, to: at }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('fill' as const),
      at,
      length,
      byte: fc.constantFrom(0, 0xff, 0x80, 0x30),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('insert' as const),
      at,
      bytes: fc.uint8Array({ minLength: 1, maxLength: 24 }),
    }),
  },
);

/** A changed copy. */
export function editBytes(bytes: Buffer, edit: ByteEdit): Buffer {
  const place = (number: number) => (bytes.length === 0 ? 0 : number % bytes.length);
  switch (edit.kind) {
    case 'flip': {
      const copy = Buffer.from(bytes);
      const index = place(edit.at);
      if (copy.length > 0) copy[index] = (copy[index] ?? 0) ^ (1 << edit.bit);
      return copy;
    }
    case 'truncate':
      return Buffer.from(bytes.subarray(0, place(edit.at)));
    case 'delete':
      return replace(bytes, place(edit.at), edit.length, Buffer.alloc(0));
    case 'copy':
      return replace(
        bytes,
        place(edit.to),
        0,
        bytes.subarray(place(edit.from), place(edit.from) + edit.length),
      );
    case 'fill':
      return Buffer.from(bytes).fill(
        edit.byte,
        place(edit.at),
        Math.min(bytes.length, place(edit.at) + edit.length),
      );
    case 'insert':
      return replace(bytes, place(edit.at), 0, edit.bytes);
  }
}

/** `length` bytes at `at` give way to others. */
export function replace(bytes: Buffer, at: number, length: number, by: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, at), by, bytes.subarray(at + length)]);
}
