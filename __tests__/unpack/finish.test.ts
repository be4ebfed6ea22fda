// What is done at the end: the order in which the kernel saw it, and what programs of the host are given.
import { statSync, watch, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { createTarReader } from '../../src/tar/reader.ts';
import { whatIsLeft } from '../../src/unpack/finish.ts';
import { findTool } from '../../src/unpack/host-tools.ts';
import { DEFAULT_LIMITS, MAX_XATTR_INPUT } from '../../src/unpack/limits.ts';
import { Planner } from '../../src/unpack/planner.ts';
import { Quota } from '../../src/unpack/quota.ts';
import { SkipList } from '../../src/unpack/skips.ts';
import { inputSize, piecesOf } from '../../src/unpack/xattrs.ts';
import { sinkOnNothing } from '../support/nothing-sink.ts';
import { takesXattrs } from '../support/takes-xattrs.ts';
import { dir, fifo, file, hardlink, pax, tar } from '../support/tar-builder.ts';
import { unpackRoom } from '../support/unpack-room.ts';

const canWatch = process.platform === 'linux' && findTool('mkfifo') !== undefined && takesXattrs();

it.skipIf(!canWatch)(
  'opens the root to others only after all programs have run (needs Linux, setfattr and mkfifo)',
  async () => {
    using room = unpackRoom();
    const attribute = pax(['SCHILY.xattr.user.a', '1']);
    const layer = tar(attribute, dir('./', { mode: 0o777, mtime: 5 }), fifo('p'), attribute, file('f'));
    expect(statSync(room.root).mode & 0o7777).toBe(0o700);
    const seen: string[] = [];
    const watcher = watch(room.root, (_, name) => void seen.push(name ?? ''));
    await room.unpack([layer]);
    expect(Number(room.stat('').mode) & 0o7777).toBe(0o777);
    expect(room.stat('').mtimeNs).toBe(5_000_000_000n);
    // Events come in order: what this test does last is seen last.
    writeFileSync(join(room.root, 'last'), '');
    await vi.waitFor(() => expect(seen).toContain('last'), 5_000);
    watcher.close();
    const own = seen.indexOf(basename(room.root));
    expect(seen).toEqual(expect.arrayContaining(['p', 'f']));
    // The first thing that happens to the root itself, its mode or an attribute of it, comes after all that happens in it.
    expect(own).toBeGreaterThan(Math.max(seen.lastIndexOf('p'), seen.lastIndexOf('f')));
  },
);

/** The tree that the layer makes, on no disk. */
function treeOf(layer: Buffer) {
  const options = { sink: sinkOnNothing(), limits: DEFAULT_LIMITS, owner: 'runner' } as const;
  const planner = new Planner({ ...options, quota: new Quota(DEFAULT_LIMITS), skips: new SkipList() });
  const reader = createTarReader(planner);
  planner.beginLayer(0);
  reader.push(layer);
  reader.finish();
  planner.endLayer();
  return planner.root;
}

it('sets the attributes of a file once, however many names it has', () => {
  const links = Array.from({ length: 1000 }, (_, at) => hardlink(`h${at}`, at === 0 ? 'f' : `h${at - 1}`));
  const { xattrs } = whatIsLeft(
    treeOf(tar(pax(['SCHILY.xattr.user.a', Buffer.alloc(60_000, 1)]), file('f'), ...links)),
  );
  expect(xattrs.map(({ path }) => path)).toEqual(['f']);
});

it('makes a FIFO once, and then its other names', () => {
  const { special } = whatIsLeft(treeOf(tar(fifo('p'), dir('d'), hardlink('d/q', 'p'))));
  expect(special.map(({ names }) => names.toSorted())).toEqual([['d/q', 'p']]);
});

it('gives many large attributes to programs in pieces, each file in one of them', () => {
  const attribute = pax(['SCHILY.xattr.user.a', Buffer.alloc(60_000, 1)]);
  const files = Array.from({ length: 100 }, (_, at) => Buffer.concat([attribute, file(`f${at}`)]));
  const { xattrs } = whatIsLeft(treeOf(tar(...files)));
  const pieces = [...piecesOf(xattrs)];
  expect(pieces.flat().map(({ path }) => path)).toEqual(xattrs.map(({ path }) => path));
  expect(new Set(pieces.flat()).size).toBe(100);
  const sizes = pieces.map((piece) => piece.reduce((sum, each) => sum + inputSize(each), 0));
  expect(sizes.length).toBeGreaterThan(2);
  expect(Math.max(...sizes)).toBeLessThan(MAX_XATTR_INPUT + (1 << 20));
});
