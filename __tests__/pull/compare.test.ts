import { describe, expect, it } from 'vitest';
import { compareEntries, type Difference } from '../../src/pull/compare.ts';
import type { ListedEntry } from '../../src/unpack/listing.ts';

function entry(path: string, changes: Partial<ListedEntry> = {}): ListedEntry {
  return { path, kind: 'file', mode: 0o644, uid: 0, gid: 0, size: 1, content: 'x', xattrs: '', ...changes };
}

const inWords = (difference: Difference) =>
  difference.kind === 'changed'
    ? `${difference.after.path}: ${difference.aspects.join(' ')}`
    : `${difference.kind} ${difference.entry.path}`;

describe('comparing two trees', () => {
  it.each<[string, ListedEntry[], ListedEntry[], string[]]>([
    ['nothing with nothing', [], [], []],
    ['the same with the same', [entry('a'), entry('b')], [entry('a'), entry('b')], []],
    [
      'what is only in the second',
      [entry('b')],
      [entry('a'), entry('b'), entry('c')],
      ['added a', 'added c'],
    ],
    [
      'what is only in the first',
      [entry('a'), entry('b'), entry('c')],
      [entry('b')],
      ['removed a', 'removed c'],
    ],
    ['other content', [entry('a')], [entry('a', { content: 'y' })], ['a: content']],
    ['another size', [entry('a')], [entry('a', { size: 2 })], ['a: content']],
    ['another mode', [entry('a')], [entry('a', { mode: 0o755 })], ['a: mode']],
    ['another owner', [entry('a')], [entry('a', { gid: 1 })], ['a: owner']],
    ['other attributes', [entry('a')], [entry('a', { xattrs: 'user.a=eA==' })], ['a: xattrs']],
    ['another kind', [entry('a')], [entry('a', { kind: 'directory', content: '' })], ['a: kind']],
    [
      'links, whose modes mean nothing',
      [entry('a', { kind: 'symlink', mode: 0o777 })],
      [entry('a', { kind: 'symlink' })],
      [],
    ],
  ])('finds of %s', (_, before, after, expected) => {
    expect(compareEntries(before, after).map(inWords)).toEqual(expected);
  });
});
