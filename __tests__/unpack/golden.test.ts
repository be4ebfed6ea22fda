// The fixture image, unpacked, is the tree that other tools make of it; and how its bytes are cut does not matter.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createUnpacker } from '../../src/unpack/unpacker.ts';
import { fixtureImage } from '../support/fixture-image.ts';
import {
  char,
  dir,
  file,
  hardlink,
  longLink,
  longName,
  oldSparse,
  pax,
  paxSparse,
  symlink,
  tar,
} from '../support/tar-builder.ts';
import { expectedTree, isRoot, listTree, type TreeRecord } from '../support/tree.ts';
import { unpackRoom } from '../support/unpack-room.ts';

const TAGS = ['v1', 'v2'];

function layersOf(tag: string): Buffer[] {
  const image = fixtureImage(tag, 'none');
  return image.layers.map((layer) => image.bytes(layer));
}

/** What a user who is not root keeps access to. */
function withOwnerAccess(record: TreeRecord): TreeRecord {
  const bits = record.type === 'dir' ? 0o700 : record.type === 'file' ? 0o600 : 0;
  return record.mode
    ? { ...record, mode: `0o${((Number(record.mode) & ~0o6000) | bits).toString(8)}` }
    : record;
}

describe('the fixture image', () => {
  it.skipIf(!isRoot()).each(TAGS)('%s becomes the expected tree (needs root)', async (tag) => {
    using room = unpackRoom();
    const report = await room.unpack(layersOf(tag), { owner: 'preserve' });
    expect(listTree(room.root)).toEqual(expectedTree(tag));
    expect(report).toMatchObject({ skipped: { count: 0, named: [] } });
    expect(report.entries).toBeGreaterThan(500);
  });

  it.each(TAGS)(
    '%s becomes the expected tree but for owners, set-id bits, devices and capabilities for other users',
    async (tag) => {
      using room = unpackRoom();
      const options = { noOwner: true, noXattrs: true, noDevices: true };
      const report = await room.unpack(layersOf(tag), { owner: 'runner' });
      expect(listTree(room.root, options)).toEqual(expectedTree(tag, options).map(withOwnerAccess));
      expect(report.skipped.named.map(({ path, kind }) => [path, kind])).toEqual([
        ['usr/bin/suid', 'xattr'],
        ['dev/null', 'device'],
      ]);
    },
  );
});

const EVERYTHING = tar(
  dir('d/'),
  file('d/f', 'x'.repeat(1500)),
  pax(['path', 'p/a\nx'], ['mtime', '1.5'], ['SCHILY.xattr.user.a', 'b']),
  file('x', 'pax'),
  longName(`${'l/'.repeat(80)}f`),
  longLink('d/'.repeat(60)),
  symlink('x', 'y'),
  hardlink('h', 'd/f'),
  oldSparse(
    's1',
    9000,
    Array.from({ length: 30 }, (_, at) => [at * 300, `r${at}`] as const),
  ),
  paxSparse('0.0', 's2', {
    size: 4000,
    regions: [
      [0, 'abc'],
      [3000, 'x'.repeat(1000)],
    ],
  }),
  paxSparse('0.1', 's3', { size: 700, regions: [[600, 'abc']] }),
  paxSparse('1.0', 's4', {
    size: 2000,
    regions: Array.from({ length: 90 }, (_, at) => [at * 20, 'y'] as const),
  }),
  char('c', [1, 3]),
  file('end', 'z'.repeat(512)),
);

it('gives the same tree however the stream is cut', async () => {
  using room = unpackRoom();
  await room.unpack([EVERYTHING], { owner: 'runner' });
  const whole = listTree(room.root);
  expect(whole.length).toBeGreaterThan(90);
  const cuts = fc.array(fc.integer({ min: 1, max: 1400 }), { minLength: 1, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(cuts, async (sizes) => {
      using other = unpackRoom();
      const unpacker = createUnpacker({ root: other.root, owner: 'runner' });
      unpacker.beginLayer(0);
      for (let at = 0, turn = 0; at < EVERYTHING.length; turn++) {
        const end = at + (sizes[turn % sizes.length] as number);
        // A copy that is overwritten afterwards: nothing may be kept of it.
        const slice = Buffer.from(EVERYTHING.subarray(at, end));
        unpacker.write(slice);
        slice.fill(0xaa);
        at = end;
      }
      unpacker.endLayer();
      await unpacker.finish();
      expect(withoutImplicitTimes(listTree(other.root))).toEqual(withoutImplicitTimes(whole));
    }),
    { numRuns: 25 },
  );
});

/** Directories without an entry have the time at which they were made. */
function withoutImplicitTimes(tree: readonly TreeRecord[]): TreeRecord[] {
  return tree.map(({ mtime, ...record }) =>
    record.type === 'dir' && record.path !== 'd'
      ? record
      : { ...record, ...(mtime === undefined ? {} : { mtime }) },
  );
}
