// Whole streams: entries in order, their data in place, and where a stream may end.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../src/errors.ts';
import type { TarEntry } from '../../src/tar/entry.ts';
import { createTarReader } from '../../src/tar/reader.ts';
import { thrown } from '../support/pull-error.ts';
import {
  base256,
  char,
  dir,
  END,
  fifo,
  file,
  globalPax,
  hardlink,
  longLink,
  longName,
  oldSparse,
  padded,
  pax,
  paxSparse,
  rawPax,
  symlink,
  type TarItem,
  tar,
  tarEntry,
  tarHeader,
} from '../support/tar-builder.ts';

interface Read {
  readonly entry: TarEntry;
  readonly body: string | undefined;
}

/** All entries of a stream pushed in slices of these sizes, in turn. */
function read(stream: Uint8Array, sizes: readonly number[] = [stream.length || 1]): Read[] {
  const found: { entry: TarEntry; body: Buffer | undefined; done: boolean }[] = [];
  const last = () => found.at(-1);
  const reader = createTarReader({
    entry: (entry) =>
      found.push({
        entry,
        body: entry.kind === 'file' ? Buffer.alloc(entry.size) : undefined,
        done: entry.kind !== 'file',
      }),
    data: (bytes, position) => last()?.body?.set(bytes, position),
    end: () => Object.assign(last() ?? {}, { done: true }),
  });
  for (let at = 0, turn = 0; at < stream.length; turn++) {
    const size = sizes[turn % sizes.length] as number;
    reader.push(stream.subarray(at, at + size));
    at += size;
  }
  reader.finish();
  expect(found.every(({ done }) => done)).toBe(true);
  return found.map(({ entry, body }) => ({ entry, body: body?.toString('latin1') }));
}

const names = (stream: Uint8Array) => read(stream).map(({ entry }) => entry.path);
const kinds = (stream: Uint8Array) => read(stream).map(({ entry }) => entry.kind);

describe('entries', () => {
  it('come with all their fields', () => {
    const item: TarItem = { name: 'c', type: '3', mode: 0o4755, uid: 1, gid: 2, mtime: 3, device: [4, 5] };
    expect(read(tar(tarEntry(item)))[0]?.entry).toMatchObject({
      kind: 'char',
      path: 'c',
      mode: 0o4755,
      uid: 1,
      gid: 2,
      mtime: 3,
      deviceMajor: 4,
      deviceMinor: 5,
      size: 0,
      linkPath: '',
      xattrs: undefined,
    });
  });

  it('are of the kinds that a file system has', () => {
    const plain = ['0', '\0', '7', '1', '2', '3', '4', '5', '6'].map((type) =>
      tarEntry({ name: 'x', type, linkName: 't' }),
    );
    expect(kinds(tar(...plain))).toEqual([
      'file',
      'file',
      'file',
      'hardlink',
      'symlink',
      'char',
      'block',
      'directory',
      'fifo',
    ]);
  });

  it('of old archives are directories by the slash at their end, and only there', () => {
    expect(
      kinds(tar(tarEntry({ name: 'd/', type: '\0', magic: 'v7' }), tarEntry({ name: 'd/', type: '0' }))),
    ).toEqual(['directory', 'file']);
    expect(kinds(tar(pax(['path', 'd/']), tarEntry({ name: 'd', type: '\0' })))).toEqual(['directory']);
  });

  it('without content have no data, whatever size they claim', () => {
    const stream = tar(
      dir('d/', { size: 512 }),
      hardlink('h', 'x', { size: 9 }),
      symlink('s', 'x', { size: 9 }),
      fifo('p', { size: 9 }),
      char('c', [1, 1], { size: 9 }),
      pax(['size', '512']),
      dir('e/'),
      tarEntry({ name: 'v/', type: '\0', size: 512 }),
      file('f', 'x'),
    );
    expect(names(stream)).toEqual(['d/', 'h', 's', 'p', 'c', 'e/', 'v/', 'f']);
  });

  it.each(['V', 'M', 'D', 'N', 's', 'A', '8', 'X'])('of type %s are refused', (type) => {
    thrown('TAR_INVALID', () => read(tar(tarEntry({ name: 'x', type }))));
  });
});

describe('what stands in front of an entry', () => {
  it('gives it long names', () => {
    const long = 'n'.repeat(3000);
    expect(names(tar(longName(long), file('short', 'x'), file('next')))).toEqual([long, 'next']);
    expect(read(tar(longLink(long), longName('l'), symlink('x', 'y')))[0]?.entry).toMatchObject({
      path: 'l',
      linkPath: long,
    });
    expect(read(tar(pax(['path', long], ['linkpath', 't']), hardlink('x', 'y')))[0]?.entry).toMatchObject({
      path: long,
      linkPath: 't',
    });
  });

  it('gives a size that counts for the data and for where the next header is', () => {
    const inner = file('hidden', 'hidden');
    const stream = tar(
      pax(['size', String(inner.length)]),
      tarHeader({ name: 'outer', size: 0 }),
      inner,
      file('next'),
    );
    expect(names(stream)).toEqual(['outer', 'next']);
    const hidden = tar(pax(['size', '0']), tarHeader({ name: 'outer', size: 512 }), file('seen'));
    expect(names(hidden)).toEqual(['outer', 'seen']);
  });

  it('does not change the headers between it and its entry', () => {
    const stream = tar(
      pax(['size', '2048'], ['uid', '7']),
      longName('long'),
      globalPax(['path', 'g']),
      tarEntry({ name: 'x', body: 'y'.repeat(2048) }),
      file('next'),
    );
    expect(read(stream).map(({ entry }) => [entry.path, entry.size, entry.uid])).toEqual([
      ['long', 2048, 7],
      ['next', 0, 0],
    ]);
  });

  it('is about one entry only', () => {
    expect(names(tar(pax(['path', 'a']), file('x'), file('y')))).toEqual(['a', 'y']);
  });

  it('is replaced by another one of its kind', () => {
    expect(
      read(tar(pax(['path', 'a'], ['uid', '5']), pax(['path', 'b']), file('x')))[0]?.entry,
    ).toMatchObject({ path: 'b', uid: 0 });
  });

  it('is ignored where it is global', () => {
    const stream = tar(
      globalPax(['path', '../x'], ['uid', '7'], ['size', '99']),
      file('f', 'x'),
      rawPax('nonsense', { type: 'g' }),
      file('g'),
    );
    expect(read(stream).map(({ entry }) => [entry.path, entry.uid, entry.size])).toEqual([
      ['f', 0, 1],
      ['g', 0, 0],
    ]);
  });
});

describe('sparse files', () => {
  const regions = [
    [0, 'abc'],
    [1000, 'x'.repeat(600)],
    [5000, 'yz'],
  ] as const;
  const expected = `abc${'\0'.repeat(997)}${'x'.repeat(600)}${'\0'.repeat(3400)}yz${'\0'.repeat(998)}`;
  const many = Array.from({ length: 60 }, (_, at) => [at * 100, `r${at}`] as const);

  it.each([
    ["GNU's old type", oldSparse('s', 6000, regions)],
    ['pax 0.0', paxSparse('0.0', 's', { size: 6000, regions })],
    ['pax 0.1', paxSparse('0.1', 's', { size: 6000, regions })],
    ['pax 1.0', paxSparse('1.0', 's', { size: 6000, regions })],
  ])('of %s get their holes back', (_, entry) => {
    const [sparse, next] = read(tar(entry, file('next', 'n')));
    expect(sparse).toMatchObject({ entry: { path: 's', size: 6000 }, body: expected });
    expect(next?.body).toBe('n');
  });

  it.each([
    ["GNU's old type", oldSparse('s', 6000, many)],
    ['pax 1.0', paxSparse('1.0', 's', { size: 6000, regions: many })],
  ])('of %s may have a map of several blocks', (_, entry) => {
    const [sparse] = read(tar(entry, file('next')));
    expect(sparse?.body?.replaceAll('\0', '')).toBe(many.map(([, data]) => data).join(''));
    expect(sparse?.body?.indexOf('r59')).toBe(5900);
  });

  it('may be nothing but a hole', () => {
    const empty = [
      oldSparse('a', 5, []),
      paxSparse('0.1', 'b', { size: 5, regions: [[5, '']] }),
      paxSparse('1.0', 'c', { size: 5, regions: [] }),
    ];
    expect(read(tar(...empty, file('d', 'd'))).map(({ body }) => body)).toEqual([
      '\0\0\0\0\0',
      '\0\0\0\0\0',
      '\0\0\0\0\0',
      'd',
    ]);
  });

  const version = [
    ['GNU.sparse.major', '1'],
    ['GNU.sparse.minor', '0'],
    ['GNU.sparse.realsize', '9'],
  ] as const;
  const map01 = (map: string, size = '9') => pax(['GNU.sparse.map', map], ['GNU.sparse.size', size]);
  const bad: { name: string; stream: Uint8Array; code?: ErrorCode }[] = [
    { name: 'overlapping regions', stream: tar(map01('0,2,1,2'), file('s', '1234')) },
    { name: 'regions out of order', stream: tar(map01('4,2,0,2'), file('s', '1234')) },
    { name: 'a region beyond the file', stream: tar(map01('8,2'), file('s', '12')) },
    { name: 'regions that leave data over', stream: tar(map01('0,1'), file('s', '12')) },
    { name: 'regions that want more data', stream: tar(map01('0,3'), file('s', '12')) },
    { name: 'a map with half a region', stream: tar(map01('0,2,4'), file('s', '12')) },
    { name: 'a map of letters', stream: tar(map01('a,b'), file('s', '12')) },
    { name: 'a size of letters', stream: tar(map01('0,2', 'x'), file('s', '12')) },
    {
      name: 'an unknown form',
      stream: tar(pax(['GNU.sparse.major', '2'], ['GNU.sparse.minor', '0']), file('s', '12')),
    },
    { name: 'no map', stream: tar(pax(['GNU.sparse.size', '9'], ['GNU.sparse.numblocks', '0']), file('s')) },
    { name: 'a directory with holes', stream: tar(map01('0,0'), dir('s')) },
    {
      name: 'a name with a NUL',
      stream: tar(pax(['GNU.sparse.map', '0,2'], ['GNU.sparse.name', 'a\0']), file('s', '12')),
    },
    { name: 'no map in front of the data', stream: tar(pax(...version), file('s', '')) },
    { name: 'a map of letters in front of the data', stream: tar(pax(...version), file('s', padded('x\n'))) },
    { name: 'a map with an empty line', stream: tar(pax(...version), file('s', padded('1\n\n0\n'))) },
    {
      name: 'a map with too large a number',
      stream: tar(pax(...version), file('s', padded('1\n99999999999999999\n0\n'))),
    },
    {
      name: 'a map longer than the file',
      stream: tar(
        pax(...version),
        file('s', padded(`200\n${'1\n'.repeat(200)}`)),
        file('t', 'x'.repeat(600)),
      ),
    },
    { name: 'type S outside of a GNU archive', stream: tar(tarEntry({ name: 's', type: 'S' })) },
    {
      name: 'too many regions',
      stream: tar(pax(...version), file('s', padded(`200000\n${'1\n0\n'.repeat(100_001)}`))),
      code: 'LIMIT_EXCEEDED',
    },
    {
      name: 'too many regions in records',
      stream: tar(map01('0,0,'.repeat(100_001).slice(0, -1)), file('s')),
      code: 'LIMIT_EXCEEDED',
    },
  ];
  it.each(bad)('are refused with $name', ({ stream, code = 'TAR_INVALID' }) => {
    thrown(code, () => read(stream));
  });
});

describe('the end', () => {
  const entry = file('f', 'body');
  const zeros = (length: number) => Buffer.alloc(length);
  const good: { name: string; stream: Uint8Array }[] = [
    { name: 'two zero blocks', stream: tar(entry) },
    { name: 'one zero block', stream: Buffer.concat([entry, zeros(512)]) },
    { name: 'no zero block', stream: entry },
    { name: 'many zero blocks', stream: Buffer.concat([entry, zeros(10_240)]) },
    {
      name: 'two zero blocks and anything',
      stream: Buffer.concat([tar(entry), Buffer.from('garbage that is no block'), file('after')]),
    },
  ];
  it.each(good)('may be $name', ({ stream }) => {
    expect(names(stream)).toEqual(['f']);
  });

  it.each([0, 512, 1024])('may be all there is: %s bytes', (length) => {
    expect(names(zeros(length))).toEqual([]);
  });

  const bad: { name: string; stream: Uint8Array }[] = [
    { name: 'in a header', stream: entry.subarray(0, 300) },
    { name: 'in the data', stream: entry.subarray(0, 514) },
    { name: 'in the padding', stream: entry.subarray(0, 600) },
    { name: 'after the header of a file', stream: entry.subarray(0, 512) },
    { name: 'in a zero block', stream: Buffer.concat([entry, zeros(100)]) },
    { name: 'in the second zero block', stream: Buffer.concat([entry, zeros(700)]) },
    { name: 'after a pax header', stream: Buffer.concat([entry, pax(['path', 'x'])]) },
    { name: 'after a long name and zero blocks', stream: tar(entry, longName('x')) },
    {
      name: 'in the map of a sparse file',
      stream: oldSparse(
        's',
        9000,
        Array.from({ length: 9 }, (_, at) => [at, 'x'] as const),
      ).subarray(0, 512),
    },
    { name: 'in the padding of a global header', stream: globalPax(['a', 'b']).subarray(0, 800) },
  ];
  it.each(bad)('is refused $name', ({ stream }) => {
    thrown('TAR_INVALID', () => read(stream));
  });

  it('is refused where an entry follows a single zero block', () => {
    thrown('TAR_INVALID', () => read(Buffer.concat([entry, zeros(512), tar(entry)])));
  });
});

describe('malformed streams', () => {
  const cases: { name: string; stream: Uint8Array; code?: ErrorCode }[] = [
    { name: 'a header with a wrong checksum', stream: tar(file('f', '', { checksum: 'wrong' })) },
    { name: 'something else altogether', stream: Buffer.from('{"not": "a tar"}'.padEnd(2048, ' ')) },
    { name: 'a negative size', stream: tar(tarHeader({ name: 'f', patches: [[124, base256(-512, 12)]] })) },
    { name: 'a malformed pax header', stream: tar(rawPax('7 path\n'), file('f')) },
    { name: 'an owner beyond 32 bits', stream: tar(file('f', '', { uid: 2 ** 32 - 1 })) },
    { name: 'a pax owner beyond 32 bits', stream: tar(pax(['gid', '4294967295']), file('f')) },
    { name: 'a device beyond 32 bits', stream: tar(char('c', [2 ** 32, 0])) },
    {
      name: 'a pax header of more than 1 MiB',
      stream: tar(rawPax(Buffer.alloc((1 << 20) + 1, 0x20)), file('f')),
      code: 'LIMIT_EXCEEDED',
    },
    {
      name: 'a long name of more than 1 MiB',
      stream: tarHeader({ name: 'L', type: 'L', size: 2 ** 40 }),
      code: 'LIMIT_EXCEEDED',
    },
  ];
  it.each(cases)('are refused: $name', ({ stream, code = 'TAR_INVALID' }) => {
    thrown(code, () => read(stream));
  });
});

it('hands out a body that arrives in one piece in one piece', () => {
  const pieces: number[] = [];
  const reader = createTarReader({
    entry: () => {},
    data: (bytes) => pieces.push(bytes.length),
    end: () => {},
  });
  reader.push(tar(file('a', 'x'.repeat(5000)), file('b', 'y'.repeat(700))));
  expect(pieces).toEqual([5000, 700]);
});

it('knows where the last header stands', () => {
  const reader = createTarReader({ entry: () => {}, data: () => {}, end: () => {} });
  const stream = tar(file('a', 'x'.repeat(600)), file('b'));
  for (let at = 0; at < stream.length - END.length; at += 100)
    reader.push(stream.subarray(at, Math.min(at + 100, stream.length - END.length)));
  expect(reader.position).toBe(1536);
});

it('reads the same from any slices', () => {
  const stream = tar(
    dir('d/'),
    file('a', 'x'.repeat(1500)),
    pax(['path', 'p'], ['SCHILY.xattr.user.a', 'b'], ['mtime', '1.5']),
    file('x', 'y'),
    longName('l'.repeat(700)),
    longLink('t'.repeat(300)),
    symlink('x', 'y'),
    globalPax(['a', 'b']),
    oldSparse(
      's',
      9000,
      Array.from({ length: 30 }, (_, at) => [at * 300, `r${at}`] as const),
    ),
    paxSparse('1.0', 'q', {
      size: 2000,
      regions: Array.from({ length: 90 }, (_, at) => [at * 20, 'y'] as const),
    }),
    file('z', 'z'.repeat(512)),
  );
  const whole = read(stream);
  expect(whole).toHaveLength(7);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 1600 }), { minLength: 1, maxLength: 30 }), (sizes) => {
      expect(read(stream, sizes)).toEqual(whole);
    }),
  );
  expect(read(stream, [1])).toEqual(whole);
});

it('neither hangs nor throws anything but its own errors, whatever the bytes', () => {
  const valid = tar(
    pax(['path', 'p'], ['size', '3']),
    file('x', 'abc'),
    longName('n'),
    paxSparse('1.0', 'q', { size: 9, regions: [[1, 'y']] }),
    oldSparse('s', 99, [[5, 'r']]),
  );
  const damage = fc.array(fc.tuple(fc.nat({ max: valid.length - 1 }), fc.integer({ min: 0, max: 255 })), {
    maxLength: 6,
  });
  fc.assert(
    fc.property(damage, fc.boolean(), (changes, fixChecksums) => {
      const bytes = Buffer.from(valid);
      for (const [at, byte] of changes) bytes[at] = byte;
      if (fixChecksums) for (const [at] of changes) restoreChecksum(bytes, at - (at % 512));
      const reader = createTarReader({ entry: () => {}, data: () => {}, end: () => {} });
      try {
        reader.push(bytes);
        reader.finish();
      } catch (error) {
        expect(['TAR_INVALID', 'LIMIT_EXCEEDED']).toContain((error as { code?: string }).code);
      }
    }),
    { numRuns: 500 },
  );
});

function restoreChecksum(bytes: Buffer, at: number): void {
  bytes.fill(' ', at + 148, at + 156);
  const sum = bytes.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1');
}
