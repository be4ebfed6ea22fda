// What layers mean: changes, whiteouts, parents and links. Each case unpacks layers and looks at all that is there.
import { describe, expect, it } from 'vitest';
import { dir, file, hardlink, longName, pax, symlink, tar } from '../support/tar-builder.ts';
import { OWNERS, unpackRoom } from '../support/unpack-room.ts';

interface Case {
  readonly name: string;
  readonly layers: readonly Uint8Array[];
  readonly tree: Readonly<Record<string, string>>;
}

const base = tar(
  dir('d/'),
  file('d/old', 'old'),
  dir('d/sub/'),
  file('d/sub/deep', 'deep'),
  file('keep', 'keep'),
);

const CHANGES: Case[] = [
  {
    name: 'makes files, directories and links',
    layers: [tar(dir('a/'), file('a/f', 'body'), symlink('a/l', 'f'), file('empty'))],
    tree: { a: 'dir', 'a/f': 'file: body', 'a/l': 'link: f', empty: 'file: ' },
  },
  {
    name: 'makes parents that have no entry',
    layers: [tar(file('a/b/c', 'x'))],
    tree: { a: 'dir', 'a/b': 'dir', 'a/b/c': 'file: x' },
  },
  {
    name: 'replaces a file by the file of an upper layer',
    layers: [tar(file('f', 'long content')), tar(file('f', 'new'))],
    tree: { f: 'file: new' },
  },
  {
    name: 'takes the last of several entries of a name',
    layers: [tar(file('f', '1'), dir('f/'), file('f/x'), file('f', '2'), symlink('f', 'a'), file('f', '3'))],
    tree: { f: 'file: 3' },
  },
  {
    name: 'replaces a directory and all below by a file',
    layers: [base, tar(file('d', 'now a file'))],
    tree: { d: 'file: now a file', keep: 'file: keep' },
  },
  {
    name: 'replaces a directory and all below by a symbolic link',
    layers: [base, tar(symlink('d', 'keep'))],
    tree: { d: 'link: keep', keep: 'file: keep' },
  },
  {
    name: 'replaces a file by a directory',
    layers: [tar(file('x', 'file')), tar(dir('x/'), file('x/in', 'in'))],
    tree: { x: 'dir', 'x/in': 'file: in' },
  },
  {
    name: 'replaces a symbolic link by a directory, not what it points to',
    layers: [tar(dir('real/'), file('real/f', 'f'), symlink('l', 'real')), tar(dir('l/'), file('l/g', 'g'))],
    tree: { real: 'dir', 'real/f': 'file: f', l: 'dir', 'l/g': 'file: g' },
  },
  {
    name: 'replaces a symbolic link by a file, not what it points to',
    layers: [tar(file('real', 'real'), symlink('l', 'real')), tar(file('l', 'new'))],
    tree: { real: 'file: real', l: 'file: new' },
  },
  {
    name: 'writes a new file where one of several names is replaced',
    layers: [tar(file('a', 'shared'), hardlink('b', 'a')), tar(file('a', 'new'))],
    tree: { a: 'file: new', b: 'file: shared' },
  },
  {
    name: 'keeps the content of a directory that has an entry again',
    layers: [base, tar(dir('d/'), file('d/new', 'new'))],
    tree: {
      d: 'dir',
      'd/old': 'file: old',
      'd/new': 'file: new',
      'd/sub': 'dir',
      'd/sub/deep': 'file: deep',
      keep: 'file: keep',
    },
  },
  {
    name: 'honours the order within a layer',
    layers: [tar(dir('d/'), file('d/f'), dir('x/'), symlink('d', 'x'), file('d/g', 'g'))],
    tree: { d: 'link: x', x: 'dir', 'x/g': 'file: g' },
  },
  {
    name: 'removes a tree of 500 levels',
    layers: [tar(pax(['path', `${'n/'.repeat(500)}f`]), file('x')), tar(file('n', 'gone'))],
    tree: { n: 'file: gone' },
  },
  {
    name: 'takes names that objects of JavaScript have',
    layers: [tar(file('__proto__', 'p'), dir('constructor'), file('constructor/toString', 's'))],
    tree: Object.fromEntries([
      ['__proto__', 'file: p'],
      ['constructor', 'dir'],
      ['constructor/toString', 'file: s'],
    ]),
  },
  {
    name: 'takes an empty stream for an empty layer',
    layers: [base, Buffer.alloc(0), tar(file('d'))],
    tree: { d: 'file: ', keep: 'file: keep' },
  },
  { name: 'takes an image without layers', layers: [], tree: {} },
];

const WHITEOUTS: Case[] = [
  {
    name: 'removes a file of a lower layer',
    layers: [tar(file('f'), file('g', 'g')), tar(file('.wh.f'))],
    tree: { g: 'file: g' },
  },
  {
    name: 'removes a directory of a lower layer',
    layers: [base, tar(file('.wh.d'))],
    tree: { keep: 'file: keep' },
  },
  {
    name: 'removes what is deep below',
    layers: [base, tar(file('d/sub/.wh.deep'), file('d/.wh.old'))],
    tree: { d: 'dir', 'd/sub': 'dir', keep: 'file: keep' },
  },
  {
    name: 'keeps a file that the same layer wrote before',
    layers: [tar(file('f', 'old')), tar(file('f', 'new'), file('.wh.f'))],
    tree: { f: 'file: new' },
  },
  {
    name: 'keeps a file that the same layer writes later',
    layers: [tar(file('f', 'old')), tar(file('.wh.f'), file('f', 'new'))],
    tree: { f: 'file: new' },
  },
  {
    name: 'removes below a directory only what lower layers left',
    layers: [base, tar(file('d/sub/new', 'new'), file('.wh.d'))],
    tree: { d: 'dir', 'd/sub': 'dir', 'd/sub/new': 'file: new', keep: 'file: keep' },
  },
  {
    name: 'removes a directory that the same layer makes anew later',
    layers: [base, tar(file('.wh.d'), dir('d/'), file('d/new', 'new'))],
    tree: { d: 'dir', 'd/new': 'file: new', keep: 'file: keep' },
  },
  {
    name: 'removes the content of a directory that the same layer made anew before',
    layers: [base, tar(dir('d/'), file('d/new', 'new'), file('.wh.d'))],
    tree: { d: 'dir', 'd/new': 'file: new', keep: 'file: keep' },
  },
  {
    name: 'ignores what is not there: the target, its parent, or a directory',
    layers: [
      base,
      tar(file('.wh.nope'), file('no/such/.wh.dir'), file('keep/.wh.x'), file('.wh.d'), file('d/.wh.old')),
    ],
    tree: { keep: 'file: keep' },
  },
  {
    name: 'takes a whiteout of any type, and makes none of them',
    layers: [
      tar(file('a'), file('b'), file('c'), file('d'), file('e', 'e')),
      tar(
        dir('.wh.a/'),
        symlink('.wh.b', 'e'),
        hardlink('.wh.c', 'e'),
        file('.wh.d', 'with data'),
        file('f', 'f'),
      ),
    ],
    tree: { e: 'file: e', f: 'file: f' },
  },
  {
    name: 'removes a symbolic link itself, and looks for the parent through one',
    layers: [
      tar(dir('real/'), file('real/f'), symlink('l', 'real'), symlink('m', 'real')),
      tar(file('.wh.m'), file('l/.wh.f')),
    ],
    tree: { real: 'dir', l: 'link: real' },
  },
  {
    name: 'keeps the other names of a file',
    layers: [tar(file('a', 'a'), hardlink('b', 'a')), tar(file('.wh.a'))],
    tree: { b: 'file: a' },
  },
  {
    name: 'takes names that only look like whiteouts for names',
    layers: [
      tar(file('.opq'), file('x')),
      tar(file('.wh', '1'), file('.whx', '2'), file('a.wh.b', '3'), file('.wh..opq')),
    ],
    tree: { x: 'file: ', '.wh': 'file: 1', '.whx': 'file: 2', 'a.wh.b': 'file: 3' },
  },
  {
    name: 'empties an opaque directory of what lower layers left, before and after its new content',
    layers: [base, tar(dir('d/'), file('d/first', '1'), file('d/.wh..wh..opq'), file('d/second', '2'))],
    tree: { d: 'dir', 'd/first': 'file: 1', 'd/second': 'file: 2', keep: 'file: keep' },
  },
  {
    name: 'empties directories below an opaque one too, though they were made anew before',
    layers: [
      tar(dir('a/'), dir('a/b/'), dir('a/b/c/'), file('a/b/c/bar', 'old')),
      tar(dir('a/'), dir('a/b/'), dir('a/b/c/'), file('a/b/c/foo', 'new'), file('a/.wh..wh..opq')),
    ],
    tree: { a: 'dir', 'a/b': 'dir', 'a/b/c': 'dir', 'a/b/c/foo': 'file: new' },
  },
  {
    name: 'empties an opaque root',
    layers: [base, tar(file('new', 'new'), file('.wh..wh..opq'))],
    tree: { new: 'file: new' },
  },
  {
    name: 'makes no directory for being opaque',
    layers: [base, tar(file('x/y/.wh..wh..opq'), file('.wh.d'))],
    tree: { keep: 'file: keep' },
  },
  {
    name: 'leaves out what the file system aufs left behind, but not links to it',
    layers: [
      tar(
        file('.wh..wh.aufs'),
        dir('.wh..wh.orph/'),
        dir('.wh..wh.plnk/'),
        file('.wh..wh.plnk/7.1', 'shared'),
        hardlink('a', '.wh..wh.plnk/7.1'),
        hardlink('b', '/.wh..wh.plnk/7.1'),
      ),
    ],
    tree: { a: 'file: shared', b: 'file: shared' },
  },
];

const PARENTS: Case[] = [
  {
    name: 'goes through relative and absolute links to parents, across layers',
    layers: [
      tar(dir('real/sub/'), symlink('rel', 'real/sub'), symlink('abs', '/real')),
      tar(file('rel/a', 'a'), file('abs/b', 'b'), file('abs/sub/c', 'c')),
    ],
    tree: {
      real: 'dir',
      'real/sub': 'dir',
      'real/sub/a': 'file: a',
      'real/b': 'file: b',
      'real/sub/c': 'file: c',
      rel: 'link: real/sub',
      abs: 'link: /real',
    },
  },
  {
    name: 'stops at the root on the way up',
    layers: [
      tar(
        dir('a/'),
        symlink('a/up', '../../../..'),
        file('a/up/f', 'f'),
        symlink('top', '/..'),
        file('top/g', 'g'),
      ),
    ],
    tree: { a: 'dir', 'a/up': 'link: ../../../..', f: 'file: f', top: 'link: /..', g: 'file: g' },
  },
  {
    name: 'makes the directories that a dangling link points to',
    layers: [tar(symlink('run', '/var/run'), file('run/lock/f', 'f'))],
    tree: {
      run: 'link: /var/run',
      var: 'dir',
      'var/run': 'dir',
      'var/run/lock': 'dir',
      'var/run/lock/f': 'file: f',
    },
  },
  {
    name: 'does not follow the last component',
    layers: [tar(dir('real/'), symlink('l', 'real'), symlink('l', 'nowhere'))],
    tree: { real: 'dir', l: 'link: nowhere' },
  },
  {
    name: 'puts a directory in place of a file that is a parent',
    layers: [tar(file('p', 'file')), tar(file('p/f', 'f'))],
    tree: { p: 'dir', 'p/f': 'file: f' },
  },
  {
    name: 'follows up to 255 links',
    layers: [
      tar(
        dir('t/'),
        ...Array.from({ length: 255 }, (_, at) => symlink(`l${at}`, at === 254 ? 't' : `l${at + 1}`)),
        file('l0/f', 'f'),
      ),
    ],
    tree: {
      t: 'dir',
      't/f': 'file: f',
      ...Object.fromEntries(
        Array.from({ length: 255 }, (_, at) => [`l${at}`, `link: ${at === 254 ? 't' : `l${at + 1}`}`]),
      ),
    },
  },
  {
    name: 'cleans names',
    layers: [
      tar(
        file('/abs', '1'),
        file('./dot', '2'),
        file('a//b', '3'),
        file('x/../c', '4'),
        file('./e/./f/../g', '5'),
        dir('h//./'),
      ),
    ],
    tree: {
      abs: 'file: 1',
      dot: 'file: 2',
      a: 'dir',
      'a/b': 'file: 3',
      c: 'file: 4',
      e: 'dir',
      'e/g': 'file: 5',
      h: 'dir',
    },
  },
  {
    name: 'tells names apart that differ in one byte that is no UTF-8',
    layers: [
      tar(
        file(Buffer.from('caf\xe9', 'latin1'), '1'),
        file(Buffer.from('caf\xe8', 'latin1'), '2'),
        file('café', '3'),
      ),
    ],
    tree: { 'caf\udce9': 'file: 1', 'caf\udce8': 'file: 2', café: 'file: 3' },
  },
  {
    name: 'makes directories and links whose names are no UTF-8',
    layers: [
      tar(
        file(Buffer.from('\xff/\xfe', 'latin1'), '1'),
        symlink('l', Buffer.from('\xff', 'latin1')),
        file('l/g', '2'),
        longName(Buffer.alloc(200, 0xe9)),
        file('x', '3'),
      ),
    ],
    tree: {
      '\udcff': 'dir',
      '\udcff/\udcfe': 'file: 1',
      '\udcff/g': 'file: 2',
      l: 'link: \udcff',
      ['\udce9'.repeat(200)]: 'file: 3',
    },
  },
];

const LINKS: Case[] = [
  {
    name: 'links to this layer and to lower ones, absolute, with a dot, and in chains',
    layers: [
      tar(file('a', 'a')),
      tar(dir('d/'), hardlink('d/b', '/a'), hardlink('c', './d/b'), hardlink('d/e', 'c')),
    ],
    tree: { a: 'file: a', c: 'file: a', d: 'dir', 'd/b': 'file: a', 'd/e': 'file: a' },
  },
  {
    name: 'takes a link name from the root, not from the directory of the entry',
    layers: [tar(dir('d/'), file('d/f', 'wrong'), file('f', 'right'), hardlink('d/l', 'f'))],
    tree: { d: 'dir', 'd/f': 'file: wrong', 'd/l': 'file: right', f: 'file: right' },
  },
  {
    name: 'looks for the target through symbolic links in the root',
    layers: [tar(dir('real/'), file('real/f', 'f'), symlink('l', '/real'), hardlink('h', 'l/f'))],
    tree: { real: 'dir', 'real/f': 'file: f', l: 'link: /real', h: 'file: f' },
  },
  {
    name: 'makes a second name of a symbolic link that is the target',
    layers: [tar(file('f', 'f'), symlink('l', 'f'), hardlink('h', 'l'))],
    tree: { f: 'file: f', l: 'link: f', h: 'link: f' },
  },
  {
    name: 'leaves a link to itself alone',
    layers: [tar(file('a', 'a'), hardlink('a', './a'), hardlink('a', 'a'))],
    tree: { a: 'file: a' },
  },
  {
    name: 'keeps a link to itself when its layer removes the name',
    layers: [tar(file('a', 'a')), tar(hardlink('a', 'a'), file('.wh.a'))],
    tree: { a: 'file: a' },
  },
  {
    name: 'replaces what stands at the name of a link',
    layers: [tar(file('a', 'a'), dir('b/'), file('b/c')), tar(hardlink('b', 'a'))],
    tree: { a: 'file: a', b: 'file: a' },
  },
  {
    name: 'reads no data for links and directories, whatever size they claim',
    layers: [
      tar(
        file('a', 'a'),
        hardlink('b', 'a', { size: 5 }),
        symlink('l', 'a', { size: 700 }),
        dir('d/', { size: 4096 }),
        file('z', 'z'),
      ),
    ],
    tree: { a: 'file: a', b: 'file: a', l: 'link: a', d: 'dir', z: 'file: z' },
  },
  {
    name: 'keeps targets of symbolic links to the byte',
    layers: [
      tar(
        symlink('a', '/etc/../x//'),
        symlink('b', '../../..'),
        symlink('c', Buffer.from('\xe9/.', 'latin1')),
      ),
    ],
    tree: { a: 'link: /etc/../x//', b: 'link: ../../..', c: 'link: \udce9/.' },
  },
];

describe.each(OWNERS)('unpacking with owner %s', (owner) => {
  describe.each([
    { group: 'changes', cases: CHANGES },
    { group: 'whiteouts', cases: WHITEOUTS },
    { group: 'parents and names', cases: PARENTS },
    { group: 'links', cases: LINKS },
  ])('$group', ({ cases }) => {
    it.each(cases)('$name', async ({ layers, tree }) => {
      using room = unpackRoom();
      await room.unpack(layers, { owner });
      expect(room.shape()).toEqual(tree);
    });
  });

  it('makes one file of hard links', async () => {
    using room = unpackRoom();
    await room.unpack([tar(file('a', 'a')), tar(dir('d/'), hardlink('d/b', 'a'))], { owner });
    expect(room.stat('d/b').ino).toBe(room.stat('a').ino);
    expect(room.stat('a').nlink).toBe(2n);
  });
});
