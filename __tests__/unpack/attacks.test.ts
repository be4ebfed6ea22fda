// Layers that try to reach out of the root. `unpackRoom` checks after each case that nothing outside has changed.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../src/errors.ts';
import { dir, file, hardlink, longName, pax, symlink, tar, tarEntry } from '../support/tar-builder.ts';
import { OWNERS, unpackRoom } from '../support/unpack-room.ts';

type Layers = (sentinel: string) => readonly Uint8Array[];

interface Refused {
  readonly name: string;
  readonly layers: Layers;
  readonly code: ErrorCode;
}

const REFUSED: Refused[] = [
  { name: 'a name that climbs out', layers: () => [tar(file('../sentinel/x'))], code: 'PATH_UNSAFE' },
  { name: 'an absolute name that climbs out', layers: () => [tar(file('/../x'))], code: 'PATH_UNSAFE' },
  { name: 'a name that climbs out on its way', layers: () => [tar(file('a/../../x'))], code: 'PATH_UNSAFE' },
  { name: 'a directory above the root', layers: () => [tar(dir('..'))], code: 'PATH_UNSAFE' },
  {
    name: 'a pax name that climbs out',
    layers: () => [tar(pax(['path', '../../x']), file('x'))],
    code: 'PATH_UNSAFE',
  },
  {
    name: 'a GNU name that climbs out',
    layers: () => [tar(longName('../../x'), file('x'))],
    code: 'PATH_UNSAFE',
  },
  { name: 'an empty name', layers: () => [tar(file(''))], code: 'PATH_UNSAFE' },
  { name: 'a whiteout of nothing', layers: () => [tar(file('.wh.'))], code: 'PATH_UNSAFE' },
  {
    name: 'a whiteout of the directory itself',
    layers: () => [tar(dir('d/'), file('d/.wh..'))],
    code: 'PATH_UNSAFE',
  },
  {
    name: 'a whiteout of the directory above the root',
    layers: () => [tar(file('.wh...'))],
    code: 'PATH_UNSAFE',
  },
  {
    name: 'a whiteout of the directory above another',
    layers: () => [tar(dir('d/'), file('d/.wh...'))],
    code: 'PATH_UNSAFE',
  },
  {
    name: 'a symbolic link in place of the root',
    layers: (out) => [tar(symlink('./', out), file('x'))],
    code: 'PATH_UNSAFE',
  },
  { name: 'a file in place of the root', layers: () => [tar(file('/'))], code: 'PATH_UNSAFE' },
  {
    name: 'a hard link in place of the root',
    layers: () => [tar(file('f'), hardlink('.', 'f'))],
    code: 'PATH_UNSAFE',
  },
  {
    name: 'a hard link to a name that climbs out',
    layers: () => [tar(hardlink('l', '../sentinel/secret'))],
    code: 'PATH_UNSAFE',
  },
  {
    name: 'a hard link to an absolute name outside',
    layers: (out) => [tar(hardlink('l', `${out}/secret`))],
    code: 'TAR_INVALID',
  },
  {
    name: 'a hard link to a name in the current directory',
    layers: () => [tar(hardlink('l', 'secret'))],
    code: 'TAR_INVALID',
  },
  {
    name: 'a hard link through a symbolic link to the outside',
    layers: (out) => [tar(symlink('l', out), hardlink('h', 'l/secret'))],
    code: 'TAR_INVALID',
  },
  {
    name: 'a hard link through a chain of links that climb',
    layers: () => [
      tar(
        dir('a/b/'),
        symlink('a/b/up', '../..'),
        symlink('c', 'a/b'),
        symlink('h', 'c/up/../..'),
        hardlink('l', 'h/sentinel/secret'),
      ),
    ],
    code: 'TAR_INVALID',
  },
  { name: 'a hard link to nothing', layers: () => [tar(hardlink('l', 'nope'))], code: 'TAR_INVALID' },
  { name: 'a hard link without a target', layers: () => [tar(hardlink('l', ''))], code: 'TAR_INVALID' },
  {
    name: 'a hard link to what comes later',
    layers: () => [tar(hardlink('l', 'f'), file('f'))],
    code: 'TAR_INVALID',
  },
  {
    name: 'a hard link to a directory',
    layers: () => [tar(dir('d/'), hardlink('l', 'd'))],
    code: 'TAR_INVALID',
  },
  { name: 'a hard link to the root', layers: () => [tar(hardlink('l', '/'))], code: 'TAR_INVALID' },
  {
    name: 'a hard link to itself that is not there',
    layers: () => [tar(hardlink('l', 'l'))],
    code: 'TAR_INVALID',
  },
  {
    name: 'a hard link in place of the directory of its target',
    layers: () => [tar(dir('d/'), file('d/f'), hardlink('d', 'd/f'))],
    code: 'TAR_INVALID',
  },
  {
    name: 'a hard link below its target',
    layers: () => [tar(file('f'), hardlink('f/x', 'f'))],
    code: 'TAR_INVALID',
  },
  {
    name: 'a loop of symbolic links as parent',
    layers: () => [tar(symlink('a', 'b'), symlink('b', 'a'), file('a/f'))],
    code: 'PATH_UNSAFE',
  },
  {
    name: 'a chain of 256 symbolic links',
    layers: () => [
      tar(
        dir('t/'),
        ...Array.from({ length: 256 }, (_, at) => symlink(`l${at}`, at === 255 ? 't' : `l${at + 1}`)),
        file('l0/f'),
      ),
    ],
    code: 'PATH_UNSAFE',
  },
  {
    name: 'symbolic links that double the work at each step',
    layers: () => [
      tar(
        ...Array.from({ length: 40 }, (_, at) => symlink(`a${at}`, `a${at + 1}/../a${at + 1}`)),
        file('a0/f'),
      ),
    ],
    code: 'PATH_UNSAFE',
  },
  { name: 'a symbolic link without a target', layers: () => [tar(symlink('l', ''))], code: 'UNPACK_FAILED' },
  {
    name: 'a symbolic link with an endless target',
    layers: () => [tar(pax(['linkpath', 'x'.repeat(5000)]), symlink('l', ''))],
    code: 'UNPACK_FAILED',
  },
  {
    name: 'an entry of an unknown type',
    layers: () => [tar(tarEntry({ name: 'v', type: 'V' }))],
    code: 'TAR_INVALID',
  },
];

interface Contained {
  readonly name: string;
  readonly layers: Layers;
  readonly tree: (sentinel: string) => Record<string, string>;
}

/** What an absolute path to the outside becomes inside of the root. */
function inside(path: string, below: Record<string, string> = {}): Record<string, string> {
  const names = path.split('/').filter(Boolean);
  const parents = names.map((_, at) => [names.slice(0, at + 1).join('/'), 'dir']);
  const children = Object.entries(below).map(([name, shape]) => [join(path, name).slice(1), shape]);
  return Object.fromEntries([...parents, ...children]);
}

const CONTAINED: Contained[] = [
  {
    name: 'an entry below a symbolic link to the outside',
    layers: (out) => [tar(symlink('l', out), file('l/secret', 'x'))],
    tree: (out) => ({ l: `link: ${out}`, ...inside(out, { secret: 'file: x' }) }),
  },
  {
    name: 'an entry below a symbolic link of a lower layer',
    layers: (out) => [tar(symlink('l', out)), tar(file('l/dir/f', 'x'))],
    tree: (out) => ({ l: `link: ${out}`, ...inside(join(out, 'dir'), { f: 'file: x' }) }),
  },
  {
    name: 'an entry below a relative symbolic link to the outside',
    layers: () => [tar(symlink('l', '../sentinel'), file('l/f', 'x'))],
    tree: () => ({ l: 'link: ../sentinel', sentinel: 'dir', 'sentinel/f': 'file: x' }),
  },
  {
    name: 'a file in place of a symbolic link to the outside',
    layers: (out) => [tar(symlink('l', `${out}/secret`)), tar(file('l', 'overwritten', { mode: 0o777 }))],
    tree: () => ({ l: 'file: overwritten' }),
  },
  {
    name: 'a directory in place of a symbolic link to the outside',
    layers: (out) => [tar(symlink('l', out)), tar(dir('l/', { mode: 0o777, mtime: 1 }))],
    tree: () => ({ l: 'dir' }),
  },
  {
    name: 'a symbolic link in place of a directory whose attributes are set at the end',
    layers: (out) => [tar(dir('d/', { mode: 0o777, mtime: 1 }), symlink('d', out))],
    tree: (out) => ({ d: `link: ${out}` }),
  },
  {
    name: 'a hard link with other attributes to a symbolic link to the outside',
    layers: (out) => [tar(symlink('l', `${out}/secret`), hardlink('h', 'l', { mode: 0o4777, mtime: 1 }))],
    tree: (out) => ({ l: `link: ${out}/secret`, h: `link: ${out}/secret` }),
  },
  {
    name: 'a whiteout below a symbolic link to the outside',
    layers: (out) => [tar(symlink('l', out)), tar(file('l/.wh.secret'), file('l/dir/.wh..wh..opq'))],
    tree: (out) => ({ l: `link: ${out}` }),
  },
  {
    name: 'an opaque directory that is a symbolic link to the outside',
    layers: (out) => [tar(symlink('l', out)), tar(file('l/.wh..wh..opq'))],
    tree: (out) => ({ l: `link: ${out}` }),
  },
  {
    name: 'a directory entry through a symbolic link to the directory above',
    layers: () => [
      tar(symlink('up', '..'), dir('up/rootfs/', { mode: 0o700 }), dir('up/sentinel/dir/', { mtime: 1 })),
    ],
    tree: () => ({ up: 'link: ..', rootfs: 'dir', sentinel: 'dir', 'sentinel/dir': 'dir' }),
  },
  {
    name: 'a parent of a parent that was swapped for a symbolic link',
    layers: (out) => [tar(dir('a/b/'), file('a/b/f')), tar(symlink('a', out), file('a/secret', 'x'))],
    tree: (out) => ({ a: `link: ${out}`, ...inside(out, { secret: 'file: x' }) }),
  },
  {
    name: 'names with backslashes and drives',
    layers: () => [tar(file('..\\..\\x', '1'), file('C:..\\y', '2'))],
    tree: () => ({ '..\\..\\x': 'file: 1', 'C:..\\y': 'file: 2' }),
  },
];

describe.each(OWNERS)('with owner %s', (owner) => {
  it.each(REFUSED)('refuses $name', async ({ layers, code }) => {
    using room = unpackRoom();
    await expect(room.unpack(layers(room.sentinel), { owner })).rejects.toMatchObject({
      name: 'PullError',
      code,
    });
  });

  it.each(CONTAINED)('keeps inside of the root: $name', async ({ layers, tree }) => {
    using room = unpackRoom();
    await room.unpack(layers(room.sentinel), { owner });
    expect(room.shape()).toEqual(tree(room.sentinel));
  });

  it('refuses two names that the file system takes for one', async () => {
    using room = unpackRoom();
    // Stands for the object that, say, `README` makes where case does not count.
    writeFileSync(join(room.root, 'readme'), 'first');
    const unpacking = room.unpack([tar(file('readme', 'second'))], { owner });
    await expect(unpacking).rejects.toMatchObject({
      code: 'PATH_UNSAFE',
      message: expect.stringContaining('"/readme"'),
    });
    expect(room.shape()).toEqual({ readme: 'file: first' });
  });

  it.each(['dir', 'symlink', 'hardlink'] as const)(
    'refuses a %s where the tree knows of nothing',
    async (kind) => {
      using room = unpackRoom();
      writeFileSync(join(room.root, 'x'), 'first');
      const entry = { dir: dir('x'), symlink: symlink('x', 'y'), hardlink: hardlink('x', 'y') }[kind];
      await expect(room.unpack([tar(file('y'), entry)], { owner })).rejects.toMatchObject({
        code: 'PATH_UNSAFE',
      });
    },
  );

  it('does not run programs of the image', async () => {
    using room = unpackRoom();
    const script = `#!/bin/sh\ntouch ${room.sentinel}/ran\n`;
    const tools = ['mkfifo', 'mknod', 'xargs', 'setfattr', 'python3'].map((name) =>
      file(`usr/bin/${name}`, script, { mode: 0o755 }),
    );
    await room.unpack([tar(...tools, tarEntry({ name: 'pipe', type: '6' }))], { owner });
    expect(existsSync(join(room.sentinel, 'ran'))).toBe(false);
  });
});

it('says in which layer and where, and does not let names write control characters', async () => {
  using room = unpackRoom();
  const unpacking = room.unpack([tar(), tar(dir('d/'), file('../\n::error::\x1b[31m'))]);
  await expect(unpacking).rejects.toMatchObject({
    message: expect.stringMatching(/layer 2, tar entry at byte 512/),
  });
  await expect(unpacking).rejects.toMatchObject({ message: expect.not.stringMatching(/[^ -~]/) });
});
