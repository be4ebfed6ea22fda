// Names before they are looked up.
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../src/unpack/limits.ts';
import { checkComponent, HostPaths, splitName } from '../../src/unpack/names.ts';
import { meaningOf } from '../../src/unpack/whiteout.ts';
import { thrown } from '../support/pull-error.ts';

describe('splitName', () => {
  it.each([
    ['f', '', 'f'],
    ['a/b/c', 'a/b', 'c'],
    ['/a', '', 'a'],
    ['a/b/', 'a', 'b'],
    ['a/b/.', 'a', 'b'],
    ['a/b/c/..', 'a', 'b'],
    ['a/..', '', ''],
    ['./', '', ''],
    ['///', '', ''],
  ])('cuts %s', (name, directory, base) => {
    expect(splitName(name)).toEqual({ directory, base });
  });

  it.each(['..', '../', 'a/../..', '/..'])('refuses %s', (name) => {
    thrown('PATH_UNSAFE', () => splitName(name));
  });
});

describe('names on Windows', () => {
  it.each([
    'file',
    'a.b',
    'con1',
    'console',
    'com0',
    'com10',
    'nul_',
    '.hidden',
    '...a',
    'a~1',
    'caf\xc3\xa9',
  ])('may be %s', (name) => {
    expect(() => checkComponent(name, DEFAULT_LIMITS, 'win32')).not.toThrow();
  });

  it.each([
    'CON',
    'con.txt',
    'nul',
    'aux .c',
    'Prn',
    'COM1',
    'lpt9.x',
    'com\xc2\xb9',
    'CONIN$',
    'conout$.x',
    'a:b',
    'C:',
    'C:x',
    'C:..',
    '::$DATA',
    'a\\b',
    '..\\x',
    '\\\\host',
    'a?',
    'a*',
    'a|b',
    '<a',
    'a>',
    'a"',
    'dot.',
    '...',
    'blank ',
    ' ',
    'tab\t',
    'line\n',
    '\x01',
    '\x1f',
    'caf\xe9',
  ])('are not %j, which other systems take', (name) => {
    thrown('PATH_UNSAFE', () => checkComponent(name, DEFAULT_LIMITS, 'win32'));
    expect(() => checkComponent(name, DEFAULT_LIMITS, 'linux')).not.toThrow();
    expect(() => checkComponent(name, DEFAULT_LIMITS, 'darwin')).not.toThrow();
  });
});

describe('whiteouts', () => {
  it.each([
    ['file', { kind: 'plain' }],
    ['.wh', { kind: 'plain' }],
    ['.whx', { kind: 'plain' }],
    ['.wh.a', { kind: 'whiteout', target: 'a' }],
    ['.wh.a b', { kind: 'whiteout', target: 'a b' }],
    ['.wh..opq', { kind: 'whiteout', target: '.opq' }],
    ['.wh....', { kind: 'whiteout', target: '...' }],
    ['.wh..wh', { kind: 'whiteout', target: '.wh' }],
    ['.wh..wh..opq', { kind: 'opaque' }],
    ['.wh..wh.plnk', { kind: 'ignored' }],
    ['.wh..wh..opqx', { kind: 'ignored' }],
  ])('%s means %o', (base, meaning) => {
    expect(meaningOf(base)).toEqual(meaning);
  });

  it.each(['.wh.', '.wh..', '.wh...'])('refuses %s', (base) => {
    thrown('PATH_UNSAFE', () => meaningOf(base));
  });
});

describe('paths for the kernel', () => {
  it('are strings where all is ASCII, bytes otherwise', () => {
    const paths = new HostPaths('/root');
    expect(paths.of('a/b')).toBe('/root/a/b');
    expect(paths.of('caf\xe9')).toEqual(Buffer.from('/root/caf\xe9', 'latin1'));
  });

  it('keep the UTF-8 of the root', () => {
    expect(new HostPaths('/ä').of('\xe9')).toEqual(Buffer.concat([Buffer.from('/ä/'), Buffer.from([0xe9])]));
  });
});
