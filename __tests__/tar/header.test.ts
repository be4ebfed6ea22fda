// One header block, and what it is read as.
import fc from 'fast-check';
import { Header } from 'tar/header';
import { describe, expect, it } from 'vitest';
import { type Block, decodeDevice, decodeHeader, newBlock } from '../../src/tar/header.ts';
import { thrown } from '../support/pull-error.ts';
import { base256, type TarItem, tarHeader } from '../support/tar-builder.ts';

const decode = (item: Partial<TarItem>) => decodeHeader(blockOf(tarHeader({ name: 'f', ...item })));
function blockOf(bytes: Buffer): Block {
  const block = newBlock();
  bytes.copy(block.bytes);
  return block;
}
const latin1 = (text: string) => Buffer.from(text, 'latin1');

describe('names', () => {
  const cases: { name: string; item: Partial<TarItem>; expected: string }[] = [
    { name: 'end at a NUL', item: { name: 'a\0b' }, expected: 'a' },
    { name: 'fill their field without a NUL', item: { name: 'n'.repeat(100) }, expected: 'n'.repeat(100) },
    { name: 'are bytes', item: { name: latin1('caf\xe9') }, expected: 'caf\xe9' },
    { name: 'have a prefix in POSIX headers', item: { name: 'f', prefix: 'p/q' }, expected: 'p/q/f' },
    {
      name: 'have a prefix of 155 bytes',
      item: { name: 'f', prefix: 'p'.repeat(155) },
      expected: `${'p'.repeat(155)}/f`,
    },
    {
      name: 'have no prefix in GNU headers',
      item: { name: 'f', prefix: 'times', magic: 'gnu' },
      expected: 'f',
    },
    { name: 'have no prefix in V7 headers', item: { name: 'f', prefix: 'p', magic: 'v7' }, expected: 'f' },
    {
      name: "have a prefix of 131 bytes in star's headers",
      item: { name: 'f', prefix: 'p'.repeat(155), patches: [[508, 'tar\0']] },
      expected: `${'p'.repeat(131)}/f`,
    },
  ];
  it.each(cases)('$name', ({ item, expected }) => {
    expect(decode(item).name).toBe(expected);
  });

  it('of links fill their field', () => {
    expect(decode({ type: '2', linkName: 't'.repeat(100) }).linkName).toBe('t'.repeat(100));
  });
});

describe('numbers', () => {
  const field = (text: string | Uint8Array, offset = 124): Partial<TarItem> => ({
    patches: [[offset, text]],
  });
  const sizes = [
    { name: 'octal', item: field('00000001750\0'), size: 1000 },
    { name: 'octal with leading blanks', item: field('       1750\0'), size: 1000 },
    { name: 'octal with leading NULs', item: field('\0\0\0\x000001750\0'), size: 1000 },
    { name: 'octal ended by a blank', item: field('00000001750 '), size: 1000 },
    { name: 'octal that fills the field', item: field('777777777777'), size: 8 ** 12 - 1 },
    { name: 'an empty field', item: field(Buffer.alloc(12)), size: 0 },
    { name: 'base-256', item: field(base256(2 ** 33 + 5, 12)), size: 2 ** 33 + 5 },
    {
      name: 'base-256, the largest that is exact',
      item: field(base256(Number.MAX_SAFE_INTEGER, 12)),
      size: Number.MAX_SAFE_INTEGER,
    },
    {
      name: 'base-256 under a name that ends with a slash',
      item: { name: 'd/', ...field(base256(2 ** 33, 12)) },
      size: 2 ** 33,
    },
  ];
  it.each(sizes)('read $name', ({ item, size }) => {
    expect(decode(item).size).toBe(size);
  });

  it.each([-1, -86_400, -(2 ** 40), 2 ** 40])('read the base-256 time %s', (mtime) => {
    expect(decode({ mtime }).mtime).toBe(mtime);
  });

  it('read owners beyond octal', () => {
    expect(decode({ uid: 2 ** 32 - 2, gid: 2 ** 21 })).toMatchObject({ uid: 2 ** 32 - 2, gid: 2 ** 21 });
  });

  const bad = [
    { name: 'letters', item: field('0000000175x\0') },
    { name: 'decimal digits', item: field('00000000018\0') },
    { name: 'a minus sign', item: field('-0000000001\0') },
    { name: 'a plus sign', item: field('+0000000001\0') },
    { name: 'a negative base-256 size', item: field(base256(-1, 12)) },
    {
      name: 'a base-256 size that is not exact',
      item: field(Buffer.from('800000000100000000000000', 'hex')),
    },
    {
      name: 'a first byte that is neither octal nor base-256',
      item: field(Buffer.from('900000000000000000000001', 'hex')),
    },
    { name: 'a negative owner', item: field(base256(-1, 8), 108) },
    { name: 'a mode of letters', item: field('rw-r--r--', 100) },
  ];
  it.each(bad)('refuse $name', ({ item }) => {
    thrown('TAR_INVALID', () => decode(item));
  });

  it.each(['ustar', 'gnu'] as const)('read device numbers behind the magic of %s', (magic) => {
    const block = tarHeader({ name: 'c', type: '3', magic, device: [259, 2 ** 22] });
    expect(decodeDevice(blockOf(block))).toEqual({ major: 259, minor: 2 ** 22 });
  });
});

describe('checksums', () => {
  it.each(['unsigned', 'signed'] as const)('may be %s', (checksum) => {
    expect(decode({ name: latin1('\xe9\xff'), checksum }).name).toBe('\xe9\xff');
  });

  it('must be right', () => {
    thrown('TAR_INVALID', () => decode({ checksum: 'wrong' }));
  });
});

it('reads what tar of npm writes', () => {
  const headers = fc.record({
    path: fc.string({ unit: fc.constantFrom('a', 'b', '.', '-'), minLength: 1, maxLength: 90 }),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: fc.integer({ min: 0, max: 2 ** 32 - 2 }),
    gid: fc.integer({ min: 0, max: 2 ** 32 - 2 }),
    size: fc.integer({ min: 0, max: 2 ** 45 }),
    seconds: fc.integer({ min: -(2 ** 33), max: 2 ** 35 }),
  });
  fc.assert(
    fc.property(headers, ({ seconds, ...numbers }) => {
      const block = Buffer.alloc(512);
      new Header({ ...numbers, type: 'File', mtime: new Date(seconds * 1000) }).encode(block);
      const { name, mode, uid, gid, size, mtime } = decodeHeader(blockOf(block));
      expect({ path: name, mode, uid, gid, size, seconds: mtime }).toEqual({ ...numbers, seconds });
    }),
  );
});
