// What programs of the host are given at the end, and what the root looks like meanwhile.
import { statSync } from 'node:fs';
import { beforeEach, expect, it, vi } from 'vitest';
import { dir, fifo, file, hardlink, pax, tar } from '../support/tar-builder.ts';
import { unpackRoom } from '../support/unpack-room.ts';

const host = vi.hoisted(() => ({ runs: [] as { tool: string; input: Buffer; mode: number }[], root: '' }));

vi.mock('../../src/unpack/host-tools.ts', () => ({
  findTool: (name: string) => `/tools/${name}`,
  runTool: async (tool: string, _args: readonly string[], input: Buffer) => {
    host.runs.push({ tool, input, mode: statSync(host.root).mode & 0o7777 });
    return { status: 0, stdout: '', stderr: '' };
  },
}));

beforeEach(() => {
  host.runs = [];
});

it('opens the root to others only after all programs have run', async () => {
  using room = unpackRoom();
  host.root = room.root;
  const attribute = pax(['SCHILY.xattr.user.a', '1']);
  await room.unpack([tar(attribute, dir('./', { mode: 0o777, mtime: 5 }), fifo('p'), attribute, file('f'))]);
  expect(host.runs.map(({ tool, mode }) => [tool, mode])).toEqual([
    ['/tools/xargs', 0o700],
    ['/tools/setfattr', 0o700],
  ]);
  expect(Number(room.stat('').mode) & 0o7777).toBe(0o777);
  expect(room.stat('').mtimeNs).toBe(5_000_000_000n);
});

it('sets the attributes of a file once, however many names it has', async () => {
  using room = unpackRoom();
  host.root = room.root;
  const links = Array.from({ length: 1000 }, (_, at) => hardlink(`h${at}`, at === 0 ? 'f' : `h${at - 1}`));
  await room.unpack([tar(pax(['SCHILY.xattr.user.a', Buffer.alloc(60_000, 1)]), file('f'), ...links)]);
  expect(host.runs.map(({ input }) => input.toString('latin1').match(/# file:/g)?.length)).toEqual([1]);
});

it('gives many large attributes to programs in pieces, each file in one of them', async () => {
  using room = unpackRoom();
  host.root = room.root;
  const attribute = pax(['SCHILY.xattr.user.a', Buffer.alloc(60_000, 1)]);
  await room.unpack([
    tar(...Array.from({ length: 100 }, (_, at) => Buffer.concat([attribute, file(`f${at}`)]))),
  ]);
  const all = Buffer.concat(host.runs.map(({ input }) => input)).toString('latin1');
  expect(new Set(all.match(/\/f\d+$/gm)).size).toBe(100);
  expect(host.runs.length).toBeGreaterThan(2);
  expect(Math.max(...host.runs.map(({ input }) => input.length))).toBeLessThan(5 << 20);
});
