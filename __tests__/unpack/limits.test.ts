// What is too much is refused, and what is just allowed is not.
import { expect, it } from 'vitest';
import type { UnpackLimits } from '../../src/unpack/limits.ts';
import { dir, fifo, file, oldSparse, pax, symlink, tar } from '../support/tar-builder.ts';
import { unpackRoom } from '../support/unpack-room.ts';

interface Case {
  readonly name: string;
  readonly limits: Partial<UnpackLimits>;
  readonly allowed: readonly Uint8Array[];
  readonly refused: readonly Uint8Array[];
}

const CASES: Case[] = [
  {
    name: 'entries',
    limits: { entries: 3 },
    allowed: [tar(file('a'), file('b')), tar(file('c'))],
    refused: [tar(file('a'), file('b')), tar(file('c'), file('d'))],
  },
  {
    name: 'directories without an entry',
    limits: { entries: 3 },
    allowed: [tar(file('a/b/c'))],
    refused: [tar(file('a/b/c/d'))],
  },
  {
    name: 'entries that are whiteouts',
    limits: { entries: 1 },
    allowed: [tar(file('.wh.a'))],
    refused: [tar(file('.wh.a'), file('.wh.b'))],
  },
  {
    name: 'the size of a file',
    limits: { fileSize: 4 },
    allowed: [tar(file('a', '1234'))],
    refused: [tar(file('a', '12345'))],
  },
  {
    name: 'the size of a file with holes',
    limits: { fileSize: 1 << 20 },
    allowed: [tar(oldSparse('a', 1 << 20, []))],
    refused: [tar(oldSparse('a', (1 << 20) + 1, []))],
  },
  {
    name: 'the size of all files',
    limits: { totalSize: 8192 },
    allowed: [tar(oldSparse('a', 4096, [])), tar(oldSparse('b', 4096, []))],
    refused: [tar(oldSparse('a', 4096, [])), tar(oldSparse('b', 4097, []))],
  },
  {
    name: 'the size of all streams',
    limits: { totalSize: 4096 },
    allowed: [tar(file('a')), tar(file('a'))],
    refused: [tar(file('a')), tar(file('a')), tar(), tar()],
  },
  {
    name: 'the length of a name',
    limits: { pathLength: 10 },
    allowed: [tar(file('1234/6789a'))],
    refused: [tar(file('1234/6789ab'))],
  },
  {
    name: 'the length of a component',
    limits: {},
    allowed: [tar(pax(['path', 'n'.repeat(255)]), file('x'))],
    refused: [tar(pax(['path', 'n'.repeat(256)]), file('x'))],
  },
  {
    name: 'the length of a component on the way',
    limits: { componentLength: 4 },
    allowed: [tar(file('1234/f'))],
    refused: [tar(file('12345/f'))],
  },
  { name: 'depth', limits: { depth: 3 }, allowed: [tar(file('1/2/f'))], refused: [tar(file('1/2/3/f'))] },
  {
    name: 'devices and FIFOs',
    limits: {},
    allowed: [],
    refused: [tar(...Array.from({ length: 10_001 }, (_, at) => fifo(`p${at}`)))],
  },
];

it.each(CASES)('limits $name', async ({ limits, allowed, refused }) => {
  using room = unpackRoom();
  using other = unpackRoom();
  await room.unpack(allowed, { limits });
  await expect(other.unpack(refused, { limits })).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
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

it('limits the components that links add to one lookup', async () => {
  using room = unpackRoom();
  using other = unpackRoom();
  const chain = (length: number) =>
    Array.from({ length }, (_, at) =>
      Buffer.concat([
        pax(['linkpath', at === 0 ? 'd' : `l${at - 1}${'/.'.repeat(2000)}`]),
        symlink(`l${at}`, ''),
      ]),
    );
  await room.unpack([tar(dir('d/'), ...chain(9), file('l8/f'))]);
  expect(room.stat('d/f').isFile()).toBe(true);
  await expect(other.unpack([tar(dir('d/'), ...chain(10), file('l9/f'))])).rejects.toMatchObject({
    code: 'LIMIT_EXCEEDED',
  });
});

it('refuses a path that grows too long for the kernel by way of links', async () => {
  using room = unpackRoom();
  const deep = 'd/'.repeat(1000);
  const lower = tar(
    pax(['linkpath', deep]),
    symlink('l', ''),
    pax(['linkpath', `l/${deep}`]),
    symlink('m', ''),
  );
  const upper = tar(pax(['path', `m/${deep}f`]), file('x'));
  await expect(room.unpack([lower, upper])).rejects.toMatchObject({ code: 'UNPACK_FAILED' });
});
