// Layers add, replace and remove: what a layer means on top of the ones below.
import { dir, fifo, file, hardlink, pax, symlink, tar } from '../support/tar-builder.ts';
import type { CorpusCase } from './case.ts';

export const lower = tar(
  dir('d/'),
  file('d/old', 'old'),
  dir('d/sub/'),
  file('d/sub/deep', 'deep'),
  file('keep', 'keep'),
);

export const CHANGES: readonly CorpusCase[] = [
  {
    name: 'makes files, directories and links',
    layers: [tar(dir('a/'), file('a/f', 'body'), symlink('a/l', 'f'), file('empty'))],
    tree: { a: 'dir', 'a/f': 'file: body', 'a/l': 'link: f', empty: 'file: ' },
  },
  {
    name: 'replaces a file by the file of an upper layer',
    layers: [tar(file('f', 'long content')), tar(file('f', 'new'))],
    tree: { f: 'file: new' },
  },
  {
    name: 'keeps nothing of the attributes of a file that was replaced',
    layers: [
      tar(file('f', 'old', { mode: 0o4711, uid: 5, gid: 6, mtime: 1 })),
      tar(file('f', 'new', { mtime: 2 })),
    ],
    tree: { f: { is: 'file: new', mtime: 2 } },
  },
  {
    name: 'takes the last of several entries of a name',
    layers: [tar(file('f', '1'), dir('f/'), file('f/x'), file('f', '2'), symlink('f', 'a'), file('f', '3'))],
    tree: { f: 'file: 3' },
  },
  {
    name: 'takes the attributes of the last of several entries of a directory, and the content of all',
    layers: [tar(dir('d/', { mode: 0o700 }), file('d/a'), dir('d', { mode: 0o711, mtime: 9 }), file('d/b'))],
    tree: { d: { is: 'dir', mode: 0o711, mtime: 9 }, 'd/a': 'file: ', 'd/b': 'file: ' },
  },
  {
    name: 'replaces a directory and all below by a file',
    layers: [lower, tar(file('d', 'now a file'))],
    tree: { d: 'file: now a file', keep: 'file: keep' },
  },
  {
    name: 'replaces a directory and all below by a symbolic link',
    layers: [lower, tar(symlink('d', 'keep'))],
    tree: { d: 'link: keep', keep: 'file: keep' },
  },
  {
    name: 'replaces a directory and all below by a FIFO',
    layers: [lower, tar(fifo('d'))],
    tree: { d: 'fifo', keep: 'file: keep' },
  },
  {
    name: 'replaces a file by a directory',
    layers: [tar(file('x', 'file')), tar(dir('x/'), file('x/in', 'in'))],
    tree: { x: 'dir', 'x/in': 'file: in' },
  },
  {
    name: 'replaces a FIFO by a directory, and a directory by a file in the layer after',
    layers: [tar(fifo('x')), tar(dir('x/'), file('x/in')), tar(file('x', 'f'))],
    tree: { x: 'file: f' },
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
    layers: [lower, tar(dir('d/'), file('d/new', 'new'))],
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
    name: 'removes a tree of 300 levels',
    layers: [tar(pax(['path', `${'n/'.repeat(300)}f`]), file('x')), tar(file('n', 'gone'))],
    tree: { n: 'file: gone' },
  },
  {
    name: 'lets go of a name that changes in each of five layers',
    layers: [
      tar(file('x')),
      tar(dir('x/'), file('x/y')),
      tar(symlink('x', 'z')),
      tar(file('.wh.x')),
      tar(file('x/q', 'q')),
    ],
    tree: { x: 'implicit', 'x/q': 'file: q' },
  },
  {
    name: 'takes an empty stream for an empty layer',
    layers: [lower, Buffer.alloc(0), tar(file('d'))],
    tree: { d: 'file: ', keep: 'file: keep' },
  },
  { name: 'takes an image without layers', layers: [], tree: {} },
];
