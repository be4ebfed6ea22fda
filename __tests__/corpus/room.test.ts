// The room in which cases run notices whatever happens outside of the root.
import * as fs from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runCase } from './room.ts';

const DEEDS: readonly { readonly name: string; readonly touch: (sentinel: string) => void }[] = [
  { name: 'a new file', touch: (at) => fs.writeFileSync(join(at, 'new'), '') },
  { name: 'a new file beside the root', touch: (at) => fs.writeFileSync(join(at, '..', 'new'), '') },
  {
    name: 'a file written with the same content',
    touch: (at) => fs.writeFileSync(join(at, 'secret'), 'untouched'),
  },
  { name: 'a mode', touch: (at) => fs.chmodSync(join(at, 'locked'), 0o600) },
  { name: 'a time', touch: (at) => fs.utimesSync(join(at, 'dir', 'inner'), 5, 5) },
  {
    name: 'another name of a file',
    touch: (at) => fs.linkSync(join(at, 'target'), join(at, '..', 'rootfs', 'l')),
  },
  { name: 'a file that is gone', touch: (at) => fs.rmSync(join(at, 'dir', 'inner')) },
  {
    name: 'a link replaced by the same link',
    touch: (at) => {
      fs.rmSync(join(at, 'link'));
      fs.symlinkSync('target', join(at, 'link'));
    },
  },
  {
    name: 'something made and removed again',
    touch: (at) => fs.rmdirSync(fs.mkdtempSync(join(at, '..', 'x-'))),
  },
  {
    name: 'another root',
    touch: (at) => {
      fs.renameSync(join(at, '..', 'rootfs'), join(at, '..', 'moved'));
      fs.mkdirSync(join(at, '..', 'rootfs'));
    },
  },
];

it.each(DEEDS)('notices $name', async ({ touch }) => {
  const layers = (outside: string) => {
    touch(outside);
    return [];
  };
  expect((await runCase({ name: 'deed', layers, tree: {} }, 'runner')).touched).not.toEqual([]);
});

it('notices nothing where nothing happens, and comes back to where it was', async () => {
  const cwd = process.cwd();
  expect((await runCase({ name: 'none', layers: [], tree: {} }, 'runner')).touched).toEqual([]);
  expect(process.cwd()).toBe(cwd);
});
