import { basename, dirname } from 'node:path';
import { expect, it } from 'vitest';
import { isStagingName, newStagingPath, oldTreePath, stagingPrefix } from '../../src/elevate/staging-name.ts';

it.each(['/work/rootfs', '/rootfs', '/work/a b\nc', '/work/.hidden'])(
  'a staging directory of %j lies beside it, under a name that is known again',
  (destination) => {
    const path = newStagingPath(destination);
    expect(dirname(path)).toBe(dirname(destination));
    expect(basename(path).startsWith(stagingPrefix(destination))).toBe(true);
    expect([path, oldTreePath(path)].map((each) => isStagingName(basename(each)))).toEqual([true, true]);
    expect(newStagingPath(destination)).not.toBe(path);
  },
);

it.each([
  'rootfs',
  '.oci-pull-0123456789ab',
  '..oci-pull-',
  'x.oci-pull-0123456789ab',
  '.x.oci-pull-0123456789a',
  '.x.oci-pull-0123456789AB',
  '.x.oci-pull-0123456789ab.old.old',
  '.x.oci-pull-0123456789ab.config',
  '.x.oci-pull-0123456789ab/..',
])('%j is no name of a staging directory', (name) => {
  expect(isStagingName(name)).toBe(false);
});
