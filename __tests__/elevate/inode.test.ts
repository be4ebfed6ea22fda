import { type BigIntStats, lstatSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inodeName, isInode, isInodeAt } from '../../src/elevate/inode.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const newDirectory = temporaryDirectories();

function stats(ino: bigint, [birthtimeNs, ctimeNs]: [bigint, bigint], dev = 1n): BigIntStats {
  return { ...lstatSync('/', { bigint: true }), ino, dev, birthtimeNs, ctimeNs } as BigIntStats;
}

describe('isInode', () => {
  const PARENT = stats(2n, [10n, 30n]);
  const BIRTHLESS = stats(2n, [30n, 30n]);

  it.each<[string, boolean, [BigIntStats, BigIntStats]]>([
    ['of the same number and birth', true, [stats(7n, [20n, 40n]), PARENT]],
    ['of the same birth only', false, [stats(8n, [20n, 40n]), PARENT]],
    ['of the same number only', false, [stats(7n, [25n, 40n]), PARENT]],
    ['of the same number only that has not changed since its birth', false, [stats(7n, [40n, 40n]), PARENT]],
    ['of the same number where nothing has a time of birth', true, [stats(7n, [40n, 40n]), BIRTHLESS]],
    ['of the same number in a birthless parent of elsewhere', false, [stats(7n, [40n, 40n], 5n), BIRTHLESS]],
    ['of another number where nothing has a time of birth', false, [stats(8n, [40n, 40n]), BIRTHLESS]],
  ])('takes a directory %s for the one that was named: %s', (_, expected, [found, parent]) => {
    expect(isInode(found, '7 20', parent)).toBe(expected);
  });
});

describe('isInodeAt', () => {
  it('knows a directory that was filled and renamed, and nothing where there is nothing', async () => {
    const path = join(newDirectory(), 'one');
    mkdirSync(path);
    const name = inodeName(lstatSync(path, { bigint: true }));
    writeFileSync(join(path, 'file'), '');
    renameSync(path, `${path}.away`);
    expect([await isInodeAt(`${path}.away`, name), await isInodeAt(path, name)]).toEqual([true, false]);
  });
});
