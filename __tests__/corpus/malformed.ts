// Archives that are none, or that two readers could read as two different things: refused, never repaired.
import {
  base256,
  dir,
  END,
  file,
  globalPax,
  longName,
  oldSparse,
  pax,
  paxRecord,
  rawPax,
  tar,
  tarEntry,
  tarHeader,
} from '../support/tar-builder.ts';
import type { CorpusCase } from './case.ts';

const refused = (what: string, ...parts: readonly Buffer[]): CorpusCase => ({
  name: `refuses ${what}`,
  layers: [Buffer.concat(parts)],
  code: 'TAR_INVALID',
});

const patched = (offset: number, bytes: string | Buffer): Buffer =>
  tarHeader({ name: 'f', patches: [[offset, bytes]] });

export const BAD_HEADERS: readonly CorpusCase[] = [
  refused('a wrong checksum', tar(file('f', '', { checksum: 'wrong' }))),
  refused('something else altogether', Buffer.from('{"not": "a tar"}'.padEnd(2048, ' '))),
  refused('a header of 0xff', Buffer.alloc(512, 0xff), END),
  refused('a size of letters', patched(124, '0000000175x\0'), END),
  refused('a size of decimal digits', patched(124, '00000000018\0'), END),
  refused('a size with a sign', patched(124, '-0000000001\0'), END),
  refused('a negative size in base-256', patched(124, base256(-512, 12)), END),
  refused(
    'a size in base-256 that is not exact',
    patched(124, Buffer.from('800000000100000000000000', 'hex')),
    END,
  ),
  refused('a mode of letters', patched(100, 'rw-r--r--'), END),
  refused('a negative owner', patched(108, base256(-1, 8)), END),
  refused('the owner that means no change', tar(file('f', '', { uid: 2 ** 32 - 1 }))),
  refused('a group of more than 32 bits from pax', tar(pax(['gid', '4294967296']), file('f'))),
  refused('a time of letters', patched(136, 'yesterday\0\0\0'), END),
  ...['V', 'M', 'D', 'N', 's', 'A', '8', 'X'].map((type) =>
    refused(`the type ${type}`, tar(tarEntry({ name: 'x', type, body: 'data' }))),
  ),
];

const record = (key: string, value: string): string => paxRecord([key, value]).toString('latin1');
const badRecords: readonly [what: string, records: string][] = [
  ['a length without a record', '5'],
  ['no length', ' path=x\n'],
  ['a length of letters', 'x path=x\n'],
  ['a length with a sign', '+10 path=x\n'],
  ['a negative length', '-9 path=x\n'],
  ['a length that is too short', '9 path=xy\n'],
  ['a length beyond the header', '99 path=x\n'],
  ['a length of zero', '0 path=x\n'],
  ['no newline', '9 path=xy'],
  ['no equals sign', '8 pathx\n'],
  ['no key', '5 =x\n'],
  ['zeros after the last record', '9 path=x\n\0\0'],
  ['blanks before a record', '  9 path=x\n'],
  ['a NUL in the name', record('path', 'a\0b')],
  ['a NUL in the link name', record('linkpath', 'a\0b')],
  ['a NUL in a key', record('pa\0th', 'x')],
  ['a negative size', record('size', '-512')],
  ['a size with a fraction', record('size', '1.0')],
  ['a size in hexadecimal', record('size', '0x10')],
  ['a size with an exponent', record('size', '1e3')],
  ['a size that is not exact', record('size', '9007199254740993')],
  ['a negative owner', record('uid', '-1')],
  ['a time of letters', record('mtime', 'now')],
  ['an endless time', record('mtime', '9'.repeat(400))],
  ['an attribute without a name', record('SCHILY.xattr.', 'x')],
];

export const BAD_PAX: readonly CorpusCase[] = badRecords.map(([what, records]) =>
  refused(`a pax header with ${what}`, tar(rawPax(records), file('f', 'x'))),
);

const entry = file('f', 'body');
const map = Array.from({ length: 9 }, (_, at) => [at, 'x'] as const);

export const TRUNCATED: readonly CorpusCase[] = [
  refused('an end in a header', entry.subarray(0, 300)),
  refused('an end after the header of a file', entry.subarray(0, 512)),
  refused('an end in the data', entry.subarray(0, 514)),
  refused('an end in the padding', entry.subarray(0, 600)),
  refused('an end in the first zero block', entry, END.subarray(0, 100)),
  refused('an end in the second zero block', entry, END.subarray(0, 700)),
  refused('an end after a pax header', entry, pax(['path', 'x'])),
  refused('an end after a pax header and zero blocks', tar(entry, pax(['path', 'x']))),
  refused('an end after a long name and zero blocks', tar(entry, longName('x'))),
  refused('an end in a global header', globalPax(['a', 'b']).subarray(0, 800)),
  refused('an end in the map of a sparse file', oldSparse('s', 9000, map).subarray(0, 512)),
  refused('an entry after a single zero block', dir('d/'), END.subarray(512), tar(entry)),
  {
    name: 'refuses a file that goes on in the next layer',
    layers: [entry.subarray(0, 514), entry.subarray(514)],
    code: 'TAR_INVALID',
  },
];

const hidden = file('hidden', 'hidden');

/** Where readers that disagree about one size see different entries. */
export const DESYNC: readonly CorpusCase[] = [
  {
    name: 'takes the size of pax for the data and for where the next header is',
    layers: [
      tar(pax(['size', String(hidden.length)]), tarHeader({ name: 'outer', size: 0 }), hidden, file('next')),
    ],
    tree: { outer: `file: ${hidden}`, next: 'file: ' },
  },
  {
    name: 'takes a size of zero from pax too',
    layers: [tar(pax(['size', '0']), tarHeader({ name: 'outer', size: hidden.length }), hidden)],
    tree: { outer: 'file: ', hidden: 'file: hidden' },
  },
  {
    name: 'does not apply what pax says to headers between it and its entry',
    layers: [
      tar(
        pax(['size', '2048'], ['uid', '7']),
        longName('long'),
        globalPax(['path', 'g'], ['size', '3']),
        tarEntry({ name: 'x', body: 'y'.repeat(2048) }),
        file('next'),
      ),
    ],
    tree: { long: { is: `file: ${'y'.repeat(2048)}`, uid: 7 }, next: 'file: ' },
  },
  {
    name: 'does not apply a size of pax to a second pax header, which replaces the first',
    layers: [
      tar(pax(['size', '1024'], ['mtime', '1']), pax(['path', 'p']), file('x', 'short'), file('next')),
    ],
    tree: { p: 'file: short', next: 'file: ' },
  },
  {
    name: 'takes a size of pax for no directory, link or device',
    layers: [tar(pax(['size', String(hidden.length)]), dir('d/'), hidden)],
    tree: { d: 'dir', hidden: 'file: hidden' },
  },
  {
    name: 'ends a GNU name at its NUL, whatever is behind it',
    layers: [tar(longName('seen\0/../../hidden'), file('x'))],
    tree: { seen: 'file: ' },
  },
];
