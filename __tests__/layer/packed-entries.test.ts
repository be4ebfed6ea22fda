import { expect, it } from 'vitest';
import { packEntries, unpackEntries } from '../../src/layer/packed-entries.ts';
import type { TocEntry } from '../../src/layer/toc-entries.ts';

const ENTRY = {
  kind: 'file',
  path: 'caf\xe9/__proto__',
  linkPath: '',
  mode: 0o4755,
  uid: 2 ** 32 - 2,
  gid: 7,
  mtime: -1.5,
  size: 2 ** 40,
  deviceMajor: 0,
  deviceMinor: 0,
  xattrs: new Map([['user.a', Uint8Array.of(0, 255)]]),
} as const;

it('come out as they went in, but for those that are no part of the image', () => {
  const file: TocEntry = { entry: ENTRY, firstChunk: 3, endChunk: 5, isOwn: false };
  const link: TocEntry = {
    entry: { ...ENTRY, kind: 'hardlink', linkPath: 'x', size: 0, xattrs: undefined },
    firstChunk: 5,
    endChunk: 5,
    isOwn: false,
  };
  const packed = packEntries([{ ...file, isOwn: true }, file, link]);
  expect(unpackEntries(packed)).toEqual([file, link]);
  expect(unpackEntries(packEntries([]))).toEqual([]);
});
