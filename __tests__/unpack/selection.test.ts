import { describe, expect, it } from 'vitest';
import { createSelection, type Progress, type Selection } from '../../src/unpack/selection.ts';
import { thrown } from '../support/pull-error.ts';

/** Of a path from the root, one UTF-16 unit a byte. */
function progressOf(selection: Selection, path: string): Progress {
  return path.split('/').reduce((above, name) => selection.below(above, name), selection.root);
}

const has = (selection: Selection | undefined, path: string) =>
  selection && progressOf(selection, path).isWanted;

const latin1 = (text: string) => Buffer.from(text).toString('latin1');

describe('createSelection', () => {
  it.each<[pattern: string, matching: string[], others: string[]]>([
    ['etc/**', ['etc', 'etc/a', 'etc/.x/b', 'etc/a\nb'], ['etcx', 'ETC/a', 'usr/etc/a']],
    ['usr/lib/jvm', ['usr/lib/jvm', 'usr/lib/jvm/a/b'], ['usr/lib/jvmx', 'usr/lib']],
    ['/etc/', ['etc', 'etc/a/b'], ['x/etc']],
    ['./bin/*', ['bin/x', 'bin/.x', 'bin/x/y'], ['bin']],
    ['*', ['a', '.a', '...', '-f', 'a/b'], []],
    ['*/**', ['a', 'a/b/c'], []],
    ['**/**/*.so', ['a.so', 'x/y/.z.so', 'a.so/b'], ['a.soo']],
    ['lib*/', ['lib', 'lib64/x/y'], ['usr/lib']],
    ['[x-z]', ['y'], ['a', 'Y']],
    ['{a,b}/c', ['a/c', 'b/c'], ['c/c', 'a/d']],
    ['a?', ['ab', 'a.'], ['a', 'abc', 'a/']],
    ['a\\*b', ['a*b', 'a*b/c'], ['axb']],
    ['{usr/,}lib/*.{so,so.[0-9]}', ['lib/a.so', 'usr/lib/b.so.6'], ['usr/lib/b.so.66', 'usr/a.so']],
    ['x{1..3}', ['x1', 'x3'], ['x4', 'x{1..3}']],
    ['{x}*', ['{x}', '{x}y'], ['x', 'xy']],
    ['[]x]', [']', 'x'], ['[]x]']],
    ['[!a-c]', ['d', '!'], ['b']],
    ['[\\]x-]', [']', '-'], ['\\', 'y']],
    ['a|b', ['a|b'], ['a', 'b']],
    ['x(1)', ['x(1)'], ['x1']],
    ['+(a)', ['+(a)'], ['a', 'aa']],
    ['q+', ['q+'], ['qq']],
    ['!(a)', [], ['(a)']],
    ['__proto__', ['__proto__'], ['a']],
    ['é?', [latin1('éé')], [latin1('é')]],
    ['caf?', ['caf\xe9'], ['caf']],
    [
      '?',
      [latin1('é'), latin1('😀'), '\xe9', latin1('\u{fffd}')],
      [latin1('😀😀'), latin1('é'.normalize('NFD'))],
    ],
    ['a?b*c', [latin1('a😀bc'), latin1('a😀b😀😀c'), 'a\xf0b\x9fc'], [latin1('a😀😀bc')]],
    ['[😀]', [latin1('😀')], [latin1('😁'), '\xf0']],
    ['[!😀]', [latin1('😁'), 'a'], [latin1('😀'), latin1('😁😁')]],
    ['[😀-😂]', [latin1('😁')], [latin1('😃'), latin1('\u{ffff}')]],
    ['[\ue000-😀]', [latin1('\uffee'), latin1('😀')], ['a', latin1('😁')]],
    ['\\😀*', [latin1('😀'), latin1('😀x')], ['\\', latin1('😁')]],
    ['{😀,é}/x', [latin1('😀/x'), latin1('é/x')], ['a/x']],
    ['😀', [latin1('😀')], [latin1('😁')]],
  ])('%s', (pattern, matching, others) => {
    const selection = createSelection([pattern]);
    expect(matching.filter((path) => !has(selection, path))).toEqual([]);
    expect(others.filter((path) => has(selection, path))).toEqual([]);
  });

  it('wants nothing that a pattern with ! before it matches, in whatever order they are given', () => {
    for (const patterns of [
      ['etc/**', '!etc/ssl'],
      ['!etc/ssl', 'etc/**'],
    ]) {
      const selection = createSelection(patterns);
      expect(['etc', 'etc/ssl', 'etc/ssl/a', 'etc/sslx'].map((path) => has(selection, path))).toEqual([
        true,
        false,
        false,
        true,
      ]);
    }
  });

  it('wants everything else where there are only such patterns, and everything where there are none', () => {
    const selection = createSelection(['!**/*.pyc']);
    expect(has(selection, 'usr/a.py')).toBe(true);
    expect(has(selection, 'usr/a.pyc')).toBe(false);
    expect(createSelection([])).toBeUndefined();
  });

  it.each([
    ['', '**'],
    ['!', '**'],
    ['/', '**'],
    ['.', '**'],
    ['../a', '..'],
    ['a/./b', '. or ..'],
    ['[a', 'bracket'],
    ['a]', 'bracket'],
    ['{a', 'bracket'],
    ['a}', 'bracket'],
    ['[!]', 'bracket'],
    ['[a/b]', 'bracket'],
    ['{a,b}'.repeat(13), 'braces'],
    ['a\0b', 'no pattern'],
    ['a'.repeat(5000), 'no pattern'],
  ])('refuses %j', (pattern, problem) => {
    const { message } = thrown('INPUT_INVALID', () => createSelection([pattern], 'the input paths'));
    expect(message).toContain('the input paths: ');
    expect(message).toContain(problem);
  });

  it('refuses more patterns than anybody needs', () => {
    thrown('INPUT_INVALID', () => createSelection(Array(1001).fill('a')));
    expect(has(createSelection(Array(1000).fill('a')), 'a')).toBe(true);
  });
});

describe('patterns that are of no use', () => {
  it.each<[patterns: string[], idle: string[]]>([
    [['etc', 'opt'], ['opt']],
    [['etc', '!etc/ssl'], []],
    [
      ['etc', '!etc/x', '!usr/**'],
      ['!etc/x', '!usr/**'],
    ],
    [['!usr/lib', '!lib'], ['!lib']],
    [['etc/ssl', '!etc/ssl'], []],
    [['**', '!**/*.conf', '!**/*.pem'], ['!**/*.pem']],
  ])('of %j are %j', (patterns, idle) => {
    const selection = createSelection(patterns);
    const left = new Set(selection?.patterns);
    for (const path of ['etc', 'etc/a.conf', 'etc/ssl', 'usr', 'usr/lib'])
      if (selection) selection.cross(left, progressOf(selection, path));
    expect([...left]).toEqual(idle);
  });
});

describe('progress through a tree', () => {
  it('is the same object for all directories that have come equally far', () => {
    const selection = createSelection(['etc/**', '**/x/*.conf']) as Selection;
    const held = (path: string) => selection.hold(progressOf(selection, path));
    expect(held('usr/lib/a')).toBe(held('var'));
    expect(held('a/x')).toBe(held('b/c/x'));
    expect(held('a/x')).not.toBe(held('a/y'));
    expect(progressOf(selection, 'etc/a/b')).toMatchObject({ isWanted: true });
  });
});
