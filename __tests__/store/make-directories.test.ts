import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeDirectories } from '../../src/store/make-directories.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const newDirectory = temporaryDirectories();

describe('makeDirectories', () => {
  it('makes all missing parents, with the same mode', async () => {
    const path = join(newDirectory(), 'a/b/c');
    await makeDirectories(path, 0o700);
    expect([path, join(path, '..')].map((each) => statSync(each).mode & 0o777)).toEqual([0o700, 0o700]);
  });

  it('is content with what is there, also through a link', async () => {
    const base = newDirectory();
    mkdirSync(join(base, 'real'));
    symlinkSync('real', join(base, 'link'));
    await makeDirectories(join(base, 'link'));
    await makeDirectories(join(base, 'link/below'));
    expect(statSync(join(base, 'real/below')).isDirectory()).toBe(true);
  });

  it('lets several callers make the same directory at once', async () => {
    const path = join(newDirectory(), 'x/y/z');
    await Promise.all(Array.from({ length: 20 }, () => makeDirectories(path)));
    expect(statSync(path).isDirectory()).toBe(true);
  });

  it('refuses a file in its place or on its way', async () => {
    const base = newDirectory();
    writeFileSync(join(base, 'file'), '');
    await expect(makeDirectories(join(base, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(makeDirectories(join(base, 'file/below'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  });

  it.skipIf(process.platform !== 'linux')('gives up where a parent can never be made', async () => {
    await expect(makeDirectories('/proc/no-such-process/below')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
