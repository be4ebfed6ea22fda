// Whiteouts remove what lower layers left, wherever in their own layer they stand.
// https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
import { dir, fifo, file, hardlink, symlink, tar } from '../support/tar-builder.ts';
import type { CorpusCase } from './case.ts';
import { lower } from './changes.ts';

export const WHITEOUTS: readonly CorpusCase[] = [
  {
    name: 'removes a file of a lower layer',
    layers: [tar(file('f'), file('g', 'g')), tar(file('.wh.f'))],
    tree: { g: 'file: g' },
  },
  {
    name: 'removes a directory of a lower layer',
    layers: [lower, tar(file('.wh.d'))],
    tree: { keep: 'file: keep' },
  },
  {
    name: 'removes a FIFO of a lower layer',
    layers: [tar(fifo('p'), fifo('q')), tar(file('.wh.p'))],
    tree: { q: 'fifo' },
  },
  {
    name: 'removes what is deep below',
    layers: [lower, tar(file('d/sub/.wh.deep'), file('d/.wh.old'))],
    tree: { d: 'dir', 'd/sub': 'dir', keep: 'file: keep' },
  },
  {
    name: 'removes what several layers below left',
    layers: [tar(file('f', '1')), tar(file('g')), tar(), tar(file('.wh.f'), file('.wh.g'))],
    tree: {},
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
    name: 'does not keep a layer from writing again what the one below removed',
    layers: [tar(file('f', '1')), tar(file('.wh.f')), tar(file('f', '3'))],
    tree: { f: 'file: 3' },
  },
  {
    name: 'removes below a directory only what lower layers left, and their attributes of it',
    layers: [
      tar(dir('d/', { mode: 0o700, uid: 5, mtime: 3 }), file('d/old'), dir('d/e/', { mode: 0o711 })),
      tar(file('d/e/new', 'new'), file('.wh.d')),
    ],
    tree: { d: 'implicit', 'd/e': 'implicit', 'd/e/new': 'file: new' },
  },
  {
    name: 'gives the same with the whiteout first',
    layers: [
      tar(dir('d/', { mode: 0o700, uid: 5, mtime: 3 }), file('d/old'), dir('d/e/', { mode: 0o711 })),
      tar(file('.wh.d'), file('d/e/new', 'new')),
    ],
    tree: { d: 'implicit', 'd/e': 'implicit', 'd/e/new': 'file: new' },
  },
  {
    name: 'removes a directory that the same layer makes anew later',
    layers: [lower, tar(file('.wh.d'), dir('d/'), file('d/new', 'new'))],
    tree: { d: 'dir', 'd/new': 'file: new', keep: 'file: keep' },
  },
  {
    name: 'removes the content of a directory that the same layer made anew before',
    layers: [lower, tar(dir('d/', { mode: 0o711 }), file('d/new', 'new'), file('.wh.d'))],
    tree: { d: { is: 'dir', mode: 0o711 }, 'd/new': 'file: new', keep: 'file: keep' },
  },
  {
    name: 'keeps the link that the same layer put in place of a directory',
    layers: [lower, tar(symlink('d', 'keep'), file('.wh.d'))],
    tree: { d: 'link: keep', keep: 'file: keep' },
  },
  {
    name: 'ignores what is not there: the target, its parent, or a directory',
    layers: [
      lower,
      tar(file('.wh.nope'), file('no/such/.wh.dir'), file('keep/.wh.x'), file('.wh.d'), file('d/.wh.old')),
    ],
    tree: { keep: 'file: keep' },
  },
  {
    name: 'ignores a whiteout in the lowest layer',
    layers: [tar(file('.wh.f'), file('f', 'f'), file('d/.wh..wh..opq'))],
    tree: { f: 'file: f' },
  },
  {
    name: 'takes a whiteout of any type and size, and makes none of them',
    layers: [
      tar(file('a'), file('b'), file('c'), file('d'), file('p'), file('e', 'e')),
      tar(
        dir('.wh.a/'),
        symlink('.wh.b', 'e'),
        hardlink('.wh.c', 'e'),
        file('.wh.d', 'with data'),
        fifo('.wh.p'),
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
    name: 'keeps the other name of a FIFO',
    layers: [tar(fifo('a'), hardlink('b', 'a')), tar(file('.wh.a'))],
    tree: { b: 'fifo' },
  },
  {
    name: 'keeps a link that the same layer made to what it removes',
    layers: [tar(file('a', 'a')), tar(hardlink('b', 'a'), file('.wh.a'))],
    tree: { b: 'file: a' },
  },
  {
    name: 'leaves the attributes of the directory it stands in as they are',
    layers: [tar(dir('d/', { mode: 0o750, mtime: 5 }), file('d/f')), tar(file('d/.wh.f'))],
    tree: { d: { is: 'dir', mode: 0o750, mtime: 5 } },
  },
  {
    name: 'takes names that only look like whiteouts for names',
    layers: [
      tar(file('.opq'), file('x')),
      tar(file('.wh', '1'), file('.whx', '2'), file('a.wh.b', '3'), file('.WH.x', '4'), file('.wh..opq')),
    ],
    tree: { x: 'file: ', '.wh': 'file: 1', '.whx': 'file: 2', 'a.wh.b': 'file: 3', '.WH.x': 'file: 4' },
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
    tree: { a: 'file: shared', b: 'hard: a' },
  },
  {
    name: 'leaves that out below the root too, and nothing of what took its place',
    layers: [
      tar(
        file('d/.wh..wh.plnk/1/x', 'shared'),
        hardlink('a', 'd/.wh..wh.plnk/1/x'),
        file('e/.wh..wh.plnk/2'),
        symlink('e', 'f'),
        file('f/.wh..wh.orph/keep/3'),
        symlink('l', 'f/.wh..wh.orph'),
        file('l/4'),
      ),
      tar(file('g/.wh..wh.x/5')),
    ],
    tree: {
      a: 'file: shared',
      d: 'implicit',
      e: 'link: f',
      f: 'implicit',
      g: 'implicit',
      l: 'link: f/.wh..wh.orph',
    },
  },
];

export const OPAQUE: readonly CorpusCase[] = [
  {
    name: 'empties a directory of what lower layers left, before and after its new content',
    layers: [lower, tar(dir('d/'), file('d/first', '1'), file('d/.wh..wh..opq'), file('d/second', '2'))],
    tree: { d: 'dir', 'd/first': 'file: 1', 'd/second': 'file: 2', keep: 'file: keep' },
  },
  {
    name: 'keeps the directory itself, without an entry in its layer too',
    layers: [tar(dir('d/', { mode: 0o700, mtime: 4 }), file('d/f')), tar(file('d/.wh..wh..opq'))],
    tree: { d: { is: 'dir', mode: 0o700, mtime: 4 } },
  },
  {
    name: 'empties directories below too, though they were made anew before',
    layers: [
      tar(dir('a/'), dir('a/b/'), dir('a/b/c/'), file('a/b/c/bar', 'old')),
      tar(dir('a/'), dir('a/b/'), dir('a/b/c/'), file('a/b/c/foo', 'new'), file('a/.wh..wh..opq')),
    ],
    tree: { a: 'dir', 'a/b': 'dir', 'a/b/c': 'dir', 'a/b/c/foo': 'file: new' },
  },
  {
    name: 'gives the same with the marker first',
    layers: [
      tar(dir('a/'), dir('a/b/'), dir('a/b/c/'), file('a/b/c/bar', 'old')),
      tar(file('a/.wh..wh..opq'), dir('a/'), dir('a/b/'), dir('a/b/c/'), file('a/b/c/foo', 'new')),
    ],
    tree: { a: 'dir', 'a/b': 'dir', 'a/b/c': 'dir', 'a/b/c/foo': 'file: new' },
  },
  {
    name: 'takes several markers, above and below each other, and whiteouts beside them',
    layers: [
      lower,
      tar(file('d/sub/.wh..wh..opq'), file('d/.wh.old'), file('d/.wh..wh..opq'), file('d/sub/.wh..wh..opq')),
    ],
    tree: { d: 'dir', keep: 'file: keep' },
  },
  {
    name: 'works in each layer anew',
    layers: [
      tar(file('d/1')),
      tar(file('d/.wh..wh..opq'), file('d/2')),
      tar(file('d/3'), file('d/.wh..wh..opq')),
    ],
    tree: { d: 'implicit', 'd/3': 'file: ' },
  },
  {
    name: 'empties the root',
    layers: [lower, tar(file('new', 'new'), file('.wh..wh..opq'))],
    tree: { new: 'file: new' },
  },
  {
    name: 'empties a directory that a symbolic link leads to',
    layers: [
      tar(dir('real/'), file('real/f'), symlink('l', '/real')),
      tar(file('l/.wh..wh..opq'), file('l/g')),
    ],
    tree: { real: 'dir', l: 'link: /real', 'real/g': 'file: ' },
  },
  {
    name: 'removes links, not what they point to',
    layers: [lower, tar(symlink('o/l', '../d'), symlink('o/m', '/keep')), tar(file('o/.wh..wh..opq'))],
    tree: {
      d: 'dir',
      'd/old': 'file: old',
      'd/sub': 'dir',
      'd/sub/deep': 'file: deep',
      keep: 'file: keep',
      o: 'implicit',
    },
  },
  {
    name: 'makes no directory for being opaque',
    layers: [lower, tar(file('x/y/.wh..wh..opq'), file('.wh.d'))],
    tree: { keep: 'file: keep' },
  },
  {
    name: 'has no effect below a file',
    layers: [lower, tar(file('keep/.wh..wh..opq'), file('.wh.d'))],
    tree: { keep: 'file: keep' },
  },
];
