// Devices that cannot be made. What becomes of the others, ../corpus says.
import { expect, it } from 'vitest';
import { char, file, hardlink, tar } from '../support/tar-builder.ts';
import { isRoot } from '../support/tree.ts';
import { unpackRoom } from '../support/unpack-room.ts';

it('records devices that only root can make, and every name of them', async () => {
  using room = unpackRoom();
  const report = await room.unpack([tar(char('c', [1, 3]), hardlink('l', 'c'), file('f'))], {
    owner: 'runner',
  });
  expect(room.shape()).toEqual({ f: 'file: ' });
  expect(report.skipped).toMatchObject({ count: 2, byKind: { device: 2, fifo: 0, xattr: 0 } });
  expect(report.skipped.named.map(({ path, kind }) => `${kind} ${path}`)).toEqual(['device c', 'device l']);
});

it.skipIf(!isRoot())('records a device that the kernel refuses, and goes on (needs root)', async () => {
  using room = unpackRoom();
  const report = await room.unpack([tar(char('bad', [5000, 1]), char('good', [1, 3]))], {
    owner: 'preserve',
  });
  expect(room.shape()).toEqual({ good: 'char' });
  expect(report.skipped.named).toMatchObject([{ path: 'bad', kind: 'device' }]);
  expect(report.skipped.named[0]?.reason).not.toBe('');
});
