// Modes, owners and times.
import { dir, fifo, file, pax, symlink, tar } from '../support/tar-builder.ts';
import type { CorpusCase, ExpectedTree } from './case.ts';

const LARGEST_ID = 2 ** 32 - 2;
const largest = { uid: LARGEST_ID, gid: LARGEST_ID };

export const MODES_AND_OWNERS: readonly CorpusCase[] = [
  {
    name: 'keeps set-id and sticky bits, which survive the owner being set',
    layers: [
      tar(
        dir('tmp/', { mode: 0o1777 }),
        dir('g/', { mode: 0o2755, gid: 8 }),
        file('g/s', 'x', { mode: 0o6751, uid: 1, gid: 2 }),
        file('u', 'x', { mode: 0o4755 }),
        fifo('p', { mode: 0o6640, uid: 7 }),
      ),
    ],
    tree: {
      tmp: { is: 'dir', mode: 0o1777 },
      g: { is: 'dir', mode: 0o2755, gid: 8 },
      'g/s': { is: 'file: x', mode: 0o6751, uid: 1, gid: 2 },
      u: { is: 'file: x', mode: 0o4755 },
      p: { is: 'fifo', mode: 0o6640, uid: 7 },
    },
  },
  {
    name: 'gives what is made in a set-group-id directory the group of its own entry',
    layers: [
      tar(dir('g/', { mode: 0o2775, gid: 8 }), file('g/f'), dir('g/d/'), file('g/i/x'), symlink('g/l', 'f')),
    ],
    tree: {
      g: { is: 'dir', mode: 0o2775, gid: 8 },
      'g/f': 'file: ',
      'g/d': 'dir',
      'g/i': 'implicit',
      'g/i/x': 'file: ',
      'g/l': 'link: f',
    },
  },
  {
    name: 'keeps modes that bar the owner',
    layers: [
      tar(
        dir('d/', { mode: 0o1500, uid: 7 }),
        file('d/f', 'x', { mode: 0o44 }),
        file('n', 'x', { mode: 0 }),
        dir('e/', { mode: 0 }),
        file('e/f'),
      ),
    ],
    tree: {
      d: { is: 'dir', mode: 0o1500, uid: 7 },
      'd/f': { is: 'file: x', mode: 0o44 },
      n: { is: 'file: x', mode: 0 },
      e: { is: 'dir', mode: 0 },
      'e/f': 'file: ',
    },
  },
  {
    name: 'does not let the umask take away from modes, nor from those of directories without an entry',
    layers: [tar(file('i/f', 'x', { mode: 0o666 }), dir('d/', { mode: 0o777 }), fifo('p', { mode: 0o666 }))],
    tree: {
      i: 'implicit',
      'i/f': { is: 'file: x', mode: 0o666 },
      d: { is: 'dir', mode: 0o777 },
      p: { is: 'fifo', mode: 0o666 },
    },
  },
  {
    name: 'takes twelve bits of the mode only, as old writers add the type',
    layers: [
      tar(file('f', '', { mode: 0o100644 }), dir('d/', { mode: 0o40711 }), pax(['mode', '0']), file('g')),
    ],
    tree: { f: 'file: ', d: { is: 'dir', mode: 0o711 }, g: 'file: ' },
  },
  {
    name: 'keeps owners of everything, up to the largest',
    layers: [tar(file('f', '', largest), dir('d/', largest), symlink('l', 'f', largest), fifo('p', largest))],
    tree: {
      f: { is: 'file: ', ...largest },
      d: { is: 'dir', ...largest },
      l: { is: 'link: f', ...largest },
      p: { is: 'fifo', ...largest },
    },
  },
  {
    name: 'takes owners from pax before the header, and names of owners not at all',
    layers: [
      tar(
        pax(['uid', '4000000000'], ['gid', '0'], ['uname', 'daemon'], ['gname', 'daemon']),
        file('f', '', { uid: 1, gid: 1, patches: [[265, 'daemon']] }),
      ),
    ],
    tree: { f: { is: 'file: ', uid: 4_000_000_000 } },
  },
  {
    name: 'gives a directory all its attributes anew from an entry of an upper layer',
    layers: [
      tar(dir('d/', { mode: 0o2700, uid: 5, gid: 6, mtime: 1 }), file('d/f')),
      tar(dir('d/', { mode: 0o711, mtime: 2 })),
    ],
    tree: { d: { is: 'dir', mode: 0o711, mtime: 2 }, 'd/f': 'file: ' },
  },
  {
    name: 'sets times of directories after all that happens in them, in later layers too',
    layers: [
      tar(dir('d/', { mtime: 1 }), file('d/a'), dir('d/e/', { mtime: 2 }), file('d/e/b'), fifo('d/e/p')),
      tar(file('d/.wh.a'), file('d/e/c'), symlink('d/l', 'e')),
    ],
    tree: {
      d: { is: 'dir', mtime: 1 },
      'd/e': { is: 'dir', mtime: 2 },
      'd/e/b': 'file: ',
      'd/e/c': 'file: ',
      'd/e/p': 'fifo',
      'd/l': 'link: e',
    },
  },
];

const exact: readonly [text: string, seconds: number][] = [
  ['1700000000', 1_700_000_000],
  ['0', 0],
  ['1700000000.125', 1_700_000_000.125],
  ['1700000000.', 1_700_000_000],
  ['-86400', -86_400],
  ['-1', -1],
  ['-0.5', -0.5],
  ['-1.5', -1.5],
  ['2147483648', 2_147_483_648],
  ['8589934592', 8_589_934_592],
];

const everyKind = (mtime: number): ExpectedTree => ({
  f: { is: 'file: x', mtime },
  d: { is: 'dir', mtime },
  'd/x': 'file: ',
  l: { is: 'link: f', mtime },
  p: { is: 'fifo', mtime },
});

export const TIMES: readonly CorpusCase[] = [
  ...exact.map(([text, seconds]): CorpusCase => {
    const mtime = pax(['mtime', text], ['atime', '5'], ['ctime', '6']);
    return {
      name: `sets the time ${text} on everything`,
      layers: [
        tar(mtime, file('f', 'x'), mtime, dir('d/'), file('d/x'), mtime, symlink('l', 'f'), mtime, fifo('p')),
      ],
      tree: everyKind(seconds),
    };
  }),
  {
    name: 'takes times of headers in base-256, before 1970 and beyond octal',
    layers: [
      tar(
        file('f', '', { mtime: -2 }),
        file('g', '', { mtime: 2 ** 33 }),
        dir('d/', { mtime: -(2 ** 31) }),
        symlink('l', 'f', { mtime: -1 }),
      ),
    ],
    tree: {
      f: { is: 'file: ', mtime: -2 },
      g: { is: 'file: ', mtime: 2 ** 33 },
      d: { is: 'dir', mtime: -(2 ** 31) },
      l: { is: 'link: f', mtime: -1 },
    },
  },
  {
    name: 'prefers the time of pax, and takes the one of the header when pax takes its own back',
    layers: [
      tar(
        pax(['mtime', '7']),
        file('f', '', { mtime: 9 }),
        pax(['mtime', '7'], ['mtime', '']),
        file('g', '', { mtime: 9 }),
        file('h'),
      ),
    ],
    tree: { f: { is: 'file: ', mtime: 7 }, g: { is: 'file: ', mtime: 9 }, h: 'file: ' },
  },
  {
    name: 'takes an empty time for the epoch',
    layers: [tar(file('f', '', { patches: [[136, Buffer.alloc(12)]] }))],
    tree: { f: { is: 'file: ', mtime: 0 } },
  },
];
