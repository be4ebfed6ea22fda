// Sparse files: GNU's old type and the three forms of pax. https://www.gnu.org/software/tar/manual/html_node/Sparse-Formats.html
import {
  dir,
  file,
  oldSparse,
  padded,
  pax,
  paxSparse,
  type Region,
  symlink,
  tar,
  tarEntry,
} from '../support/tar-builder.ts';
import type { CorpusCase } from './case.ts';

const regions: readonly Region[] = [
  [0, 'abc'],
  [1000, 'x'.repeat(600)],
  [5000, 'yz'],
];
const many = Array.from({ length: 60 }, (_, at): Region => [at * 100, `r${at}`]);

/** The file that they make. */
function whole(size: number, parts: readonly Region[]): string {
  const bytes = Buffer.alloc(size);
  for (const [offset, data] of parts) Buffer.from(data).copy(bytes, offset);
  return `file: ${bytes.toString('latin1')}`;
}

const forms: readonly [form: string, make: typeof oldSparse][] = [
  ["GNU's old type", oldSparse],
  ...(['0.0', '0.1', '1.0'] as const).map((form): [string, typeof oldSparse] => [
    `pax ${form}`,
    (name, size, parts) => paxSparse(form, String(name), { size, regions: parts }),
  ]),
];

export const SPARSE: readonly CorpusCase[] = [
  ...forms.map(
    ([form, make]): CorpusCase => ({
      name: `gives files of ${form} their holes back`,
      layers: [tar(make('s', 6000, regions), file('next', 'n'))],
      tree: { s: whole(6000, regions), next: 'file: n' },
    }),
  ),
  ...forms.map(
    ([form, make]): CorpusCase => ({
      name: `takes a map of many regions in ${form}`,
      layers: [tar(make('s', 6000, many), file('next'))],
      tree: { s: whole(6000, many), next: 'file: ' },
    }),
  ),
  ...forms.map(
    ([form, make]): CorpusCase => ({
      name: `makes a file of ${form} that is one hole`,
      layers: [tar(make('d/s', 70_000, [[70_000, '']]), file('next'))],
      tree: { d: 'implicit', 'd/s': whole(70_000, []), next: 'file: ' },
    }),
  ),
  {
    name: 'takes a map without any region',
    layers: [tar(oldSparse('a', 5, []), paxSparse('1.0', 'c', { size: 5, regions: [] }))],
    tree: { a: whole(5, []), c: whole(5, []) },
  },
  {
    name: 'replaces a link by a sparse file, and a sparse file by a link',
    layers: [
      tar(symlink('a', 'b'), oldSparse('b', 9, [[8, 'x']])),
      tar(paxSparse('1.0', 'a', { size: 9, regions: [[0, 'y']] }), symlink('b', 'a')),
    ],
    tree: { a: whole(9, [[0, 'y']]), b: 'link: a' },
  },
];

const map = (text: string, size = '9'): Buffer => pax(['GNU.sparse.map', text], ['GNU.sparse.size', size]);
const form10 = pax(['GNU.sparse.major', '1'], ['GNU.sparse.minor', '0'], ['GNU.sparse.realsize', '9']);

const bad: readonly [what: string, ...entries: Buffer[]][] = [
  ['overlapping regions', map('0,2,1,2'), file('s', '1234')],
  ['regions out of order', map('4,2,0,2'), file('s', '1234')],
  ['a region beyond the file', map('8,2'), file('s', '12')],
  ['a region whose end is no number any more', map('9007199254740991,9007199254740991'), file('s', '12')],
  ['regions that leave data over', map('0,1'), file('s', '12')],
  ['regions that want more data', map('0,3'), file('s', '12')],
  ['half a region', map('0,2,4'), file('s', '12')],
  ['letters', map('a,b'), file('s', '12')],
  ['a negative offset', map('-1,2'), file('s', '12')],
  ['a size of letters', map('0,2', 'x'), file('s', '12')],
  ['a form nobody knows', pax(['GNU.sparse.major', '2'], ['GNU.sparse.minor', '0']), file('s', '12')],
  ['a size and no regions', pax(['GNU.sparse.size', '9'], ['GNU.sparse.numblocks', '0']), file('s')],
  ['a directory', map('0,0'), dir('s')],
  ['a name with a NUL', pax(['GNU.sparse.map', '0,2'], ['GNU.sparse.name', 'a\0']), file('s', '12')],
  ['nothing in front of the data', form10, file('s', '')],
  ['letters in front of the data', form10, file('s', padded('x\n'))],
  ['an empty line in front of the data', form10, file('s', padded('1\n\n0\n'))],
  ['too large a number in front of the data', form10, file('s', padded('1\n99999999999999999\n0\n'))],
  [
    'more lines than data',
    form10,
    file('s', padded(`200\n${'1\n'.repeat(200)}`)),
    file('t', 'x'.repeat(600)),
  ],
  ['type S outside of a GNU archive', tarEntry({ name: 's', type: 'S' })],
  [
    'type S and a negative region',
    tarEntry({
      name: 's',
      type: 'S',
      magic: 'gnu',
      patches: [
        [386, '-0000000001\0'],
        [483, '00000000011\0'],
      ],
    }),
  ],
];

export const BAD_SPARSE: readonly CorpusCase[] = [
  ...bad.map(
    ([what, ...entries]): CorpusCase => ({
      name: `refuses a map with ${what}`,
      layers: [tar(...entries)],
      code: 'TAR_INVALID',
    }),
  ),
  {
    name: 'refuses a sparse file whose real name climbs out',
    layers: [tar(paxSparse('1.0', '../x', { size: 9, regions: [[0, 'y']] }))],
    code: 'PATH_UNSAFE',
  },
];
