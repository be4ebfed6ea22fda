// Layers that try to reach out of the root by their names, by whiteouts, or by symbolic links and what comes below them.
import { join } from 'node:path';
import { dir, fifo, file, hardlink, longName, pax, symlink, tar } from '../support/tar-builder.ts';
import type { CorpusCase, PerRoom } from './case.ts';

const refused = (what: string, layers: PerRoom<readonly Buffer[]>): CorpusCase => ({
  name: `refuses ${what}`,
  layers,
  code: 'PATH_UNSAFE',
});

export const CLIMBING: readonly CorpusCase[] = [
  ...['../sentinel/secret', '/../x', 'a/../../x', './../x', 'a/b/../../../sentinel/dir/x', '..'].map((name) =>
    refused(`the name ${name}`, [tar(file(name, 'x'))]),
  ),
  refused('a directory above the root', [tar(dir('../'))]),
  refused('a symbolic link above the root', [tar(symlink('../sentinel/link', 'x'))]),
  refused('a pax name that climbs out', [tar(pax(['path', '../../x']), file('x'))]),
  refused('a GNU name that climbs out', [tar(longName('../../x'), file('x'))]),
  refused('a prefix that climbs out', [tar(file('x', '', { prefix: '../sentinel' }))]),
  refused('a whiteout with a name that climbs out', [tar(file('../sentinel/.wh.secret'))]),
  refused('a marker with a name that climbs out', [tar(file('../sentinel/.wh..wh..opq'))]),
  refused('an empty name', [tar(file(''))]),
  refused('an empty GNU name', [tar(longName(''), file('x'))]),
  ...['.wh.', '.wh..', '.wh...', 'd/.wh.', 'd/.wh..', 'd/.wh...', './.wh.../'].map((name) =>
    refused(`the whiteout ${name}`, [tar(dir('d/'), file('f')), tar(file(name))]),
  ),
  refused('a symbolic link in place of the root', (out) => [tar(symlink('./', out), file('x'))]),
  refused('a file in place of the root', [tar(file('/'))]),
  refused('a hard link in place of the root', [tar(file('f'), hardlink('.', 'f'))]),
  refused('a loop of symbolic links as parent', [tar(symlink('a', 'b'), symlink('b', 'a'), file('a/f'))]),
  refused('a link to itself as parent', [tar(symlink('a', 'a/x')), tar(file('a/.wh.f'))]),
  refused('256 symbolic links on the way', [
    tar(
      dir('t/'),
      ...Array.from({ length: 256 }, (_, at) => symlink(`l${at}`, at === 255 ? 't' : `l${at + 1}`)),
      file('l0/f'),
    ),
  ]),
  refused('symbolic links that double the work at each step', [
    tar(
      ...Array.from({ length: 40 }, (_, at) => symlink(`a${at}`, `a${at + 1}/../a${at + 1}`)),
      file('a0/f'),
    ),
  ]),
];

/** What an absolute path to the outside becomes inside of the root. */
function inside(path: string, below: Record<string, string> = {}): Record<string, string> {
  const names = path.split('/').filter(Boolean);
  const parents = names.map((_, at) => [names.slice(0, at + 1).join('/'), 'implicit']);
  const children = Object.entries(below).map(([name, node]) => [join(path, name).slice(1), node]);
  return Object.fromEntries([...parents, ...children]);
}

const LONG_CLIMB = '../'.repeat(1300);

export const CONTAINED: readonly CorpusCase[] = [
  {
    name: 'an entry below a symbolic link to the outside',
    layers: (out) => [tar(symlink('l', out), file('l/secret', 'x'))],
    tree: (out) => ({ l: `link: ${out}`, ...inside(out, { secret: 'file: x' }) }),
  },
  {
    name: 'an entry below a symbolic link of a lower layer',
    layers: (out) => [tar(symlink('l', out)), tar(file('l/dir/f', 'x'))],
    tree: (out) => ({ l: `link: ${out}`, ...inside(join(out, 'dir'), { f: 'file: x' }) }),
  },
  {
    name: 'an entry below a relative symbolic link to the outside',
    layers: [tar(symlink('l', '../sentinel'), file('l/f', 'x'))],
    tree: { l: 'link: ../sentinel', sentinel: 'implicit', 'sentinel/f': 'file: x' },
  },
  {
    name: 'an entry below a chain of links that climb step by step',
    layers: [
      tar(
        dir('a/b/'),
        symlink('a/b/up', '..'),
        symlink('c', 'a/b/up/up/../..'),
        file('c/sentinel/secret', 'x'),
      ),
    ],
    tree: {
      a: 'implicit',
      'a/b': 'dir',
      'a/b/up': 'link: ..',
      c: 'link: a/b/up/up/../..',
      sentinel: 'implicit',
      'sentinel/secret': 'file: x',
    },
  },
  {
    name: 'a file in place of a symbolic link to the outside',
    layers: (out) => [tar(symlink('l', `${out}/secret`)), tar(file('l', 'overwritten', { mode: 0o777 }))],
    tree: { l: { is: 'file: overwritten', mode: 0o777 } },
  },
  {
    name: 'a file in place of a symbolic link of the same layer, twice',
    layers: (out) => [
      tar(symlink('l', `${out}/secret`), file('l', '1'), symlink('l', `${out}/locked`), file('l', '2')),
    ],
    tree: { l: 'file: 2' },
  },
  {
    name: 'a directory in place of a symbolic link to the outside, with attributes',
    layers: (out) => [tar(symlink('l', out)), tar(dir('l/', { mode: 0o777, uid: 1, mtime: 1 }))],
    tree: { l: { is: 'dir', mode: 0o777, uid: 1, mtime: 1 } },
  },
  {
    name: 'a symbolic link in place of a directory whose attributes are set at the end',
    layers: (out) => [tar(dir('d/', { mode: 0o777, mtime: 1 }), file('d/f'), symlink('d', out))],
    tree: (out) => ({ d: `link: ${out}` }),
  },
  {
    name: 'a symbolic link in place of a FIFO that is made at the end',
    layers: (out) => [tar(fifo('p/q'), symlink('p', out))],
    tree: (out) => ({ p: `link: ${out}` }),
  },
  {
    name: 'a whiteout below a symbolic link to the outside',
    layers: (out) => [
      tar(symlink('l', out)),
      tar(file('l/.wh.secret'), file('l/dir/.wh..wh..opq'), file('l/.wh.dir')),
    ],
    tree: (out) => ({ l: `link: ${out}` }),
  },
  {
    name: 'a marker in a symbolic link to the outside',
    layers: (out) => [tar(symlink('l', out)), tar(file('l/.wh..wh..opq'))],
    tree: (out) => ({ l: `link: ${out}` }),
  },
  {
    name: 'the removal of a directory that holds a symbolic link to the outside',
    layers: (out) => [tar(symlink('d/l', out), symlink('d/m', `${out}/dir`)), tar(file('.wh.d'))],
    tree: {},
  },
  {
    name: 'a directory entry through a symbolic link to the directory above',
    layers: [
      tar(symlink('up', '..'), dir('up/rootfs/', { mode: 0o700 }), dir('up/sentinel/dir/', { mtime: 1 })),
    ],
    tree: {
      up: 'link: ..',
      rootfs: { is: 'dir', mode: 0o700 },
      sentinel: 'implicit',
      'sentinel/dir': { is: 'dir', mtime: 1 },
    },
  },
  {
    name: 'a parent that was swapped for a symbolic link',
    layers: (out) => [tar(dir('a/b/'), file('a/b/f')), tar(symlink('a', out), file('a/secret', 'x'))],
    tree: (out) => ({ a: `link: ${out}`, ...inside(out, { secret: 'file: x' }) }),
  },
  {
    name: 'a parent that was swapped for a symbolic link in between its children',
    layers: (out) => [tar(file('a/1'), symlink('a', `${out}/dir`), file('a/2', 'x'))],
    tree: (out) => ({ a: `link: ${out}/dir`, ...inside(join(out, 'dir'), { '2': 'file: x' }) }),
  },
  {
    name: 'a long way up that a path of the kernel could not hold',
    layers: [
      tar(
        pax(['linkpath', LONG_CLIMB]),
        symlink('l', ''),
        symlink('m', 'l/l/l'),
        file('m/sentinel/secret', 'x'),
      ),
    ],
    linuxOnly: true,
    tree: { l: `link: ${LONG_CLIMB}`, m: 'link: l/l/l', sentinel: 'implicit', 'sentinel/secret': 'file: x' },
  },
  {
    name: 'names with backslashes and drives',
    layers: [tar(file('..\\..\\x', '1'), file('C:..\\y', '2'), file('\\\\host\\z', '3'))],
    tree: { '..\\..\\x': 'file: 1', 'C:..\\y': 'file: 2', '\\\\host\\z': 'file: 3' },
  },
];
