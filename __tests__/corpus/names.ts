// Names: cleaned, but otherwise the bytes of the archive.
import { dir, file, longName, pax, symlink, tar } from '../support/tar-builder.ts';
import type { CorpusCase } from './case.ts';

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

export const NAMES: readonly CorpusCase[] = [
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
        file('.//i', '6'),
        file('//j', '7'),
        file('k/', '8'),
      ),
    ],
    tree: {
      abs: 'file: 1',
      dot: 'file: 2',
      a: 'implicit',
      'a/b': 'file: 3',
      c: 'file: 4',
      e: 'implicit',
      'e/g': 'file: 5',
      h: 'dir',
      i: 'file: 6',
      j: 'file: 7',
      k: 'file: 8',
    },
  },
  {
    name: 'takes names that differ only in dots and slashes for one',
    layers: [tar(file('d/f', '1'), file('./d//f', '2')), tar(file('/d/./f', '3'))],
    tree: { d: 'implicit', 'd/f': 'file: 3' },
  },
  ...['./', '/', '.', 'd/..', './/.'].map(
    (name): CorpusCase => ({
      name: `gives the root the attributes of the entry ${name}`,
      layers: [tar(dir(name, { mode: 0o2751, uid: 4, gid: 5, mtime: 5 }), file('f'))],
      tree: { '': { is: 'dir', mode: 0o2751, uid: 4, gid: 5, mtime: 5 }, f: 'file: ' },
    }),
  ),
  {
    name: 'takes names that objects of JavaScript have',
    layers: [
      tar(file('__proto__', 'p'), dir('constructor'), file('constructor/toString', 's')),
      tar(file('.wh.hasOwnProperty'), file('__proto__2', '2')),
    ],
    tree: Object.fromEntries([
      ['__proto__', 'file: p'],
      ['constructor', 'dir'],
      ['constructor/toString', 'file: s'],
      ['__proto__2', 'file: 2'],
    ]),
  },
  {
    name: 'takes blanks, quotes, newlines and signs of shells in names for what they are',
    layers: [
      tar(
        file(' a ', '1'),
        file('-rf', '2'),
        file('b\nc', '3'),
        file('$(id);`x`"\'', '4'),
        file('%2e%2e', '5'),
      ),
    ],
    tree: {
      ' a ': 'file: 1',
      '-rf': 'file: 2',
      'b\nc': 'file: 3',
      '$(id);`x`"\'': 'file: 4',
      '%2e%2e': 'file: 5',
    },
  },
  {
    name: 'takes names that only begin or end with dots for names',
    layers: [tar(file('...', '1'), file('..a', '2'), file('b..', '3'), dir('.../....'), file('c./.d'))],
    tree: {
      '...': 'implicit',
      '..a': 'file: 2',
      'b..': 'file: 3',
      '.../....': 'dir',
      'c.': 'implicit',
      'c./.d': 'file: ',
    },
  },
  {
    name: 'tells names apart that differ in one byte that is no UTF-8',
    linuxOnly: true,
    layers: [tar(file(latin1('caf\xe9'), '1'), file(latin1('caf\xe8'), '2'), file('café', '3'))],
    tree: { 'caf\udce9': 'file: 1', 'caf\udce8': 'file: 2', café: 'file: 3' },
  },
  {
    name: 'tells composed and decomposed letters apart, and upper and lower case',
    linuxOnly: true,
    layers: [tar(file('\u00e9', '1'), file('e\u0301', '2'), file('A', '3'), file('a', '4'))],
    tree: { '\u00e9': 'file: 1', 'e\u0301': 'file: 2', A: 'file: 3', a: 'file: 4' },
  },
  {
    name: 'makes directories and links whose names are no UTF-8',
    linuxOnly: true,
    layers: [
      tar(
        file(latin1('\xff/\xfe'), '1'),
        symlink('l', latin1('\xff')),
        file('l/g', '2'),
        longName(Buffer.alloc(200, 0xe9)),
        file('x', '3'),
      ),
      tar(file(latin1('.wh.\xfe')), file(latin1('l/.wh.\xfe'))),
    ],
    tree: {
      '\udcff': 'implicit',
      '\udcff/g': 'file: 2',
      l: 'link: \udcff',
      ['\udce9'.repeat(200)]: 'file: 3',
    },
  },
  {
    name: 'takes a component of 255 bytes',
    layers: [tar(pax(['path', 'n'.repeat(255)]), file('x', '1'))],
    tree: { ['n'.repeat(255)]: 'file: 1' },
  },
];
