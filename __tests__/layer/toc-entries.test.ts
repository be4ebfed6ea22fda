import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseLayerToc } from '../../src/layer/layer-toc.ts';
import { parseTime, parseXattrs } from '../../src/layer/toc-attributes.ts';
import { type TocEntry, tocEntries } from '../../src/layer/toc-entries.ts';
import { MAX_EXTENDED_HEADER, MAX_XATTR_BYTES } from '../../src/tar/limits.ts';
import { editJson, jsonEdit } from '../fuzz/json-edits.ts';
import { sampleDigest } from '../support/descriptors.ts';
import { buildStargzLayer, PREFETCH_LANDMARK } from '../support/stargz-layer.ts';
import { decode, tarEntries } from '../support/stored-chunks.ts';
import { file, pax, tar } from '../support/tar-builder.ts';

const END = 10_000;
const NONE = { linkPath: '', mode: 0, uid: 0, gid: 0, mtime: 0, size: 0, deviceMajor: 0, deviceMinor: 0 };
const NAME = 'its TOC holds a name that is not UTF-8';
const IMPOSSIBLE = 'its TOC holds an entry with an impossible name, owner, time or attribute';

function list(entries: readonly unknown[]) {
  const toc = parseLayerToc(JSON.stringify({ version: 1, entries }), END);
  if (toc.kind !== 'toc') throw new Error(toc.reason);
  return tocEntries(toc);
}

function listed(...entries: unknown[]): readonly TocEntry[] {
  const result = list(entries);
  if (result.kind !== 'entries') throw new Error(result.reason);
  return result.entries;
}

const entryOf = (entry: object) => listed({ type: 'dir', name: 'd/', ...entry })[0]?.entry;
const content = { size: 10, offset: 100, endOffset: 150, digest: sampleDigest(1) };

describe('tocEntries', () => {
  it('reads all that an entry says', () => {
    const entry = {
      type: 'reg',
      name: 'usr/bin/suid',
      mode: 0o104755,
      uid: 1234,
      gid: 5678,
      modtime: '2026-11-21T02:54:47.25Z',
      accesstime: '0001-01-01T00:00:00Z',
      xattrs: { 'user.note': 'aGVsbG8=' },
      ...content,
    };
    expect(listed(entry)).toEqual([
      {
        entry: {
          kind: 'file',
          path: 'usr/bin/suid',
          linkPath: '',
          mode: 0o4755,
          uid: 1234,
          gid: 5678,
          mtime: Date.parse('2026-11-21T02:54:47.250Z') / 1000,
          size: 10,
          deviceMajor: 0,
          deviceMinor: 0,
          xattrs: new Map([['user.note', Buffer.from('hello')]]),
        },
        firstChunk: 0,
        endChunk: 1,
        isOwn: false,
      },
    ]);
  });

  it.each([
    ['reg', 'file', {}],
    ['dir', 'directory', {}],
    ['symlink', 'symlink', { linkPath: '../t' }],
    ['hardlink', 'hardlink', { linkPath: '../t' }],
    ['char', 'char', { deviceMajor: 1, deviceMinor: 3 }],
    ['block', 'block', { deviceMajor: 1, deviceMinor: 3 }],
    ['fifo', 'fifo', {}],
  ])('reads of a %s what belongs to it, and zero for what is absent', (type, kind, own) => {
    const entry = { type, name: 'n', linkName: '../t', devMajor: 1, devMinor: 3 };
    expect(entryOf(entry)).toEqual({ kind, path: 'n', ...NONE, ...own, xattrs: undefined });
  });

  it('gives a size only to files, as only they have content', () => {
    expect(listed({ type: 'hardlink', name: 'h', linkName: 'f', size: 5 })[0]?.entry.size).toBe(0);
  });

  it.each([
    ['../esc'],
    ['/abs'],
    ['./x'],
    [''],
    ['__proto__'],
    ['.wh..wh..opq'],
    ['n'.repeat(5000)],
    ['a\nb'],
  ])('leaves the name %j as it is, for the unpacker to judge', (name) =>
    expect(entryOf({ name })?.path).toBe(name),
  );

  it('gives names as bytes', () => {
    const name = 'größe/日本/😀';
    expect(entryOf({ name })?.path).toBe(Buffer.from(name).toString('latin1'));
    expect(entryOf({ type: 'symlink', linkName: name })?.linkPath).toBe(Buffer.from(name).toString('latin1'));
  });

  it('gives the chunks of each file', () => {
    const entries = listed(
      { type: 'dir', name: 'd/' },
      { type: 'reg', name: 'cut', ...content, size: 30, chunkSize: 10, chunkDigest: sampleDigest(2) },
      {
        type: 'chunk',
        name: 'cut',
        offset: 120,
        chunkOffset: 10,
        chunkSize: 20,
        chunkDigest: sampleDigest(3),
      },
      { type: 'reg', name: 'empty' },
      { type: 'reg', name: 'b', ...content, offset: 200, endOffset: 210 },
    );
    expect(entries.map(({ firstChunk, endChunk }) => [firstChunk, endChunk])).toEqual([
      [0, 0],
      [0, 2],
      [2, 2],
      [2, 3],
    ]);
  });

  it('marks landmarks in stargz layers, and nowhere else', () => {
    const { tocText, dataEnd } = buildStargzLayer([PREFETCH_LANDMARK, { name: 'a', body: 'x' }]);
    const toc = parseLayerToc(tocText, dataEnd);
    const result = toc.kind === 'toc' ? tocEntries(toc) : toc;
    expect(result).toMatchObject({
      entries: [{ isOwn: true }, { isOwn: false, entry: { path: 'a' } }],
    });
    expect(listed({ type: 'reg', name: '.prefetch.landmark', ...content })[0]?.isOwn).toBe(false);
  });

  it.each<[string, object, string]>([
    ['no name', { name: undefined }, IMPOSSIBLE],
    ['a name that is no text', { name: 7 }, IMPOSSIBLE],
    ['a NUL in its name', { name: 'a\0b' }, IMPOSSIBLE],
    ['a name without end', { name: 'n'.repeat(MAX_EXTENDED_HEADER + 1) }, IMPOSSIBLE],
    ['a name that lost its bytes', { name: 'caf\ufffd' }, NAME],
    ['a name with half a character', { name: 'x\ud83d' }, NAME],
    ['a target that lost its bytes', { type: 'symlink', linkName: '\ufffd' }, NAME],
    ['a target that is no text', { type: 'symlink', linkName: {} }, IMPOSSIBLE],
    ['a NUL in its target', { type: 'hardlink', linkName: 'a\0' }, IMPOSSIBLE],
    ['a negative mode', { mode: -1 }, IMPOSSIBLE],
    ['text for a mode', { mode: '0755' }, IMPOSSIBLE],
    ['a fraction for a mode', { mode: 1.5 }, IMPOSSIBLE],
    ['a negative owner', { uid: -1 }, IMPOSSIBLE],
    ['the owner that chown does not take', { uid: 2 ** 32 - 1 }, IMPOSSIBLE],
    ['a group beyond 32 bits', { gid: 2 ** 40 }, IMPOSSIBLE],
    ['a device number beyond 32 bits', { type: 'char', devMajor: 2 ** 32 }, IMPOSSIBLE],
    ['a negative device number', { type: 'block', devMinor: -1 }, IMPOSSIBLE],
    ['a time that is none', { modtime: 'yesterday' }, IMPOSSIBLE],
    ['attributes that are a list', { xattrs: ['a'] }, IMPOSSIBLE],
    ['an attribute that is no base64', { xattrs: { 'user.a': '***' } }, IMPOSSIBLE],
  ])('refuses a TOC with an entry that has %s', (_, more, reason) => {
    expect(list([{ type: 'dir', name: 'd', ...more }])).toEqual({ kind: 'unusable', reason });
  });

  it('takes the largest owners and devices that there are', () => {
    const most = { uid: 2 ** 32 - 2, gid: 2 ** 32 - 2 };
    expect(entryOf({ type: 'char', ...most, devMajor: 2 ** 32 - 1, devMinor: 2 ** 32 - 1 })).toMatchObject({
      ...most,
      deviceMajor: 2 ** 32 - 1,
      deviceMinor: 2 ** 32 - 1,
    });
  });

  it('says of a built layer what its tar stream says', async () => {
    const { blob, tocText, dataEnd } = buildStargzLayer([
      { name: 'd/', type: '5', mode: 0o1777, uid: 3 },
      { name: 'd/ü', body: 'x', gid: 2_000_000 },
      { name: 'd/l', type: '2', linkName: 'ü' },
      { name: 'd/h', type: '1', linkName: 'd/ü' },
      { name: 'd/epoch', mtime: 0 },
      { name: 'd/before', mtime: -5 },
    ]);
    const toc = parseLayerToc(tocText, dataEnd);
    const result = toc.kind === 'toc' ? tocEntries(toc) : toc;
    if (result.kind !== 'entries') throw new Error(result.reason);
    const tarStream = await decode(blob.subarray(0, dataEnd));
    expect(result.entries.map(({ entry }) => entry)).toEqual(tarEntries(tarStream));
  });

  it('never throws, however a TOC is edited', () => {
    const toc = {
      version: 1,
      entries: [
        { type: 'dir', name: 'd/', mode: 493, modtime: '2026-11-21T02:54:47Z' },
        { type: 'reg', name: 'd/a', uid: 1, xattrs: { 'user.a': 'AAAA' }, ...content },
        { type: 'symlink', name: 'd/l', linkName: 'a' },
        { type: 'char', name: 'd/c', devMajor: 1, devMinor: 3 },
      ],
    };
    fc.assert(
      fc.property(fc.array(jsonEdit, { minLength: 1, maxLength: 4 }), (edits) => {
        const parsed = parseLayerToc(JSON.stringify(editJson(toc, edits)) ?? '', END);
        const result = parsed.kind === 'toc' ? tocEntries(parsed) : parsed;
        if (result.kind !== 'entries') return;
        for (const { entry } of result.entries) {
          expect(entry.path).not.toMatch(/[^\0-\xff]/);
          expect(Number.isFinite(entry.mtime)).toBe(true);
          expect(entry.mode).toBeLessThanOrEqual(0o7777);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('stays fast with very many entries', () => {
    const many = Array.from({ length: 100_000 }, (_, index) => ({
      type: 'symlink',
      name: `directory/name-${index}`,
      linkName: 'x',
      modtime: '2026-11-21T02:54:47.123456789Z',
      xattrs: { 'user.a': 'AAAA' },
    }));
    const started = performance.now();
    expect(listed(...many)).toHaveLength(100_000);
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});

describe('parseTime', () => {
  it.each<[unknown, number]>([
    [undefined, 0],
    [null, 0],
    ['', 0],
    ['0001-01-01T00:00:00Z', 0],
    ['1970-01-01T00:00:00Z', 0],
    ['2026-11-21T02:54:47Z', 1_795_229_687],
    ['2026-11-21T03:54:47+01:00', 1_795_229_687],
    ['2026-11-20T21:24:47-05:30', 1_795_229_687],
    ['1969-12-31T23:59:59.5Z', -0.5],
    ['1969-12-31T23:59:58Z', -2],
    ['0999-01-01T00:00:00Z', Date.parse('0999-01-01T00:00:00Z') / 1000],
    ['2024-02-29T23:59:59Z', Date.parse('2024-02-29T23:59:59Z') / 1000],
    ['2026-11-21T02:54:47.999999999Z', 1_795_229_687.999_999],
  ])('reads %j', (text, seconds) => expect(parseTime(text)).toBe(seconds));

  it.each([
    0,
    {},
    'now',
    '2026-11-21',
    '2026-11-21T02:54:47',
    '2026-11-21 02:54:47Z',
    '2026-13-01T00:00:00Z',
    '2026-02-29T00:00:00Z',
    '2026-02-30T00:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01T00:00:60Z',
    '2026-01-01T00:00:00.Z',
    '2026-01-01T00:00:00.1234567890Z',
    '2026-01-01T00:00:00+24:00',
    '2026-01-01T00:00:00+00:60',
    '+12026-01-01T00:00:00Z',
    '2026-01-01T00:00:00Z\n',
  ])('refuses %j', (text) => expect(parseTime(text)).toBeUndefined());

  it('reads the same double as the tar reader from the same time', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -(2 ** 33), max: 2 ** 34 }),
        fc.nat(999_999_999),
        (floor, nanoseconds) => {
          const local = new Date(floor * 1000).toISOString().slice(0, -5);
          const digits = String(nanoseconds).padStart(9, '0');
          const below = floor < 0 && nanoseconds > 0;
          const [whole, rest] = below ? [floor + 1, 1_000_000_000 - nanoseconds] : [floor, nanoseconds];
          const sign = floor < 0 ? '-' : '';
          const text = `${sign}${Math.abs(whole)}.${String(rest).padStart(9, '0')}`;
          const [entry] = tarEntries(tar(pax(['mtime', text]), file('a')));
          expect(parseTime(`${local}.${digits}Z`)).toBe(entry?.mtime);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('parseXattrs', () => {
  it.each([[undefined], [null], [{}]])('finds none in %j', (value) =>
    expect(parseXattrs(value)).toBeUndefined(),
  );

  it('drops those without a value, as a pax header does', () => {
    expect(parseXattrs({ 'user.empty': '', 'user.null': null })).toBeUndefined();
    expect(tarEntries(tar(pax(['SCHILY.xattr.user.empty', '']), file('a')))[0]?.xattrs?.size ?? 0).toBe(0);
  });

  it('reads any bytes, under any name', () => {
    const value = JSON.parse('{"__proto__":"AP8=","user.ü":"/+//"}') as unknown;
    expect(parseXattrs(value)).toEqual(
      new Map([
        ['__proto__', Buffer.of(0, 255)],
        [Buffer.from('user.ü').toString('latin1'), Buffer.of(255, 239, 255)],
      ]),
    );
  });

  it('has a limit for all of them together', () => {
    const half = Buffer.alloc(MAX_XATTR_BYTES / 2).toString('base64');
    expect(parseXattrs({ a: half, b: half })).toHaveProperty('size', 2);
    expect(parseXattrs({ a: half, b: half, c: 'AA==' })).toBe('malformed');
    expect(parseXattrs({ a: 'A'.repeat(2 ** 20) })).toBe('malformed');
  });

  it.each([
    ['text', 'a'],
    ['a list', []],
    ['a number', { a: 1 }],
    ['an object', { a: {} }],
    ['no padding', { a: 'AA' }],
    ['too much padding', { a: 'AAAA=' }],
    ['the other alphabet', { a: '-_-_' }],
    ['white space', { a: 'AA==\n' }],
    ['no name', { '': 'AAAA' }],
    ['a NUL in a name', { 'a\0': 'AAAA' }],
    ['a name that lost its bytes', { 'user.\ufffd': 'AAAA' }],
  ])('refuses %s', (_, value) => expect(parseXattrs(value)).toBe('malformed'));
});
