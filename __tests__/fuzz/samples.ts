// Valid inputs that the fuzzers damage: small ones that have everything, and pieces of the fixture image.
import fc from 'fast-check';
import { buildChunkedLayer, type ChunkedLayer } from '../support/chunked-layer.ts';
import { type FixtureFormat, fixtureImage } from '../support/fixture-image.ts';
import {
  char,
  dir,
  fifo,
  file,
  globalPax,
  hardlink,
  longLink,
  longName,
  oldSparse,
  pax,
  paxSparse,
  symlink,
  tar,
} from '../support/tar-builder.ts';
import { stacks } from './arbitraries.ts';
import { encodeEntry, tarsOf } from './encode.ts';
import { forChunked } from './images.ts';
import { settle } from './settle.ts';

/** Enough of a fixture to hold some dozen entries; a piece is cut off in the middle, which is damage of its own. */
const PIECE = 48 << 10;
const RANDOM_STACKS = 12;

/** Of each kind of entry and header one or two. */
function everyEntry(): Buffer {
  return tar(
    dir('./'),
    globalPax(['comment', 'x']),
    dir('d/'),
    file('d/f', 'x'.repeat(1500)),
    pax(['path', 'p/a\nx'], ['mtime', '1.5'], ['uid', '70000'], ['SCHILY.xattr.user.a', 'b']),
    file('x', 'pax'),
    longName(`${'l/'.repeat(80)}f`),
    longLink('d/'.repeat(60)),
    symlink('x', 'y'),
    hardlink('h', 'd/f'),
    ...sparseFiles(),
    char('c', [1, 3]),
    fifo('p'),
    file('.wh.none'),
    dir('d/.wh..wh..opq'),
    file('end', 'z'.repeat(512)),
  );
}

function sparseFiles(): Buffer[] {
  const many = Array.from({ length: 30 }, (_, at) => [at * 300, `r${at}`] as const);
  const regions = [[0, 'abc'] as const, [3000, 'x'.repeat(1000)] as const];
  return [
    oldSparse('s1', 9000, many),
    paxSparse('0.0', 's2', { size: 4000, regions }),
    paxSparse('0.1', 's3', { size: 4000, regions }),
    paxSparse('1.0', 's4', { size: 9000, regions: many }),
  ];
}

/** Links that lead out by all ways there are, and entries behind them. */
function attacks(outside: string): Buffer {
  const up = `../../../../../../..${outside}`;
  return tar(
    symlink('abs', outside),
    symlink('rel', up),
    symlink('near', '../../sentinel'),
    dir('a/'),
    symlink('a/up', '../..'),
    file('abs/secret', 'owned'),
    file('rel/secret', 'owned'),
    file('near/secret', 'owned'),
    file('abs/dir/.wh..wh..opq'),
    file('rel/.wh.secret'),
    symlink('l', `${outside}/secret`),
    hardlink('h', 'l'),
    hardlink('h2', 'abs/secret'),
    file('h', 'owned'),
    dir('rel/dir/', { mode: 0o777, mtime: 1 }),
    fifo('abs/p'),
    dir('a/up/'),
  );
}

/** Tar streams, the first ones the most interesting. */
export function tarSamples(outside: string): Buffer[] {
  const random = randomStacks(outside).flatMap((stack) =>
    tarsOf(stack).filter((each) => each.length < 2 * PIECE),
  );
  return [everyEntry(), attacks(outside), ...fixturePieces('none', PIECE), ...random];
}

function randomStacks(outside: string) {
  const wishes = fc.sample(stacks(10), { seed: 7, numRuns: RANDOM_STACKS });
  return wishes.map((wish) => settle(forChunked(wish), { outside, forUmoci: false }));
}

function fixturePieces(format: FixtureFormat, length: number): Buffer[] {
  const image = fixtureImage('v1', format);
  return image.layers.map((layer) => Buffer.from(image.bytes(layer).subarray(0, length)));
}

export function chunkedSamples(outside: string): ChunkedLayer[] {
  const random = randomStacks(outside).map(({ layers }) =>
    buildChunkedLayer((layers[0] ?? []).map(encodeEntry)),
  );
  const cut = buildChunkedLayer([
    { name: 'd/', type: '5', mode: 0o755 },
    { name: 'd/one', body: 'the first file' },
    { name: 'd/cut', chunks: ['a chunk', Buffer.alloc(3000), 'the last chunk'] },
    { name: 'd/link', type: '1', linkName: 'd/one', size: 14 },
    { name: Buffer.from('caf\xe9', 'latin1'), body: 'x' },
    { name: 'd/empty' },
  ]);
  return [cut, ...random];
}

/** Whole compressed layers of each kind, small ones. */
export function compressedSamples(outside: string): Buffer[] {
  const fixtures = (['gzip', 'zstd', 'zstd-chunked', 'zstd-chunked-legacy'] as const).flatMap((format) => {
    const image = fixtureImage('v1', format);
    const [smallest] = image.layers.toSorted((a, b) => a.size - b.size);
    return smallest ? [image.bytes(smallest)] : [];
  });
  return [...chunkedSamples(outside).map(({ blob }) => blob), ...fixtures];
}
