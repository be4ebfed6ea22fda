// What is too much is refused, and what is just allowed is not.
import type { UnpackLimits } from '../../src/unpack/limits.ts';
import {
  dir,
  file,
  longName,
  oldSparse,
  padded,
  pax,
  paxSparse,
  rawPax,
  symlink,
  tar,
  tarHeader,
} from '../support/tar-builder.ts';
import type { CorpusCase, ExpectedTree } from './case.ts';

interface Pair {
  readonly what: string;
  readonly limits?: Partial<UnpackLimits>;
  readonly allowed: readonly Buffer[];
  readonly tree: ExpectedTree;
  readonly refused: readonly Buffer[];
  readonly linuxOnly?: boolean;
}

const holes = (name: string, size: number): Buffer => tar(oldSparse(name, size, []));
const zeros = (size: number): string => `file: ${'\0'.repeat(size)}`;
const attributes = (count: number): Buffer =>
  pax(
    ...Array.from(
      { length: count },
      (_, at) => [`SCHILY.xattr.trusted.${at}`, 'x'.repeat(16 << 10)] as const,
    ),
  );
/** Links that add 2,000 components each to one lookup. */
const longLinks = (length: number): Buffer[] =>
  Array.from({ length }, (_, at) =>
    Buffer.concat([
      pax(['linkpath', at === 0 ? 'd' : `l${at - 1}${'/.'.repeat(2000)}`]),
      symlink(`l${at}`, ''),
    ]),
  );

const PAIRS: readonly Pair[] = [
  {
    what: 'entries of all layers',
    limits: { entries: 3 },
    allowed: [tar(file('a'), file('b')), tar(file('c'))],
    tree: { a: 'file: ', b: 'file: ', c: 'file: ' },
    refused: [tar(file('a'), file('b')), tar(file('c'), file('d'))],
  },
  {
    what: 'directories without an entry',
    limits: { entries: 3 },
    allowed: [tar(file('a/b/c'))],
    tree: { a: 'implicit', 'a/b': 'implicit', 'a/b/c': 'file: ' },
    refused: [tar(file('a/b/c/d'))],
  },
  {
    what: 'entries that are whiteouts',
    limits: { entries: 1 },
    allowed: [tar(file('.wh.a'))],
    tree: {},
    refused: [tar(file('.wh.a'), file('.wh.b'))],
  },
  {
    what: 'the size of a file',
    limits: { fileSize: 4 },
    allowed: [tar(file('a', '1234'))],
    tree: { a: 'file: 1234' },
    refused: [tar(file('a', '12345'))],
  },
  {
    what: 'the size of a file with holes',
    limits: { fileSize: 1 << 16 },
    allowed: [holes('a', 1 << 16)],
    tree: { a: zeros(1 << 16) },
    refused: [holes('a', (1 << 16) + 1)],
  },
  {
    what: 'the size of all files, those too that are removed again',
    limits: { totalSize: 8192 },
    allowed: [holes('a', 4096), holes('a', 4096)],
    tree: { a: zeros(4096) },
    refused: [holes('a', 4096), holes('a', 4097)],
  },
  {
    what: 'the size of all streams',
    limits: { totalSize: 4096 },
    allowed: [tar(file('a')), tar(file('a'))],
    tree: { a: 'file: ' },
    refused: [tar(file('a')), tar(file('a')), tar(), tar()],
  },
  {
    what: 'the length of a name',
    limits: { pathLength: 10 },
    allowed: [tar(file('1234/6789a'))],
    tree: { '1234': 'implicit', '1234/6789a': 'file: ' },
    refused: [tar(file('1234/6789ab'))],
  },
  {
    what: 'the length of a component on the way',
    limits: { componentLength: 4 },
    allowed: [tar(file('1234/f'))],
    tree: { '1234': 'implicit', '1234/f': 'file: ' },
    refused: [tar(file('12345/f'))],
  },
  {
    what: 'the length of a component that a link names',
    allowed: [tar(pax(['linkpath', 'n'.repeat(255)]), symlink('l', ''), file('l/f'))],
    tree: {
      l: `link: ${'n'.repeat(255)}`,
      ['n'.repeat(255)]: 'implicit',
      [`${'n'.repeat(255)}/f`]: 'file: ',
    },
    refused: [tar(pax(['linkpath', 'n'.repeat(256)]), symlink('l', ''), file('l/f'))],
  },
  {
    what: 'depth',
    limits: { depth: 3 },
    allowed: [tar(file('1/2/f'))],
    tree: { '1': 'implicit', '1/2': 'implicit', '1/2/f': 'file: ' },
    refused: [tar(file('1/2/3/f'))],
  },
  {
    what: 'depth by way of links',
    limits: { depth: 3 },
    allowed: [tar(symlink('l', '1/2'), file('l/f'))],
    tree: { l: 'link: 1/2', '1': 'implicit', '1/2': 'implicit', '1/2/f': 'file: ' },
    refused: [tar(symlink('l', '1/2'), file('l/3/f'))],
  },
  {
    what: 'the length of a path by way of links',
    limits: { pathLength: 10 },
    allowed: [tar(symlink('l', '1234'), file('l/6789a'))],
    tree: { l: 'link: 1234', '1234': 'implicit', '1234/6789a': 'file: ' },
    refused: [tar(symlink('l', '1234'), file('l/6789ab'))],
  },
  {
    what: 'components that links add to one lookup',
    linuxOnly: true,
    allowed: [tar(dir('d/'), ...longLinks(9), file('l8/f'))],
    tree: {
      d: 'dir',
      'd/f': 'file: ',
      l0: 'link: d',
      ...Object.fromEntries(
        Array.from({ length: 8 }, (_, at) => [`l${at + 1}`, `link: l${at}${'/.'.repeat(2000)}`]),
      ),
    },
    refused: [tar(dir('d/'), ...longLinks(10), file('l9/f'))],
  },
];

const tooMuch = (name: string, ...parts: readonly Buffer[]): CorpusCase => ({
  name,
  layers: [tar(...parts)],
  code: 'LIMIT_EXCEEDED',
});

const form10 = pax(['GNU.sparse.major', '1'], ['GNU.sparse.minor', '0'], ['GNU.sparse.realsize', '9']);

export const LIMITS: readonly CorpusCase[] = [
  ...PAIRS.flatMap(({ what, limits = {}, allowed, refused, tree, linuxOnly = false }): CorpusCase[] => [
    { name: `allows just enough: ${what}`, layers: allowed, limits, tree, linuxOnly },
    { name: `refuses too much: ${what}`, layers: refused, limits, code: 'LIMIT_EXCEEDED', linuxOnly },
  ]),
  tooMuch('refuses a name of more than 4,096 bytes', pax(['path', 'a/'.repeat(2049)]), file('x')),
  tooMuch('refuses a component of more than 255 bytes', pax(['path', 'n'.repeat(256)]), file('x')),
  tooMuch(
    'refuses a file of a terabyte before a byte of it is there',
    tarHeader({ name: 'f', size: 2 ** 40 }),
  ),
  tooMuch('refuses a hole of a terabyte', paxSparse('0.1', 'f', { size: 2 ** 40, regions: [[0, '']] })),
  tooMuch('refuses a pax header of more than 1 MiB', rawPax('', { size: (1 << 20) + 1 }), file('f')),
  tooMuch('refuses a long name of more than 1 MiB', tarHeader({ name: 'L', type: 'L', size: 2 ** 40 })),
  tooMuch('refuses a long name that only its limit stops', longName('n/'.repeat(3000)), file('f')),
  tooMuch('refuses more than 64 KiB of attributes of one entry', attributes(5), file('f')),
  tooMuch(
    'refuses more than 100,000 regions in records',
    pax(['GNU.sparse.map', '0,0,'.repeat(100_001).slice(0, -1)], ['GNU.sparse.size', '9']),
    file('s'),
  ),
  tooMuch(
    'refuses more than 100,000 regions in front of the data',
    form10,
    file('s', padded(`200000\n${'1\n0\n'.repeat(100_001)}`)),
  ),
];
