import { lstatSync, mkdirSync, readdirSync, renameSync, symlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { inodeName } from '../../src/elevate/inode.ts';
import { acquirePrivileges } from '../../src/pull/privileges.ts';
import { unpackHere } from '../../src/pull/unpack-here.ts';
import { rejected } from '../support/pull-error.ts';
import { dir, file, tar } from '../support/tar-builder.ts';
import { temporaryDirectories } from '../support/temporary.ts';
import { isRoot } from '../support/tree.ts';
import { plainLayer, unpackJob } from '../support/unpack-job.ts';

const newDirectory = temporaryDirectories();
const HOOKS = { signal: new AbortController().signal, onEvent: () => undefined };

const acquire = (ownership: Parameters<typeof acquirePrivileges>[0]['ownership']) =>
  acquirePrivileges({ ownership, destination: '/nowhere/rootfs', emit: () => undefined });

// What other users get is tested with the built program, in acceptance/ownership.test.ts.
describe('this process', () => {
  it('unpacks by itself for its own user', async () => {
    await using own = await acquire('runner');
    expect(own).toMatchObject({ owner: 'runner', removeTree: undefined });
    if (!isRoot()) expect(own.unpack).toBe(unpackHere);
  });

  it('preserves owners by itself and by default where it is root', async () => {
    await using usual = await acquire('auto');
    expect(usual).toMatchObject({ owner: isRoot() ? 'preserve' : 'runner', removeTree: undefined });
  });

  it.skipIf(!isRoot())('preserves owners by itself where it is asked to as root (needs root)', async () => {
    await using own = await acquire('preserve');
    expect(own).toMatchObject({ owner: 'preserve', removeTree: undefined });
  });

  describe.skipIf(!isRoot() || process.platform !== 'linux')('as root (needs root)', () => {
    const image = () => [plainLayer(tar(dir('./', { mode: 0o755 }), file('evil', 'x')))];
    const nameOf = (path: string) => ({ path, inode: inodeName(lstatSync(path, { bigint: true })) });

    it('fills the directory that it has made, though another takes its name meanwhile', async () => {
      await using own = await acquire('preserve');
      const [job, outside] = [unpackJob(newDirectory(), image()), newDirectory()];
      own.onStaged?.(nameOf(job.root));
      const done = own.unpack(job, HOOKS);
      renameSync(job.root, `${job.root}.away`);
      symlinkSync(outside, job.root);
      await done;
      expect([readdirSync(outside), readdirSync(`${job.root}.away`)]).toEqual([[], ['evil']]);
    });

    it.each<[string, (root: string, outside: string) => void]>([
      ['a link', (root, outside) => symlinkSync(outside, root)],
      ['another directory', (root) => mkdirSync(root, { mode: 0o700 })],
    ])('fills nothing where %s has taken its place', async (_, replace) => {
      await using own = await acquire('preserve');
      const [job, outside] = [unpackJob(newDirectory(), image()), newDirectory()];
      own.onStaged?.(nameOf(job.root));
      renameSync(job.root, `${job.root}.away`);
      replace(job.root, outside);
      await rejected('UNPACK_FAILED', own.unpack(job, HOOKS));
      expect([readdirSync(outside), readdirSync(job.root)]).toEqual([[], []]);
    });
  });
});
