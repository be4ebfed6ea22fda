// The dialects of tar that are met in layers.
import {
  base256,
  dir,
  END,
  file,
  globalPax,
  hardlink,
  longLink,
  longName,
  pax,
  rawPax,
  symlink,
  tar,
  tarEntry,
  tarHeader,
} from '../support/tar-builder.ts';
import type { CorpusCase } from './case.ts';

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const deep = Array.from({ length: 10 }, (_, at) => String(at).repeat(30)).join('/');
const implicitTo = (path: string): Record<string, string> =>
  Object.fromEntries(
    path.split('/').map((_, at, parts) => [parts.slice(0, at + 1).join('/'), 'implicit'] as const),
  );
const size = (text: string | Buffer): Partial<Parameters<typeof tarEntry>[0]> => ({ patches: [[124, text]] });

export const DIALECTS: readonly CorpusCase[] = [
  {
    name: 'takes directories of V7 archives by the slash at their end',
    layers: [
      tar(
        tarEntry({ name: 'd/', type: '\0', magic: 'v7', mode: 0o711 }),
        tarEntry({ name: 'd/f', type: '\0', magic: 'v7', body: 'x' }),
        tarEntry({ name: 'l', type: '2', magic: 'v7', linkName: 'd' }),
      ),
    ],
    tree: { d: { is: 'dir', mode: 0o711 }, 'd/f': 'file: x', l: 'link: d' },
  },
  {
    name: 'takes a slash at the end of a name of type 0 for nothing',
    layers: [tar(tarEntry({ name: 'f/', body: 'x' }))],
    tree: { f: 'file: x' },
  },
  {
    name: 'takes contiguous files for files',
    layers: [tar(tarEntry({ name: 'c', type: '7', body: 'contiguous' }))],
    tree: { c: 'file: contiguous' },
  },
  {
    name: 'joins the prefix of POSIX headers to the name, not what other headers keep there',
    layers: [
      tar(
        file('f', '1', { prefix: 'p/q' }),
        file('g', '2', { prefix: 'times', magic: 'gnu' }),
        file('h', '3', { prefix: 'p', magic: 'v7' }),
        file('s', '4', { prefix: 'x'.repeat(155), patches: [[508, 'tar\0']] }),
      ),
    ],
    tree: {
      p: 'implicit',
      'p/q': 'implicit',
      'p/q/f': 'file: 1',
      g: 'file: 2',
      h: 'file: 3',
      ['x'.repeat(131)]: 'implicit',
      [`${'x'.repeat(131)}/s`]: 'file: 4',
    },
  },
  {
    name: 'takes names that fill their field',
    layers: [tar(file('n'.repeat(100), '1'), symlink('l', 't'.repeat(100)))],
    tree: { ['n'.repeat(100)]: 'file: 1', l: `link: ${'t'.repeat(100)}` },
  },
  {
    name: 'takes long names of GNU and of pax',
    layers: [
      tar(
        longName(`${deep}/gnu`),
        file('cut', '1'),
        pax(['path', `${deep}/pax`]),
        file('cut', '2'),
        file('next'),
      ),
    ],
    tree: { ...implicitTo(deep), [`${deep}/gnu`]: 'file: 1', [`${deep}/pax`]: 'file: 2', next: 'file: ' },
  },
  {
    name: 'takes the long names of GNU before those of pax, and the last of a kind',
    layers: [
      tar(
        pax(['path', 'pax'], ['linkpath', 'p']),
        longLink('k'),
        longName('1'),
        longName('gnu'),
        symlink('x', 'y'),
      ),
      tar(pax(['path', 'a'], ['mtime', '5']), pax(['path', 'b']), file('x')),
    ],
    tree: { gnu: 'link: k', b: 'file: ' },
  },
  {
    name: 'takes numbers in octal with blanks, NULs or no end, and in base-256',
    layers: [
      tar(
        file('a', 'xyz', size('          3\0')),
        file('b', 'xyz', size('\0\0\0\x000000003\0')),
        file('c', 'xyz', size('00000000003 ')),
        file('d', 'xyz', size('000000000003')),
        file('e', 'xyz', size(base256(3, 12))),
        file('f', '', size(Buffer.alloc(12))),
        file('g', '', { patches: [[108, Buffer.alloc(16, 0x20)]] }),
      ),
    ],
    tree: Object.fromEntries(
      ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => [name, `file: ${name < 'f' ? 'xyz' : ''}`]),
    ),
  },
  {
    name: 'takes checksums over signed bytes',
    linuxOnly: true,
    layers: [tar(file(latin1('\xe9\xff'), '1', { checksum: 'signed' }))],
    tree: { '\udce9\udcff': 'file: 1' },
  },
  {
    name: 'ignores global headers, and makes nothing of their names',
    layers: [
      tar(
        globalPax(['path', '../x'], ['uid', '7'], ['size', '99'], ['comment', 'commit']),
        file('f', 'x'),
        rawPax('nonsense', { type: 'g', name: 'no/such/global' }),
        file('g'),
      ),
    ],
    tree: { f: 'file: x', g: 'file: ' },
  },
  {
    name: 'takes values of pax for bytes: digits, equals signs, newlines',
    linuxOnly: true,
    layers: [
      tar(
        pax(['path', '12345']),
        file('x'),
        pax(['path', 'a b=c\nd']),
        file('x'),
        pax(['path', latin1('\xe9')]),
        file('x'),
      ),
    ],
    tree: { '12345': 'file: ', 'a b=c\nd': 'file: ', '\udce9': 'file: ' },
  },
  {
    name: 'lets the last record of a key win, and an empty one take it back',
    layers: [
      tar(
        pax(['path', 'a'], ['path', 'b']),
        file('x'),
        pax(['path', 'no'], ['path', ''], ['size', '9'], ['size', '']),
        file('header', 'x'),
        pax(),
        file('z'),
      ),
    ],
    tree: { b: 'file: ', header: 'file: x', z: 'file: ' },
  },
  {
    name: 'reads no data for what has no content, whatever size it claims',
    layers: [
      tar(
        file('a', 'a'),
        hardlink('b', 'a', { size: 5 }),
        symlink('l', 'a', { size: 700 }),
        dir('d/', { size: 4096 }),
        tarEntry({ name: 'v/', type: '\0', magic: 'v7', mode: 0o755, size: 512 }),
        pax(['size', '512']),
        dir('e/'),
        file('z', 'z'),
      ),
    ],
    tree: { a: 'file: a', b: 'hard: a', l: 'link: a', d: 'dir', v: 'dir', e: 'dir', z: 'file: z' },
  },
  {
    name: 'writes files of a block, of a byte less and of a byte more',
    layers: [tar(...[511, 512, 513, 1024].map((length) => file(`f${length}`, 'x'.repeat(length))))],
    tree: Object.fromEntries(
      [511, 512, 513, 1024].map((length) => [`f${length}`, `file: ${'x'.repeat(length)}`]),
    ),
  },
];

const entry = file('f', 'body');
const ends: readonly [what: string, stream: Buffer][] = [
  ['with two zero blocks', tar(entry)],
  ['with one zero block', Buffer.concat([entry, END.subarray(512)])],
  ['with none, after an entry', entry],
  ['with a whole record of zeros', Buffer.concat([entry, Buffer.alloc(10_240)])],
  ['with anything after two zero blocks', Buffer.concat([tar(entry), latin1('no block'), file('after')])],
  [
    'with part of a block after two zero blocks',
    Buffer.concat([tar(entry), tarHeader({ name: 'x' }).subarray(0, 99)]),
  ],
];

export const ENDS: readonly CorpusCase[] = [
  ...ends.map(
    ([what, stream]): CorpusCase => ({
      name: `takes an archive that ends ${what}`,
      layers: [stream],
      tree: { f: 'file: body' },
    }),
  ),
  ...[512, 1024, 10_240].map(
    (length): CorpusCase => ({
      name: `takes ${length} zeros for an empty layer`,
      layers: [Buffer.alloc(length), tar(entry)],
      tree: { f: 'file: body' },
    }),
  ),
];
