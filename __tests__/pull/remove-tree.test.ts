import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { removeOwnTree } from '../../src/pull/remove-tree.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const newDirectory = temporaryDirectories();

describe('removeOwnTree', () => {
  it.each([0o755, 0])('removes a tree of mode %o', async (mode) => {
    const path = join(newDirectory(), 'tree');
    mkdirSync(join(path, 'sub'), { recursive: true });
    writeFileSync(join(path, 'sub/file'), '');
    chmodSync(path, mode);
    await removeOwnTree({ path });
    expect(existsSync(path)).toBe(false);
  });

  it('removes a link alone, and changes nothing of what it leads to', async () => {
    const [path, outside] = [join(newDirectory(), 'tree'), newDirectory()];
    writeFileSync(join(outside, 'mine'), '');
    chmodSync(outside, 0o755);
    symlinkSync(outside, path);
    await removeOwnTree({ path });
    expect([existsSync(path), readdirSync(outside), lstatSync(outside).mode & 0o777]).toEqual([
      false,
      ['mine'],
      0o755,
    ]);
  });

  it('has nothing to do where there is nothing', async () => {
    await expect(removeOwnTree({ path: join(newDirectory(), 'tree') })).resolves.toBeUndefined();
  });
});
