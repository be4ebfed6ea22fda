// What the file system refuses or does by halves: no hard links, short writes, a full disk.
import * as fs from 'node:fs';
import { afterEach, expect, it, vi } from 'vitest';
import { createUnpacker } from '../../src/unpack/unpacker.ts';
import {
  fifo,
  file,
  hardlink,
  MTIME,
  oldSparse,
  pax,
  symlink,
  tar,
  tarHeader,
} from '../support/tar-builder.ts';
import { canListXattrs, listTree } from '../support/tree.ts';
import { unpackRoom } from '../support/unpack-room.ts';

const fakes = vi.hoisted(() => ({
  linkError: undefined as string | undefined,
  writeError: undefined as string | undefined,
  longestWrite: Number.POSITIVE_INFINITY,
}));

function failing(code: string): Error {
  return Object.assign(new Error(code), { code });
}

vi.mock('node:fs', async (importOriginal) => {
  const real = await importOriginal<typeof fs>();
  return {
    ...real,
    linkSync: (from: fs.PathLike, to: fs.PathLike) => {
      if (fakes.linkError) throw failing(fakes.linkError);
      real.linkSync(from, to);
    },
    writeSync: (fd: number, bytes: Uint8Array, offset: number, length: number, position: number) => {
      if (fakes.writeError) throw failing(fakes.writeError);
      return real.writeSync(fd, bytes, offset, Math.min(length, fakes.longestWrite), position);
    },
  };
});

afterEach(() => {
  Object.assign(fakes, {
    linkError: undefined,
    writeError: undefined,
    longestWrite: Number.POSITIVE_INFINITY,
  });
});

it.each(['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP'])(
  'copies where hard links are refused with %s',
  async (code) => {
    using room = unpackRoom();
    fakes.linkError = code;
    const layer = tar(
      file('f', 'body', { mode: 0o4751, mtime: -5 }),
      hardlink('h', 'f'),
      symlink('l', 'f', { mtime: 7 }),
      hardlink('m', 'l'),
    );
    await room.unpack([layer, tar(hardlink('h', 'f'))]);
    expect(room.shape()).toEqual({ f: 'file: body', h: 'file: body', l: 'link: f', m: 'link: f' });
    expect(room.stat('h')).toMatchObject({
      mode: room.stat('f').mode,
      uid: room.stat('f').uid,
      mtimeNs: -5_000_000_000n,
      nlink: 1n,
    });
    expect(room.stat('m').mtimeNs).toBe(7_000_000_000n);
  },
);

it.each(['EXDEV', 'EMLINK'])('counts copies in place of hard links as files (%s)', async (code) => {
  using room = unpackRoom();
  using other = unpackRoom();
  const size = 1 << 20;
  const layer = tar(oldSparse('f', size, []), hardlink('h', 'f'), hardlink('i', 'h'));
  const limits = { totalSize: 2 * size + 4096 };
  await room.unpack([layer], { limits });
  fakes.linkError = code;
  await expect(other.unpack([layer], { limits })).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
  expect(fs.readdirSync(other.root).sort()).toEqual(['f', 'h']);
});

it.skipIf(!canListXattrs)('sets extended attributes on copies too (needs getfattr)', async () => {
  using room = unpackRoom();
  fakes.linkError = 'EMLINK';
  await room.unpack([tar(pax(['SCHILY.xattr.user.a', '1']), file('f'), hardlink('h', 'f'))]);
  const files = listTree(room.root).filter(({ type }) => type === 'file');
  expect(files.map(({ xattrs }) => xattrs)).toEqual([{ 'user.a': '31' }, { 'user.a': '31' }]);
});

it('copies nothing where a hard link fails for another reason, or to a device', async () => {
  using room = unpackRoom();
  using other = unpackRoom();
  fakes.linkError = 'EIO';
  await expect(room.unpack([tar(file('f'), hardlink('h', 'f'))])).rejects.toMatchObject({
    code: 'UNPACK_FAILED',
  });
  fakes.linkError = 'EMLINK';
  await expect(other.unpack([tar(fifo('f'), hardlink('h', 'f'))])).rejects.toMatchObject({
    code: 'UNPACK_FAILED',
  });
});

it('writes on where a write was short', async () => {
  using room = unpackRoom();
  fakes.longestWrite = 7;
  const body = 'abcdefghij'.repeat(100);
  await room.unpack([tar(file('f', body))]);
  expect(room.shape()).toEqual({ f: `file: ${body}` });
});

it.each([
  ['ENOSPC', 'DISK_FULL'],
  ['EDQUOT', 'DISK_FULL'],
  ['EIO', 'UNPACK_FAILED'],
])('reports %s as %s', async (errno, code) => {
  using room = unpackRoom();
  fakes.writeError = errno;
  await expect(room.unpack([tar(file('f', 'x'))])).rejects.toMatchObject({ name: 'PullError', code });
});

it.skipIf(!fs.existsSync('/proc/self/fd'))(
  'closes the file that was being written when it is aborted',
  () => {
    using room = unpackRoom();
    const before = fs.readdirSync('/proc/self/fd').length;
    const unpacker = createUnpacker({ root: room.root, owner: 'runner' });
    unpacker.beginLayer(0);
    unpacker.write(Buffer.concat([tarHeader({ name: 'f', size: 1000 }), Buffer.alloc(100)]));
    expect(fs.readdirSync('/proc/self/fd').length).toBe(before + 1);
    unpacker.abort();
    unpacker.abort();
    expect(fs.readdirSync('/proc/self/fd').length).toBe(before);
  },
);

it('leaves no descriptor open', async () => {
  using room = unpackRoom();
  const before = fs.existsSync('/proc/self/fd') ? fs.readdirSync('/proc/self/fd') : [];
  await room.unpack([tar(...Array.from({ length: 50 }, (_, at) => file(`d${at}/f`, 'x')))]);
  expect(fs.existsSync('/proc/self/fd') ? fs.readdirSync('/proc/self/fd') : []).toEqual(before);
  expect(room.stat('d0/f').mtimeNs).toBe(BigInt(MTIME) * 1_000_000_000n);
});
