// What a listing of the tree does not show of attributes, see ../corpus for the rest; and roots of odd kinds.
import { mkdtempSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { createUnpacker } from '../../src/unpack/unpacker.ts';
import { dir, fifo, file, pax, symlink, tar } from '../support/tar-builder.ts';
import { unpackRoom } from '../support/unpack-room.ts';

it('sets times right to a quarter of a microsecond, and never a second too late', async () => {
  using room = unpackRoom();
  await room.unpack([
    tar(pax(['mtime', '1700000000.123456789']), file('a'), pax(['mtime', '1700000000.999999999']), file('b')),
  ]);
  expect(Number(room.stat('a').mtimeNs - 1_700_000_000_123_456_789n)).toBeGreaterThanOrEqual(-250);
  expect(Number(room.stat('a').mtimeNs - 1_700_000_000_123_456_789n)).toBeLessThanOrEqual(250);
  expect(room.stat('b').mtimeNs / 1_000_000_000n).toBe(1_700_000_000n);
});

it('takes the time of the last change for the one of the last access', async () => {
  using room = unpackRoom();
  await room.unpack([tar(file('f', 'x', { mtime: -5 }), symlink('l', 'f', { mtime: 7 }), file('i/f'))]);
  expect(['f', 'l'].map((path) => room.stat(path).atimeNs)).toEqual([-5_000_000_000n, 7_000_000_000n]);
});

it('names what was left out as the tree has it, however the archive writes it', async () => {
  using room = unpackRoom();
  const attribute = pax(['SCHILY.xattr.trusted.a', '1']);
  const report = await room.unpack([
    tar(attribute, file('./a'), attribute, file('/b'), attribute, dir('./d/')),
  ]);
  expect(report.skipped.named.map(({ path }) => path)).toEqual(['a', 'b', 'd']);
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
