// pax records, and everything that is none.
import { describe, expect, it } from 'vitest';
import { parsePax } from '../../src/tar/pax.ts';
import { thrown } from '../support/pull-error.ts';
import { type PaxRecord, paxRecord } from '../support/tar-builder.ts';

const parse = (...records: readonly PaxRecord[]) => parsePax(Buffer.concat(records.map(paxRecord)));
const latin1 = (text: string) => Buffer.from(text, 'latin1');

it('reads names, numbers and times', () => {
  const records = parse(
    ['path', 'a b=c\nd'],
    ['linkpath', latin1('\xe9')],
    ['size', '12345678901'],
    ['uid', '0'],
    ['gid', '4294967294'],
    ['mtime', '1.5'],
  );
  expect(records).toMatchObject({
    path: 'a b=c\nd',
    linkPath: '\xe9',
    size: 12_345_678_901,
    uid: 0,
    gid: 4_294_967_294,
    mtime: 1.5,
  });
});

it('takes a name of digits for a name', () => {
  expect(parse(['path', '12345']).path).toBe('12345');
});

it('lets the last record of a key win, and an empty one take it back', () => {
  expect(parse(['path', 'a'], ['path', 'b']).path).toBe('b');
  expect(parse(['path', 'a'], ['path', ''], ['size', '1'], ['size', '']).path).toBeUndefined();
  expect(parse(['path', ''], ['path', 'c']).path).toBe('c');
});

it('ignores what it does not know', () => {
  const records = parse(
    ['comment', 'x'],
    ['LIBARCHIVE.xattr.user.a', 'MQ'],
    ['atime', 'never'],
    ['uname', 'root'],
  );
  expect(records).toMatchObject({ path: undefined, mtime: undefined, xattrs: undefined });
});

it('keeps extended attributes to the byte, and no empty ones', () => {
  const value = Buffer.from([0, 10, 61, 255]);
  const { xattrs } = parse(
    ['SCHILY.xattr.user.a', value],
    ['SCHILY.xattr.user.b', ''],
    [latin1('SCHILY.xattr.user.\xe9'), 'x'],
  );
  expect([...(xattrs ?? [])].map(([name, bytes]) => [name, [...bytes]])).toEqual([
    ['user.a', [0, 10, 61, 255]],
    ['user.\xe9', [120]],
  ]);
});

it('keeps no more memory for an attribute than its bytes', () => {
  const { xattrs } = parse(['SCHILY.xattr.user.a', 'x'], ['SCHILY.xattr.user.b', 'yz']);
  expect([...(xattrs?.values() ?? [])].map(({ buffer }) => buffer.byteLength)).toEqual([1, 2]);
});

describe('times', () => {
  it.each([
    ['0', 0],
    ['-1', -1],
    ['-1.25', -1.25],
    ['1700000000.', 1_700_000_000],
    ['1700000000.5', 1_700_000_000.5],
  ])('reads %s', (text, mtime) => {
    expect(parse(['mtime', text]).mtime).toBe(mtime);
  });

  it('does not round up to the next second', () => {
    expect(Math.floor(parse(['mtime', '1700000000.99999999999']).mtime ?? 0)).toBe(1_700_000_000);
    expect(Math.ceil(parse(['mtime', '-1700000000.99999999999']).mtime ?? 0)).toBe(-1_700_000_000);
  });
});

describe('refuses', () => {
  it.each([
    ['a length without a record', '5'],
    ['no length', ' path=x\n'],
    ['a length of letters', 'x path=x\n'],
    ['a length with a sign', '+10 path=x\n'],
    ['a length in hexadecimal', '0x9 path=x\n'],
    ['a length that is too short', '9 path=xy\n'],
    ['a length that is too long', '12 path=xy\n'],
    ['a length beyond the header', '99 path=x\n'],
    ['a length of many digits', '00000000000000000000000000000000000000000000000009 path=x\n'],
    ['a length of zero', '0 path=x\n'],
    ['a record without a newline', '9 path=xy'],
    ['a record without an equals sign', '8 pathx\n'],
    ['an equals sign in the next record only', '5 pa\n9 path=x\n'],
    ['a record without a key', '5 =x\n'],
    ['zeros after the last record', '9 path=x\n\0\0'],
    ['blanks before a record', '  9 path=x\n'],
    ['a NUL in a name', paxRecord(['path', 'a\0b'])],
    ['a NUL in a link name', paxRecord(['linkpath', '\0'])],
    ['a NUL in a key', paxRecord(['pa\0th', 'x'])],
    ['a negative size', paxRecord(['size', '-1'])],
    ['a size with a fraction', paxRecord(['size', '1.0'])],
    ['a size in hexadecimal', paxRecord(['size', '0x10'])],
    ['a size with an exponent', paxRecord(['size', '1e3'])],
    ['a size that is not exact', paxRecord(['size', '9007199254740993'])],
    ['a size with a blank', paxRecord(['size', ' 1'])],
    ['a negative owner', paxRecord(['uid', '-1'])],
    ['a time of letters', paxRecord(['mtime', 'now'])],
    ['a time with an exponent', paxRecord(['mtime', '1e9'])],
    ['an endless time', paxRecord(['mtime', '9'.repeat(400)])],
    ['an extended attribute without a name', paxRecord(['SCHILY.xattr.', 'x'])],
    ['a sparse length before its offset', paxRecord(['GNU.sparse.numbytes', '1'])],
  ])('%s', (_, bytes) => {
    thrown('TAR_INVALID', () => parsePax(Buffer.from(bytes)));
  });

  it('more than 64 KiB of extended attributes', () => {
    const half = Buffer.alloc(32 << 10, 1);
    expect(parse(['SCHILY.xattr.user.a', half], ['SCHILY.xattr.user.b', half]).xattrs?.size).toBe(2);
    thrown('LIMIT_EXCEEDED', () =>
      parse(['SCHILY.xattr.user.a', half], ['SCHILY.xattr.user.b', half], ['SCHILY.xattr.user.c', 'x']),
    );
  });
});
