// Limits that take large layers to reach; ../corpus has the others.
import { expect, it } from 'vitest';
import { fifo, file, pax, symlink, tar } from '../support/tar-builder.ts';
import { unpackRoom } from '../support/unpack-room.ts';

it('limits devices and FIFOs', async () => {
  using room = unpackRoom();
  const layer = tar(...Array.from({ length: 10_001 }, (_, at) => fifo(`p${at}`)));
  await expect(room.unpack([layer])).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
});

it('limits attributes that wait for the end', async () => {
  using room = unpackRoom();
  const large = pax(['SCHILY.xattr.user.large', Buffer.alloc(65_000, 1)]);
  const entry = Buffer.concat([large, file('f')]);
  const layer = Buffer.concat(Array.from({ length: 1100 }, () => entry));
  await expect(room.unpack([layer])).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
});

it('counts what each attribute takes besides its bytes', async () => {
  using room = unpackRoom();
  const names = Array.from({ length: 1400 }, (_, at): [string, string] => [`SCHILY.xattr.user.${at}`, '1']);
  const entry = Buffer.concat([pax(...names), file('f')]);
  const layer = Buffer.concat(Array.from({ length: 100 }, () => entry));
  await expect(room.unpack([layer])).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
});

it('refuses a path that grows too long for the kernel by way of links, whatever the limits are', async () => {
  using room = unpackRoom();
  const deep = 'd/'.repeat(1000);
  const lower = tar(
    pax(['linkpath', deep]),
    symlink('l', ''),
    pax(['linkpath', `l/${deep}`]),
    symlink('m', ''),
  );
  const upper = tar(pax(['path', `m/${deep}f`]), file('x'));
  const limits = { depth: 10_000, pathLength: 10_000 };
  await expect(room.unpack([lower, upper], { limits })).rejects.toMatchObject({ code: 'UNPACK_FAILED' });
  using other = unpackRoom();
  await expect(other.unpack([lower, upper])).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
});
