// Devices and FIFOs: made at the end, so what happens to their names before must come out right.
import { describe, expect, it } from 'vitest';
import { char, dir, fifo, file, hardlink, symlink, tar, tarEntry } from '../support/tar-builder.ts';
import { isRoot, listTree } from '../support/tree.ts';
import { OWNERS, unpackRoom } from '../support/unpack-room.ts';

const block = (name: string, device: [number, number]) => tarEntry({ name, type: '4', device });

describe.each(OWNERS)('with owner %s', (owner) => {
  it('makes FIFOs with any name, all their names, and their attributes', async () => {
    using room = unpackRoom();
    const odd = Buffer.from('-m 777\n\xe9 $(x)', 'latin1');
    const report = await room.unpack(
      [tar(dir('d/'), fifo('d/p', { mode: 0o4641, mtime: 7 }), hardlink('q', 'd/p'), fifo(odd))],
      { owner },
    );
    expect(room.shape()).toEqual({ d: 'dir', 'd/p': 'fifo', q: 'fifo', '-m 777\n\udce9 $(x)': 'fifo' });
    expect(room.stat('q')).toMatchObject({ ino: room.stat('d/p').ino, mtimeNs: 7_000_000_000n });
    expect(Number(room.stat('q').mode) & 0o7777).toBe(owner === 'runner' ? 0o641 : 0o4641);
    expect(report.skippedCount).toBe(0);
  });

  it('leaves no trace of one that was replaced, removed, or whose directory went', async () => {
    using room = unpackRoom();
    const lower = tar(fifo('a'), fifo('b'), dir('d/'), fifo('d/c'), fifo('e'), fifo('x/y'));
    const upper = tar(file('a', 'file'), file('.wh.b'), file('.wh.d'), dir('e/'), symlink('x', 'e'));
    await room.unpack([lower, upper], { owner });
    expect(room.shape()).toEqual({ a: 'file: file', e: 'dir', x: 'link: e' });
  });

  it('keeps the link to one whose first name was removed', async () => {
    using room = unpackRoom();
    await room.unpack([tar(fifo('a'), hardlink('b', 'a')), tar(file('.wh.a'))], { owner });
    expect(room.shape()).toEqual({ b: 'fifo' });
  });

  it('puts one in place of a file and of a directory', async () => {
    using room = unpackRoom();
    await room.unpack([tar(file('a'), file('d/f')), tar(fifo('a'), fifo('d'))], { owner });
    expect(room.shape()).toEqual({ a: 'fifo', d: 'fifo' });
  });
});

it.skipIf(!isRoot())('makes devices with their numbers (needs root)', async () => {
  using room = unpackRoom();
  const layer = tar(char('c', [1, 3]), block('b', [259, 70_000]), hardlink('l', 'c'), char('w', [0, 0]));
  const report = await room.unpack([layer], { owner: 'preserve' });
  const devices = listTree(room.root).filter(({ rdev }) => rdev);
  expect(devices.map(({ path, type, rdev }) => [path, type, rdev])).toEqual([
    ['b', 'block', [259, 70_000]],
    ['c', 'char', [1, 3]],
    ['l', 'char', [1, 3]],
    ['w', 'char', [0, 0]],
  ]);
  expect(report.skippedCount).toBe(0);
});

it('records devices that only root can make, and every name of them', async () => {
  using room = unpackRoom();
  const report = await room.unpack([tar(char('c', [1, 3]), hardlink('l', 'c'), file('f'))], {
    owner: 'runner',
  });
  expect(room.shape()).toEqual({ f: 'file: ' });
  expect(report.skipped).toEqual([
    { path: '"/c"', what: 'device', reason: 'devices need root' },
    { path: '"/l"', what: 'device', reason: 'devices need root' },
  ]);
});

it.skipIf(!isRoot())('records a device that the kernel refuses, and goes on (needs root)', async () => {
  using room = unpackRoom();
  const report = await room.unpack([tar(char('bad', [5000, 1]), char('good', [1, 3]))], {
    owner: 'preserve',
  });
  expect(room.shape()).toEqual({ good: 'char' });
  expect(report.skipped).toMatchObject([{ path: '"/bad"', what: 'device' }]);
  expect(report.skipped[0]?.reason).not.toBe('');
});
