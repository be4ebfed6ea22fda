// How an unpacker gets to the place of an entry: through links, as a process with its root there would, and by making what is missing.
import { dir, file, symlink, tar } from '../support/tar-builder.ts';
import type { CorpusCase } from './case.ts';

const chain = Array.from({ length: 255 }, (_, at) => [`l${at}`, at === 254 ? 't' : `l${at + 1}`] as const);

export const PARENTS: readonly CorpusCase[] = [
  {
    name: 'makes parents that have no entry',
    layers: [tar(file('a/b/c', 'x', { uid: 5, gid: 5 }))],
    tree: { a: 'implicit', 'a/b': 'implicit', 'a/b/c': { is: 'file: x', uid: 5, gid: 5 } },
  },
  {
    name: 'gives a parent the attributes of an entry that comes later',
    layers: [tar(file('a/f'), dir('a/', { mode: 0o700, uid: 3, mtime: 8 }))],
    tree: { a: { is: 'dir', mode: 0o700, uid: 3, mtime: 8 }, 'a/f': 'file: ' },
  },
  {
    name: 'keeps the attributes of a parent that an upper layer has no entry for',
    layers: [tar(dir('d/', { mode: 0o710, uid: 9, mtime: 1 })), tar(file('d/f')), tar(dir('d/e/'))],
    tree: { d: { is: 'dir', mode: 0o710, uid: 9, mtime: 1 }, 'd/f': 'file: ', 'd/e': 'dir' },
  },
  {
    name: 'goes through relative and absolute links to parents, across layers',
    layers: [
      tar(dir('real/sub/'), symlink('rel', 'real/sub'), symlink('abs', '/real')),
      tar(file('rel/a', 'a'), file('abs/b', 'b'), file('abs/sub/c', 'c')),
    ],
    tree: {
      real: 'implicit',
      'real/sub': 'dir',
      'real/sub/a': 'file: a',
      'real/b': 'file: b',
      'real/sub/c': 'file: c',
      rel: 'link: real/sub',
      abs: 'link: /real',
    },
  },
  {
    name: 'goes through links to links, with dots and double slashes in their targets',
    layers: [
      tar(dir('a/'), dir('a/b/'), symlink('a/x', './/b/../b/.'), symlink('y', 'a/./x/'), file('y/f', 'f')),
    ],
    tree: { a: 'dir', 'a/b': 'dir', 'a/x': 'link: .//b/../b/.', y: 'link: a/./x/', 'a/b/f': 'file: f' },
  },
  {
    name: 'takes the way up from where a link led, not from where it stands',
    layers: [tar(dir('a/b/'), symlink('l', 'a/b'), symlink('m', 'l/../c'), file('m/f', 'f'))],
    tree: {
      a: 'implicit',
      'a/b': 'dir',
      l: 'link: a/b',
      m: 'link: l/../c',
      'a/c': 'implicit',
      'a/c/f': 'file: f',
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
      var: 'implicit',
      'var/run': 'implicit',
      'var/run/lock': 'implicit',
      'var/run/lock/f': 'file: f',
    },
  },
  {
    name: 'makes nothing of what a link takes back, and harms no file on the way',
    layers: [tar(file('file', 'f'), symlink('l', 'no/such/../../file/../d'), file('l/x', 'x'))],
    tree: { file: 'file: f', l: 'link: no/such/../../file/../d', d: 'implicit', 'd/x': 'file: x' },
  },
  {
    name: 'looks again for a parent whose way a new link has changed',
    layers: [tar(dir('e/g/'), symlink('l', 'no/../d'), file('l/1'), symlink('no', 'e/g'), file('l/2'))],
    tree: {
      e: 'implicit',
      'e/g': 'dir',
      l: 'link: no/../d',
      no: 'link: e/g',
      d: 'implicit',
      'd/1': 'file: ',
      'e/d': 'implicit',
      'e/d/2': 'file: ',
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
    tree: { p: 'implicit', 'p/f': 'file: f' },
  },
  {
    name: 'puts a directory in place of a file that a link to a parent points to',
    layers: [tar(file('p', 'file'), symlink('l', 'p')), tar(file('l/f', 'f'))],
    tree: { p: 'implicit', l: 'link: p', 'p/f': 'file: f' },
  },
  {
    name: 'follows up to 255 links',
    layers: [tar(dir('t/'), ...chain.map(([name, target]) => symlink(name, target)), file('l0/f', 'f'))],
    tree: {
      t: 'dir',
      't/f': 'file: f',
      ...Object.fromEntries(chain.map(([name, target]) => [name, `link: ${target}`])),
    },
  },
  {
    name: 'writes below a directory that nobody may write, in this layer and the next',
    layers: [tar(dir('d/', { mode: 0o555 }), file('d/a')), tar(file('d/b'))],
    tree: { d: { is: 'dir', mode: 0o555 }, 'd/a': 'file: ', 'd/b': 'file: ' },
  },
];
