// Owners, modes, times and extended attributes.
import { mkdtempSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createUnpacker } from '../../src/unpack/unpacker.ts';
import { char, dir, fifo, file, hardlink, MTIME, pax, symlink, tar } from '../support/tar-builder.ts';
import { canListXattrs, isRoot, listTree, type TreeRecord } from '../support/tree.ts';
import { OWNERS, type UnpackRoom, unpackRoom } from '../support/unpack-room.ts';

function modeOf(room: UnpackRoom, path: string): string {
  return (Number(room.stat(path).mode) & 0o7777).toString(8);
}

function record(room: UnpackRoom, path: string): TreeRecord | undefined {
  return listTree(room.root).find((each) => each.path === path);
}

describe('modes', () => {
  it.skipIf(!isRoot())(
    'are kept, set-id bits after owners, even where they bar the owner (needs root)',
    async () => {
      using room = unpackRoom();
      const layer = tar(
        dir('d/', { mode: 0o1500, uid: 7 }),
        file('d/s', 'x', { mode: 0o6751, uid: 1, gid: 2 }),
        file('n', 'x', { mode: 0 }),
      );
      await room.unpack([layer], { owner: 'preserve' });
      expect([modeOf(room, 'd'), modeOf(room, 'd/s'), modeOf(room, 'n')]).toEqual(['1500', '6751', '0']);
      expect(room.stat('d/s')).toMatchObject({ uid: 1n, gid: 2n });
    },
  );

  it('leave the owner access to everything when nothing is to belong to others', async () => {
    using room = unpackRoom();
    await room.unpack([tar(dir('d/', { mode: 0o055, uid: 7 }), file('d/f', 'x', { mode: 0o4044, uid: 7 }))], {
      owner: 'runner',
    });
    expect([modeOf(room, 'd'), modeOf(room, 'd/f')]).toEqual(['755', '644']);
    expect(room.stat('d/f').uid).toBe(BigInt(process.geteuid?.() ?? 0));
  });

  it("have no set-id bits when the owner is not the image's", async () => {
    using room = unpackRoom();
    const layer = tar(
      dir('d/', { mode: 0o3755 }),
      file('d/f', 'x', { mode: 0o6755 }),
      hardlink('h', 'd/f'),
      fifo('p', { mode: 0o6640 }),
      dir('./', { mode: 0o6755 }),
    );
    await room.unpack([layer], { owner: 'runner' });
    expect(['', 'd', 'd/f', 'h', 'p'].map((path) => modeOf(room, path))).toEqual([
      '755',
      '1755',
      '755',
      '755',
      '640',
    ]);
  });

  it.each(OWNERS)(
    'do not depend on the umask, nor do those of directories without an entry (%s)',
    async (owner) => {
      using room = unpackRoom();
      const umask = process.umask(0o077);
      try {
        await room.unpack([tar(file('i/f', 'x', { mode: 0o666 }), dir('d/', { mode: 0o777 }))], { owner });
      } finally {
        process.umask(umask);
      }
      expect([modeOf(room, 'i/f'), modeOf(room, 'd'), modeOf(room, 'i'), modeOf(room, '')]).toEqual([
        '666',
        '777',
        '755',
        '755',
      ]);
    },
  );

  it('take twelve bits only', async () => {
    using room = unpackRoom();
    await room.unpack([tar(file('f', '', { mode: 0o100644 }))]);
    expect(modeOf(room, 'f')).toBe('644');
  });

  it('allow files below a directory that is read-only', async () => {
    using room = unpackRoom();
    await room.unpack([tar(dir('d/', { mode: 0o555 }), file('d/a')), tar(file('d/b'))], { owner: 'runner' });
    expect(room.shape()).toEqual({ d: 'dir', 'd/a': 'file: ', 'd/b': 'file: ' });
  });

  it.each(['./', '/', '.'])('of the root come from the entry %s', async (name) => {
    using room = unpackRoom();
    await room.unpack([tar(dir(name, { mode: 0o751, mtime: 5 }), file('f'))]);
    expect(modeOf(room, '')).toBe('751');
    expect(room.stat('').mtimeNs).toBe(5_000_000_000n);
  });
});

describe('directories', () => {
  it('get all their attributes anew from an entry of an upper layer', async () => {
    using room = unpackRoom();
    const lower = tar(pax(['SCHILY.xattr.user.a', '1']), dir('d/', { mode: 0o700, mtime: 1 }), file('d/f'));
    await room.unpack([lower, tar(dir('d/', { mode: 0o711, mtime: 2 }))]);
    expect(record(room, 'd')).toMatchObject({ mode: '0o711', mtime: 2 });
    expect(record(room, 'd')).not.toHaveProperty('xattrs');
  });

  it('keep their attributes when an upper layer writes below them without an entry', async () => {
    using room = unpackRoom();
    await room.unpack([
      tar(dir('d/', { mode: 0o710, mtime: 1 })),
      tar(file('d/f')),
      tar(file('d/.wh.f')),
      tar(dir('d/e/')),
    ]);
    expect(record(room, 'd')).toMatchObject({ mode: '0o710', mtime: 1 });
  });

  it.skipIf(!isRoot())('without an entry belong to root (needs root)', async () => {
    using room = unpackRoom();
    await room.unpack([tar(file('i/f', '', { uid: 5, gid: 5 }))], { owner: 'preserve' });
    expect(record(room, 'i')).toMatchObject({ uid: 0, gid: 0, mode: '0o755' });
  });
});

describe('times', () => {
  const cases = [
    { name: 'whole seconds', time: '1700000000', ns: 1_700_000_000_000_000_000n },
    { name: 'zero', time: '0', ns: 0n },
    { name: 'a fraction', time: '1700000000.125', ns: 1_700_000_000_125_000_000n },
    { name: 'before 1970', time: '-86400', ns: -86_400_000_000_000n },
    { name: 'one second before 1970', time: '-1', ns: -1_000_000_000n },
    { name: 'a fraction before 1970', time: '-1.5', ns: -1_500_000_000n },
    { name: 'beyond 2038', time: '8589934592', ns: 8_589_934_592_000_000_000n },
  ];
  it.each(cases)('are exact: $name', async ({ time, ns }) => {
    using room = unpackRoom();
    const mtime: [string, string] = ['mtime', time];
    await room.unpack([
      tar(
        pax(mtime),
        file('f', 'x'),
        pax(mtime),
        dir('d/'),
        file('d/x'),
        pax(mtime),
        symlink('l', 'f'),
        pax(mtime),
        fifo('p'),
      ),
    ]);
    expect(['f', 'd', 'l', 'p'].map((path) => room.stat(path).mtimeNs)).toEqual([ns, ns, ns, ns]);
    expect(room.stat('f').atimeNs).toBe(ns);
  });

  it('are right to a quarter of a microsecond, and never a second too late', async () => {
    using room = unpackRoom();
    await room.unpack([
      tar(
        pax(['mtime', '1700000000.123456789']),
        file('a'),
        pax(['mtime', '1700000000.999999999']),
        file('b'),
      ),
    ]);
    expect(Number(room.stat('a').mtimeNs - 1_700_000_000_123_456_789n)).toBeGreaterThanOrEqual(-250);
    expect(Number(room.stat('a').mtimeNs - 1_700_000_000_123_456_789n)).toBeLessThanOrEqual(250);
    expect(room.stat('b').mtimeNs / 1_000_000_000n).toBe(1_700_000_000n);
  });

  it('come from base-256 headers too', async () => {
    using room = unpackRoom();
    await room.unpack([tar(file('f', '', { mtime: -2 }), file('g', '', { mtime: 2 ** 33 }))]);
    expect([room.stat('f').mtimeNs, room.stat('g').mtimeNs]).toEqual([
      -2_000_000_000n,
      8_589_934_592_000_000_000n,
    ]);
  });

  it('of a file do not change by the attributes of a link to it', async () => {
    using room = unpackRoom();
    await room.unpack([
      tar(file('f', 'x', { mode: 0o600 }), hardlink('h', 'f', { mtime: 1, mode: 0o4777, uid: 3 })),
    ]);
    expect(modeOf(room, 'h')).toBe('600');
    expect(room.stat('h').mtimeNs).toBe(BigInt(MTIME) * 1_000_000_000n);
  });
});

it.skipIf(!isRoot())(
  'owners are kept, of links and devices too, up to the largest (needs root)',
  async () => {
    using room = unpackRoom();
    const owner = { uid: 2 ** 32 - 2, gid: 100_000 };
    await room.unpack(
      [
        tar(
          file('f', '', owner),
          dir('d/', owner),
          symlink('l', 'f', owner),
          fifo('p', owner),
          char('c', [1, 3], owner),
        ),
      ],
      { owner: 'preserve' },
    );
    const kept = ['f', 'd', 'l', 'p', 'c']
      .map((path) => room.stat(path))
      .map(({ uid, gid }) => [Number(uid), Number(gid)]);
    expect(kept).toEqual(Array.from({ length: 5 }, () => [owner.uid, owner.gid]));
  },
);

describe.skipIf(!canListXattrs)('extended attributes (needs getfattr)', () => {
  const CAPABILITY = Buffer.from('0100000200200000000000000000000000000000', 'hex');

  it.skipIf(!isRoot())(
    'of users and capabilities are set to the byte, after the owner, without changing times (needs root)',
    async () => {
      using room = unpackRoom();
      const value = Buffer.from([0, 1, 10, 0x3d, 0x5c, 0xff]);
      const layer = tar(
        pax(['SCHILY.xattr.user.bin', value], ['SCHILY.xattr.security.capability', CAPABILITY]),
        file(Buffer.from('a b\n\\\xe9', 'latin1'), 'x', { uid: 3, mode: 0o4755 }),
        pax(['SCHILY.xattr.user.é=\n', '1']),
        dir('d/', { uid: 3, mode: 0o500 }),
      );
      const report = await room.unpack([layer], { owner: 'preserve' });
      expect(report.skippedCount).toBe(0);
      const hex = { 'user.bin': value.toString('hex'), 'security.capability': CAPABILITY.toString('hex') };
      expect(record(room, 'a b\n\\\udce9')).toMatchObject({
        xattrs: hex,
        mode: '0o4755',
        mtime: MTIME,
        uid: 3,
      });
      expect(record(room, 'd')).toMatchObject({ mode: '0o500', mtime: MTIME });
      expect(Object.keys(record(room, 'd')?.xattrs ?? {})).toHaveLength(1);
    },
  );

  it('of other kinds, and on what takes none, are left out and counted', async () => {
    using room = unpackRoom();
    const layer = tar(
      pax(
        ['SCHILY.xattr.trusted.a', '1'],
        ['SCHILY.xattr.security.selinux', '2'],
        ['SCHILY.xattr.user.kept', '3'],
        ['LIBARCHIVE.xattr.user.twin', 'NA=='],
      ),
      file('f'),
      pax(['SCHILY.xattr.user.a', '1']),
      symlink('l', 'f'),
      pax(['SCHILY.xattr.security.capability', CAPABILITY]),
      file('g'),
    );
    const report = await room.unpack([layer], { owner: 'runner' });
    expect(report.skipped.map(({ path, what }) => `${what} ${path}`)).toEqual([
      'xattr "/f"',
      'xattr "/f"',
      'xattr "/l"',
      'xattr "/g"',
    ]);
    expect(report.skippedCount).toBe(4);
    expect(record(room, 'f')?.xattrs).toEqual({ 'user.kept': '33' });
  });

  it('follow a file to its other names and die with it', async () => {
    using room = unpackRoom();
    const attribute = pax(['SCHILY.xattr.user.a', '1']);
    await room.unpack([
      tar(attribute, file('a'), hardlink('b', 'a'), attribute, file('gone')),
      tar(file('.wh.a'), file('gone', 'new')),
    ]);
    expect(record(room, 'b')?.xattrs).toEqual({ 'user.a': '31' });
    expect(record(room, 'gone')).not.toHaveProperty('xattrs');
  });
});

it('names a hundred of the things left out and counts the rest', async () => {
  using room = unpackRoom();
  const attribute = pax(['SCHILY.xattr.trusted.a', '1']);
  const report = await room.unpack([
    tar(...Array.from({ length: 130 }, (_, at) => Buffer.concat([attribute, file(`f${at}`)]))),
  ]);
  expect(report).toMatchObject({ entries: 130, skippedCount: 130 });
  expect(report.skipped).toHaveLength(100);
});

it('refuses a root that is no directory', () => {
  using room = unpackRoom();
  const options = { root: `${room.sentinel}/secret`, owner: 'runner' } as const;
  expect(() => createUnpacker(options)).toThrow(expect.objectContaining({ code: 'UNPACK_FAILED' }));
});

it('unpacks below a root whose own name is not ASCII', async () => {
  using room = unpackRoom();
  const root = mkdtempSync(`${room.root}/wurzel-ä-`);
  const unpacker = createUnpacker({ root, owner: 'runner' });
  unpacker.beginLayer(0);
  unpacker.write(tar(file('d/ö', 'x'), fifo('p')));
  unpacker.endLayer();
  await unpacker.finish();
  expect(readFileSync(`${root}/d/ö`, 'utf8')).toBe('x');
});
