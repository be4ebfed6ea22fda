import { describe, expect, it } from 'vitest';
import { acquirePrivileges } from '../../src/pull/privileges.ts';
import { unpackHere } from '../../src/pull/unpack-here.ts';
import { isRoot } from '../support/tree.ts';

const acquire = (ownership: Parameters<typeof acquirePrivileges>[0]['ownership']) =>
  acquirePrivileges({ ownership, destination: '/nowhere/rootfs', emit: () => undefined });

// What other users get is tested with the built program, in acceptance/ownership.test.ts.
describe('this process', () => {
  it('unpacks by itself for its own user', async () => {
    await using own = await acquire('runner');
    expect(own).toMatchObject({ owner: 'runner', unpack: unpackHere, removeTree: undefined });
  });

  it('preserves owners by itself and by default where it is root', async () => {
    await using usual = await acquire('auto');
    expect(usual).toMatchObject({ owner: isRoot() ? 'preserve' : 'runner', removeTree: undefined });
  });

  it.skipIf(!isRoot())('preserves owners by itself where it is asked to as root (needs root)', async () => {
    await using own = await acquire('preserve');
    expect(own).toMatchObject({ owner: 'preserve', unpack: unpackHere, removeTree: undefined });
  });
});
