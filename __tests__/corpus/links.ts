// Hard links: names from the root of the archive, looked up in the tree. And targets of symbolic links, which nobody looks up.
import { char, dir, fifo, file, hardlink, longLink, pax, symlink, tar } from '../support/tar-builder.ts';
import type { CorpusCase } from './case.ts';

export const LINKS: readonly CorpusCase[] = [
  {
    name: 'links to this layer and to lower ones, absolute, with a dot, and in chains',
    layers: [
      tar(file('a', 'a')),
      tar(dir('d/'), hardlink('d/b', '/a'), hardlink('c', './d/b'), hardlink('d/e', 'c')),
    ],
    tree: { a: 'file: a', c: 'hard: a', d: 'dir', 'd/b': 'hard: a', 'd/e': 'hard: a' },
  },
  {
    name: 'links in each of three layers to the name that the one before made',
    layers: [tar(file('a', 'a')), tar(hardlink('b', 'a'), file('.wh.a')), tar(hardlink('c', 'b'))],
    tree: { b: 'file: a', c: 'hard: b' },
  },
  {
    name: 'takes a link name from the root, not from the directory of the entry',
    layers: [tar(dir('d/'), file('d/f', 'wrong'), file('f', 'right'), hardlink('d/l', 'f'))],
    tree: { d: 'dir', 'd/f': 'file: wrong', 'd/l': 'file: right', f: 'hard: d/l' },
  },
  {
    name: 'cleans link names',
    layers: [tar(dir('d/'), file('d/f', 'f'), hardlink('1', './/d/./f'), hardlink('2', 'x/../d/f/'))],
    tree: { d: 'dir', 'd/f': 'file: f', '1': 'hard: d/f', '2': 'hard: d/f' },
  },
  {
    name: 'looks for the target through symbolic links in the root',
    layers: [tar(dir('real/'), file('real/f', 'f'), symlink('l', '/real'), hardlink('h', 'l/f'))],
    tree: { real: 'dir', 'real/f': 'file: f', l: 'link: /real', h: 'hard: real/f' },
  },
  {
    name: 'puts a link through symbolic links in its own name',
    layers: [tar(file('f', 'f'), symlink('l', '/some/where'), hardlink('l/h', 'f'))],
    tree: {
      f: 'file: f',
      l: 'link: /some/where',
      some: 'implicit',
      'some/where': 'implicit',
      'some/where/h': 'hard: f',
    },
  },
  {
    name: 'makes a second name of a symbolic link that is the target',
    linuxOnly: true,
    layers: [tar(file('f', 'f'), symlink('l', 'f', { mtime: 3 }), hardlink('h', 'l'))],
    tree: { f: 'file: f', l: { is: 'link: f', mtime: 3 }, h: 'hard: l' },
  },
  {
    name: 'makes a second name of a symbolic link to a directory, and goes through it',
    linuxOnly: true,
    layers: [tar(dir('d/'), symlink('l', 'd'), hardlink('h', 'l'), file('h/f', 'f'))],
    tree: { d: 'dir', l: 'link: d', h: 'hard: l', 'd/f': 'file: f' },
  },
  {
    name: 'makes a second name of a FIFO',
    layers: [tar(fifo('p', { mode: 0o600 }), hardlink('q', 'p'))],
    tree: { p: { is: 'fifo', mode: 0o600 }, q: 'hard: p' },
  },
  {
    name: 'makes a second name of a device',
    layers: [tar(char('c', [1, 3]), hardlink('l', 'c'))],
    tree: { c: 'char 1:3', l: 'hard: c' },
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
    name: 'takes a link to another name of the same file',
    layers: [tar(file('a', 'a'), hardlink('b', 'a')), tar(hardlink('a', 'b'))],
    tree: { a: 'file: a', b: 'hard: a' },
  },
  {
    name: 'replaces what stands at the name of a link',
    layers: [
      tar(file('a', 'a'), dir('b/'), file('b/c'), symlink('l', 'b')),
      tar(hardlink('b', 'a'), hardlink('l', 'a')),
    ],
    tree: { a: 'file: a', b: 'hard: a', l: 'hard: a' },
  },
  {
    name: 'gives a link the attributes of its target, not of its entry',
    layers: [
      tar(
        file('f', 'x', { mode: 0o600, uid: 2 }),
        hardlink('h', 'f', { mtime: 1, mode: 0o4777, uid: 3, gid: 3 }),
      ),
    ],
    tree: { f: { is: 'file: x', mode: 0o600, uid: 2 }, h: 'hard: f' },
  },
  {
    name: 'takes long link names of GNU and pax',
    layers: [
      tar(
        pax(['path', `${'n'.repeat(200)}/f`]),
        file('x', 'f'),
        longLink(`${'n'.repeat(200)}/f`),
        hardlink('g', 'cut'),
        pax(['linkpath', `/${'n'.repeat(200)}/f`]),
        hardlink('p', 'cut'),
        longLink('t'.repeat(300)),
        symlink('s', 'cut'),
      ),
    ],
    tree: {
      ['n'.repeat(200)]: 'implicit',
      [`${'n'.repeat(200)}/f`]: 'file: f',
      g: `hard: ${'n'.repeat(200)}/f`,
      p: `hard: ${'n'.repeat(200)}/f`,
      s: `link: ${'t'.repeat(300)}`,
    },
  },
  {
    name: 'keeps targets of symbolic links to the byte',
    linuxOnly: true,
    layers: [
      tar(
        symlink('a', '/etc/../x//'),
        symlink('b', '../../..'),
        symlink('c', Buffer.from('\xe9/.', 'latin1')),
        symlink('d', '.'),
        symlink('e', 'C:\\x'),
        pax(['linkpath', 'x'.repeat(4095)]),
        symlink('f', ''),
      ),
    ],
    tree: {
      a: 'link: /etc/../x//',
      b: 'link: ../../..',
      c: 'link: \udce9/.',
      d: 'link: .',
      e: 'link: C:\\x',
      f: `link: ${'x'.repeat(4095)}`,
    },
  },
  {
    name: 'makes loops of symbolic links that nobody has to follow',
    layers: [tar(symlink('a', 'b'), symlink('b', 'a'), symlink('self', 'self'))],
    tree: { a: 'link: b', b: 'link: a', self: 'link: self' },
  },
];

const refused = (name: string, ...entries: readonly Buffer[]): CorpusCase => ({
  name: `refuses ${name}`,
  layers: [tar(...entries)],
  code: 'TAR_INVALID',
});

export const IMPOSSIBLE_LINKS: readonly CorpusCase[] = [
  refused('a hard link to nothing', hardlink('l', 'nope')),
  refused('a hard link without a target', hardlink('l', '')),
  refused('a hard link to what comes later', hardlink('l', 'f'), file('f')),
  refused('a hard link to a directory', dir('d/'), hardlink('l', 'd')),
  refused('a hard link to a directory through a link', dir('d/e/'), symlink('m', 'd'), hardlink('l', 'm/e')),
  refused('a hard link to the root', hardlink('l', '/')),
  refused('a hard link to itself that is not there', hardlink('l', 'l')),
  refused('a hard link to a whiteout', file('.wh.a'), hardlink('l', '.wh.a')),
  refused(
    'a hard link in place of the directory of its target',
    dir('d/'),
    file('d/f'),
    hardlink('d', 'd/f'),
  ),
  refused('a hard link below its target', file('f'), hardlink('f/x', 'f')),
  {
    name: 'refuses a hard link to what a lower layer had and the one below removed',
    layers: [tar(file('f')), tar(file('.wh.f')), tar(hardlink('l', 'f'))],
    code: 'TAR_INVALID',
  },
  {
    name: 'refuses a symbolic link without a target',
    layers: [tar(symlink('l', ''))],
    code: 'UNPACK_FAILED',
  },
  {
    name: 'refuses a symbolic link with a target longer than the kernel takes',
    layers: [tar(pax(['linkpath', 'x'.repeat(5000)]), symlink('l', ''))],
    code: 'UNPACK_FAILED',
  },
];
